package tests

import (
	"testing"

	"example.com/shop/infra"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// A program is one of examples/pulumi-*. Each declares the same HTTP API and its function, of
// names and values that it reads from Pulumi's configuration.
type program interface {
	// stack is what everything but preview and up is done with.
	stack() *auto.Stack
	// runtime is the identifier of its function's.
	runtime() string
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
	l.copyExample("yaml")
	return native{l, l.stack(nil)}
}

func goProgram(l *lab) program {
	l.copyExample("go")
	return native{l, l.stack(infra.Shop)}
}

func (n native) stack() *auto.Stack { return n.s }

func (n native) runtime() string { return n.l.python }

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
