package provider

import (
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A kind is one kind of stack: what its resource has beside what every stack has.
// The trigger's attributes have the names of its JSON in the model.
type kind struct {
	kind stack.Kind
	// doc is the resource's description.
	doc string
	// attributes of the trigger.
	attributes func() map[string]schema.Attribute
	// outputs are those attributes that only the target knows, each with the
	// attribute that brings it about, or "" if it is always there.
	outputs map[string]string
	// replaced are further attributes that cannot change in place.
	replaced []string

	schemaOnce sync.Once
	schemaMade schema.Schema
}

// kinds of stack, one resource each.
var kinds = []*kind{plainStack, httpAPI, queue, schedule}

// schema of the resource. It is made once: the framework makes a resource for every
// request.
func (k *kind) schema() schema.Schema {
	k.schemaOnce.Do(func() { k.schemaMade = stackSchema(k) })
	return k.schemaMade
}
