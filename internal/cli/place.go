package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target/aws"
	"github.com/tidegate-io/terraform-provider-tidegate/provider"
)

// place is how a command that works on every target finds its own; the provider looks
// in the same places.
type place struct {
	remote
	target, region, profile string
}

// The targets.
const (
	targetOpen = "open"
	targetAWS  = "aws"
)

func (p *place) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.target, "target", "", "where the stack lives, `open|aws` (default: $"+provider.EnvTarget+", else open)")
	f.StringVar(&p.region, "region", "", "`region` of the target aws (default: $AWS_REGION, $AWS_DEFAULT_REGION, else the profile's)")
	f.StringVar(&p.profile, "profile", "", "`profile` of AWS's shared files (default: $AWS_PROFILE)")
	_ = cmd.RegisterFlagCompletionFunc("target", cobra.FixedCompletions([]string{targetOpen, targetAWS}, cobra.ShellCompDirectiveNoFileComp))
	p.remote.flags(cmd)
	f.Lookup("endpoint").Usage += "; of the target aws one for every service (default: $AWS_ENDPOINT_URL, else AWS's own)"
	cmd.ValidArgsFunction = p.completeStacks()
}

func (p *place) name() string {
	return cmp.Or(p.target, os.Getenv(provider.EnvTarget), targetOpen)
}

// open returns the target.
func (p *place) open(cmd *cobra.Command) (target.Target, error) {
	switch name := p.name(); name {
	case targetOpen:
		if p.region != "" || p.profile != "" {
			return nil, errors.New("--region and --profile are of the target aws; add --target aws")
		}
		return p.client(cmd)
	case targetAWS:
		if p.token != "" {
			return nil, errors.New("--token is of the open runtime; credentials for AWS come from where AWS's own tools find them")
		}
		return aws.New(cmd.Context(), aws.Options{Region: p.region, Profile: p.profile, Endpoint: p.endpoint, CommandLine: true, UserAgent: "tidegate/" + cmd.Root().Version})
	default:
		return nil, fmt.Errorf(`the target is %q; it can be "open" or "aws"`, name)
	}
}

// completeStacks offers the stacks of the open runtime, and none of their functions. AWS
// would take too long to answer.
func (p *place) completeStacks() cobra.CompletionFunc {
	complete := p.complete()
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if p.name() != targetOpen {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		offers, directive := complete(cmd, args, word)
		return slices.DeleteFunc(offers, func(o cobra.Completion) bool { return strings.Contains(o, "/") }), directive
	}
}

// stackName is what a person names a stack with.
func stackName(text string) (string, error) {
	if text == "" || strings.ContainsAny(text, "/:") {
		return "", fmt.Errorf("%q names no stack; all functions of a stack are released together, so write the stack alone, such as orders", text)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }) {
		return "", fmt.Errorf("no stack can be named %q: names are made of lower-case letters, digits and hyphens", text)
	}
	return text, nil
}

// ofStack tells a person where to look if there is no such stack.
func ofStack(name string, err error) error {
	if errors.Is(err, target.ErrNotFound) {
		return fmt.Errorf("there is no stack named %q on this target; check the name, and --target", name)
	}
	return err
}
