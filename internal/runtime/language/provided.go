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

func (p provided) Command(_ context.Context, f Function) (Command, error) {
	return Command{
		Argv: []string{sandbox.Task + "/bootstrap"},
		Env:  environment(f, nil),
		// "provided:al2023", as Lambda calls it.
		Version: strings.Replace(string(p), ".", ":", 1),
	}, nil
}
