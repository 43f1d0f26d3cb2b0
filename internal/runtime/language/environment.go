package language

import (
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// environment returns the whole environment of a function as "name=value",
// sorted: Lambda's variables, the language's own defaults, and the function's.
//
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
// lists them. Those it calls reserved win over the function's own.
func environment(f Function, defaults map[string]string) []string {
	env := defaultVariables(defaults)
	maps.Copy(env, f.Variables)
	initialization := f.Initialization
	if initialization == "" {
		initialization = "on-demand"
	}
	maps.Copy(env, map[string]string{
		"_HANDLER":                        f.Handler,
		"AWS_REGION":                      stack.Region,
		"AWS_DEFAULT_REGION":              stack.Region,
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     f.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.Memory),
		"AWS_LAMBDA_LOG_GROUP_NAME":       f.LogGroup,
		"AWS_LAMBDA_LOG_STREAM_NAME":      f.LogStream,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  initialization,
	})
	// "This environment variable is not defined for functions that use the provided or
	// provided.al2 runtimes": an OS-only runtime is told from its absence.
	if !strings.HasPrefix(f.Runtime, "provided") {
		env["AWS_EXECUTION_ENV"] = "AWS_Lambda_" + f.Runtime
	}
	return sorted(env)
}

// defaultEnvironment is what is left of environment where no function is known.
func defaultEnvironment(defaults map[string]string) []string {
	return sorted(defaultVariables(defaults))
}

func defaultVariables(defaults map[string]string) map[string]string {
	env := map[string]string{
		"LANG":            "en_US.UTF-8",
		"TZ":              ":UTC",
		"PATH":            searchPath(),
		"LD_LIBRARY_PATH": libraryPath(),
	}
	maps.Copy(env, defaults)
	return env
}

// sorted returns the variables as "name=value". TZ is the first: what sets it anew when a
// function is known (see warm.go) would have Node read the database of time zones, so it
// stays where it is, and the order is no other than without.
func sorted(env map[string]string) []string {
	out := make([]string, 0, len(env))
	if zone, ok := env["TZ"]; ok {
		out = append(out, "TZ="+zone)
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if name != "TZ" {
			out = append(out, name+"="+env[name])
		}
	}
	return out
}

// searchPath is PATH with the folders given in front.
func searchPath(first ...string) string {
	return strings.Join(append(first, "/usr/local/bin", "/usr/bin", "/bin", sandbox.Layers+"/bin"), ":")
}

// libraryPath is LD_LIBRARY_PATH. As on Lambda the host's libraries come before
// what the package brings, so that a package cannot break the interpreter.
func libraryPath() string {
	dirs := []string{"/lib64", "/usr/lib64"}
	if triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]; triplet != "" {
		dirs = append(dirs, "/lib/"+triplet, "/usr/lib/"+triplet)
	}
	return strings.Join(append(dirs, sandbox.Task, sandbox.Task+"/lib", sandbox.Layers+"/lib"), ":")
}
