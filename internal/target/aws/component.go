package aws

import (
	"context"
	"fmt"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A component is one piece of infrastructure that a stack owns. A value serves one
// operation on one stack, in this order: read, then as often as needed show, want
// and state, and then apply or remove, at most once. Calls of one component do not
// overlap; those of different ones do, unless one needs the other.
type component interface {
	// name in stack.Deployment.Components, such as "functions/fulfil/role".
	name() string
	// subject says what it is to a person, with its name on AWS: `role "orders-fulfil-1a2b3c4d"`.
	subject() string

	// read looks at what there is now. That it is missing is no error. A component is
	// read after its parent (see inventory), and not at all if the parent is missing.
	read(ctx context.Context) error
	// exists tells whether read found it, or apply made it, whoever it belongs to.
	exists() bool
	// foreign tells whether what exists belongs to somebody else.
	foreign() bool
	// show adds what there is to a deployment: to its stack, in the words of the model,
	// and to its status. It is called only for what exists and is not foreign.
	show(d *stack.Deployment)

	// want takes from a stack what the component should be.
	want(s stack.Stack)
	// wanted tells whether the stack that was wanted has this component at all.
	wanted() bool
	// drift compares what there is with what is wanted, as far as no attribute of the
	// stack shows it: "" or a phrase such as "has the further policy X attached". It is
	// called only if the component is wanted, exists and is not foreign.
	drift() string

	// apply makes what is wanted: it creates, changes or does nothing, and afterwards
	// show tells the result. What it needs has been applied before.
	apply(ctx context.Context) error
	// remove deletes it. That it is gone already is no error.
	remove(ctx context.Context) error
}

// What Deployment.Components says of a component beside stack.Ready.
const (
	stateMissing  = "missing"
	stateForeign  = "replaced by something that belongs to somebody else"
	stateLeftOver = "left over"
)

// state is what Deployment.Components says of a component; "" if it does not
// concern the stack.
func state(c component) string {
	switch {
	case !c.wanted() && (!c.exists() || c.foreign()):
		return ""
	case !c.wanted():
		return stateLeftOver
	case !c.exists():
		return stateMissing
	case c.foreign():
		return stateForeign
	}
	if drift := c.drift(); drift != "" {
		return drift
	}
	return stack.Ready
}

// A foreignError says that a name is taken.
type foreignError struct{ component component }

func (e *foreignError) Error() string {
	return fmt.Sprintf("there is a %s already, and it does not belong to this stack; delete or rename it, choose another name, "+
		"or have the stack take it over by giving it the tag %s with the stack's name", e.component.subject(), tagStack)
}
