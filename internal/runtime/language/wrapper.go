package language

import (
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// envWrapper names a program of the package, or of a layer, that is started in place
// of the runtime and gets the runtime's command line as its arguments.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
const envWrapper = "AWS_LAMBDA_EXEC_WRAPPER"

// wrapped returns the command line with the function's wrapper in front, if it has one.
// As on Lambda, runtimes that are but an operating system do not look for it.
func wrapped(f Function, argv []string) []string {
	wrapper := f.Variables[envWrapper]
	if wrapper == "" {
		return argv
	}
	// Without a mount namespace the folders are elsewhere.
	for place, folder := range map[string]string{"/var/task": sandbox.Task, "/opt": sandbox.Layers} {
		if rest, ok := strings.CutPrefix(wrapper, place+"/"); ok {
			wrapper = folder + "/" + rest
		}
	}
	return append([]string{wrapper}, argv...)
}
