package language

import (
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// A bootstrap that finds no _HANDLER in its environment was started before it was
// known for which function. It loads what every function needs, and asks its Runtime
// API for "GET /tidegate/assignment". The answer is JSON: {"env": ["name=value", ...],
// "cwd": "/var/task"}, which is what the process would have been started with. It
// makes that its own and goes on as if it had been.
//
// Java cannot: System.getenv and the class path are fixed when the machine starts, and
// what would change them later (opening the JDK's internals, a class loader of our own,
// variables that native code does not see) a function could tell from the real thing.

// warm is how the interpreter of a function is started ahead of the function: with
// the same arguments, and with the language's defaults for an environment. It is nil
// where the function sets a variable that matters before a bootstrap can read it.
func warm(argv, env []string, defaults map[string]string) *sandbox.Program {
	initial := defaultEnvironment(defaults)
	for _, variable := range env {
		name, _, _ := strings.Cut(variable, "=")
		if readEarly(name) && !slices.Contains(initial, variable) {
			return nil
		}
	}
	return &sandbox.Program{Argv: argv, Env: initial}
}

// early are variables that the dynamic linker, the C library, OpenSSL, an interpreter
// or one of its libraries reads when it starts. A "*" stands for whatever follows.
var early = []string{
	"LD_*", "MALLOC_*", "GLIBC_*", "GCONV_PATH", "LOCPATH", "NLSPATH", "LANG*", "LC_*", "TZ", "TZDIR",
	"OPENSSL_*", "SSL_*", "NODE_*", "UV_*", "V8_*", "ICU_*", "PYTHON*", "AWS_LAMBDA_EXEC_WRAPPER",
}

// late are the exceptions: the bootstraps, or functions alone, read them.
var late = []string{"NODE_ENV", "NODE_PATH", "PYTHONPATH"}

func readEarly(name string) bool {
	return !slices.Contains(late, name) && slices.ContainsFunc(early, func(pattern string) bool {
		prefix, all := strings.CutSuffix(pattern, "*")
		return name == pattern || all && strings.HasPrefix(name, prefix)
	})
}
