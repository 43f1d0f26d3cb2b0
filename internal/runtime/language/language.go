// Package language knows how to run code of each language: it finds the host's
// interpreters, brings bootstraps of its own, and says which program, with which
// environment, makes an instance of a function.
package language

import (
	"context"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// A Function is what a language must know of one to run it.
type Function struct {
	// Runtime identifier, "python3.13".
	Runtime string
	// Handler as the function's configuration has it.
	Handler string
	// Name is the full name, "<stack>-<function>".
	Name string
	// Version is a number or "$LATEST".
	Version string
	// Memory in MB.
	Memory int
	// LogGroup and LogStream name where the instance's output goes.
	LogGroup, LogStream string
	// Initialization is "on-demand" (the default) or "provisioned-concurrency".
	Initialization string
	// Variables are the function's own, secrets included. They take the place of
	// variables the runtime sets, but for the reserved ones.
	Variables map[string]string
}

// A Command is how to run one function. Its fields go into a sandbox.Spec.
// sandbox.Task, sandbox.Layers and sandbox.Runtime in Argv and Env stand for the
// places the instance sees.
type Command struct {
	// Argv is the program and its arguments.
	Argv []string
	// Env is the whole environment.
	Env []string
	// Readable are host paths the interpreter needs.
	Readable []string
	// RuntimeDir holds the bootstrap; empty if there is none.
	RuntimeDir string
	// Version of what runs the function, for its log: "nodejs:20.20.2".
	Version string
	// Warm is how its interpreter is started before the function is known; nil if it
	// cannot be.
	Warm *sandbox.Program
	// Compiles is true if the bootstrap knows what to do with CompiledVariable.
	Compiles bool
}

// CompiledVariable has a bootstrap read, from the folder that is its value, what was
// compiled of the function's code before. Where it is empty there is nothing yet, and the
// bootstrap gives what it compiles while it loads the function to "POST
// /tidegate/compiled": a line of JSON, {"folder": "...", "files": [{"name": "...", "size":
// 1}, ...]}, and then the files' contents. The function does not see the variable, and
// cannot set it: names of its own begin with a letter.
const CompiledVariable = "_TIDEGATE_COMPILED"

// A Language runs the code of one runtime identifier.
type Language interface {
	// Runtime is the identifier, "nodejs22.x".
	Runtime() string
	// Command says how to run the function. The first call may have to prepare
	// something (the java bootstrap is compiled once per JDK).
	Command(ctx context.Context, f Function) (Command, error)
}
