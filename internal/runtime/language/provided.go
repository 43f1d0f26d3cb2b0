package language

import (
	"context"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// provided runs the package's own executable, "bootstrap".
type provided string

func findProvided(places, *probeCache, string) []Language {
	return []Language{provided("provided"), provided("provided.al2"), provided("provided.al2023")}
}

func (p provided) Runtime() string { return string(p) }

// wholeCPU is the most memory, in MB, that comes with no more than one CPU.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
const wholeCPU = 1769

func (p provided) Command(_ context.Context, f Function) (Command, error) {
	defaults := map[string]string{}
	if f.Memory <= wholeCPU {
		// Most of these programs are Go's, which would spread its goroutines over all of the
		// host's processors: waking one another costs them more than one has to give.
		defaults["GOMAXPROCS"] = "1"
	}
	return Command{
		Argv: []string{sandbox.Task + "/bootstrap"},
		Env:  environment(f, defaults),
		// "provided:al2023", as Lambda calls it.
		Version: strings.Replace(string(p), ".", ":", 1),
	}, nil
}
