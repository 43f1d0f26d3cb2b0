package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
	"github.com/tidegate-io/terraform-provider-tidegate/provider"
)

// place is how a command that works on more than the open runtime finds its target; the
// provider looks in the same places.
type place struct {
	remote
	target string
}

func (p *place) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.target, "target", "", "where the stack lives, `open` (default: $"+provider.EnvTarget+", else open)")
	_ = cmd.RegisterFlagCompletionFunc("target", cobra.FixedCompletions([]string{"open"}, cobra.ShellCompDirectiveNoFileComp))
	p.remote.flags(cmd)
	cmd.ValidArgsFunction = stacksOnly(p.complete())
}

func (p *place) releases(cmd *cobra.Command) (target.Releases, error) {
	switch name := cmp.Or(p.target, os.Getenv(provider.EnvTarget), "open"); name {
	case "open":
		return p.client(cmd)
	default:
		return nil, fmt.Errorf(`the target is %q; it can be "open"`, name)
	}
}

// stacksOnly completes stacks and none of their functions.
func stacksOnly(complete cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		offers, directive := complete(cmd, args, word)
		var stacks []cobra.Completion
		for _, offer := range offers {
			if !strings.Contains(offer, "/") {
				stacks = append(stacks, offer)
			}
		}
		return stacks, directive
	}
}

// stackName is what a person names a stack with.
func stackName(text string) (string, error) {
	if text == "" || strings.ContainsAny(text, "/:") {
		return "", fmt.Errorf("%q names no stack; all functions of a stack are released together, so write the stack alone, such as orders", text)
	}
	return text, nil
}

// ofStack tells a person where to look if there is no such stack.
func ofStack(name string, err error) error {
	if errors.Is(err, target.ErrNotFound) {
		return fmt.Errorf("there is no stack named %q; see: tidegate stacks", name)
	}
	return err
}
