package stack

import "strings"

// A Problem is something wrong with a stack that can be told without asking
// its target.
type Problem struct {
	// Paths are the attributes the problem follows from, the one to blame first, as
	// a user writes them: `functions["fulfil"].timeout`, `consumer.batch_size`.
	// A reader that does not know one of them yet (Terraform, while planning) drops
	// the problem.
	Paths []string `json:"paths"`
	// Message is one sentence: what is wrong and what would be right.
	Message string `json:"message"`
	// Warning marks a problem that does not stop a deployment.
	Warning bool `json:"warning,omitempty"`
}

func (p Problem) String() string {
	if len(p.Paths) == 0 {
		return p.Message
	}
	return p.Paths[0] + ": " + p.Message
}

// Problems of one stack, in a stable order.
type Problems []Problem

// Errors returns the problems that stop a deployment.
func (ps Problems) Errors() Problems {
	var out Problems
	for _, p := range ps {
		if !p.Warning {
			out = append(out, p)
		}
	}
	return out
}

// Err returns the errors as one error, or nil.
func (ps Problems) Err() error {
	if errs := ps.Errors(); len(errs) > 0 {
		return InvalidError{errs}
	}
	return nil
}

// InvalidError says that a stack cannot be deployed as it is.
type InvalidError struct{ Problems Problems }

func (e InvalidError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
