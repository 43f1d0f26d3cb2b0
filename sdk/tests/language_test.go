package tests

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/go/tidegate"
)

// A program declares one queue and its function, of names and values that it reads from
// Pulumi's configuration, the same in each language.
type program interface {
	// stack is what everything but preview and up is done with.
	stack() *auto.Stack
	preview() (changes, error)
	up() (result, error)
}

// result is what `pulumi up` has done, and the program's outputs.
type result struct {
	changes changes
	outputs map[string]any
}

// languages are how programs of each language are run.
var languages = map[string]func(*lab) program{
	"Go":         goProgram,
	"Python":     pythonProgram,
	"TypeScript": nodeProgram,
	"YAML":       yamlProgram,
}

// native runs by the Automation API of Go: a program in Go, or of a language that
// Pulumi's command line has a host of.
type native struct {
	l *lab
	s *auto.Stack
}

func yamlProgram(l *lab) program {
	l.copyProject("yaml")
	return native{l, l.stack(nil)}
}

func goProgram(l *lab) program { return native{l, l.stack(declareOrders)} }

func declareOrders(ctx *pulumi.Context) error {
	c := config.New(ctx, "")
	orders, err := tidegate.NewQueue(ctx, "orders", &tidegate.QueueArgs{
		Name:       pulumi.String(c.Require("name")),
		DeadLetter: &tidegate.QueueDeadLetterArgs{MaxReceives: pulumi.Int(5)},
		Consumer: &tidegate.QueueConsumerArgs{
			Function:  pulumi.String("greet"),
			BatchSize: pulumi.Int(5),
		},
		Functions: tidegate.FunctionMap{
			"greet": &tidegate.FunctionArgs{
				Source:         pulumi.String(c.Require("source")),
				Runtime:        pulumi.String(c.Require("python")),
				Handler:        pulumi.String("app.handler"),
				Environment:    pulumi.StringMap{"GREETING": pulumi.String(c.Require("greeting"))},
				SecretsWo:      pulumi.StringMap{"API_KEY": c.RequireSecret("apiKey")},
				SecretsVersion: pulumi.String("1"),
			},
		},
	})
	if err != nil {
		return err
	}
	ctx.Export("url", orders.Url)
	ctx.Export("aliasArn", orders.Functions.MapIndex(pulumi.String("greet")).AliasArn())
	ctx.Export("releaseId", orders.ReleaseId)
	return nil
}

func (n native) stack() *auto.Stack { return n.s }

func (n native) preview() (changes, error) {
	p, err := n.s.Preview(n.l.context())
	done := changes{}
	for op, n := range p.ChangeSummary {
		done[string(op)] = n
	}
	return done, err
}

func (n native) up() (result, error) {
	u, err := n.s.Up(n.l.context())
	r := result{changes: changes{}, outputs: map[string]any{}}
	if u.Summary.ResourceChanges != nil {
		r.changes = *u.Summary.ResourceChanges
	}
	for name, output := range u.Outputs {
		r.outputs[name] = output.Value
	}
	return r, err
}

// inEachLanguage runs a test for programs of each language.
func inEachLanguage(t *testing.T, test func(t *testing.T, l *lab, p program)) {
	t.Parallel()
	for name, start := range languages {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			test(t, l, start(l))
		})
	}
}
