package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target/open"
)

// remote is how a command finds the runtime; the provider looks in the same
// places.
type remote struct {
	endpoint, token string
}

func (r *remote) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.endpoint, "endpoint", "", "management `URL` of the runtime (default: $"+open.EnvEndpoint+", else "+open.DefaultEndpoint+")")
	cmd.Flags().StringVar(&r.token, "token", "", "management `token` (default: $"+open.EnvToken+", else the file that serve writes for its user)")
}

func (r *remote) client(cmd *cobra.Command) (*open.Client, error) {
	endpoint, err := open.ResolveEndpoint(r.endpoint)
	if err != nil {
		return nil, err
	}
	token, err := open.ResolveToken(r.token, endpoint)
	if err != nil {
		return nil, err
	}
	return open.New(open.Options{Endpoint: endpoint, Token: token, UserAgent: "tidegate/" + cmd.Root().Version})
}

// completeTimeout is how long a shell waits for the runtime to complete a word.
const completeTimeout = 2 * time.Second

// complete offers the runtime's stacks, and after a slash their functions.
func (r *remote) complete() cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		client, err := r.client(cmd)
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
		defer cancel()
		deployments, err := client.List(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var offers []cobra.Completion
		for _, d := range deployments {
			offers = append(offers, d.Stack.Name)
			for _, name := range d.Stack.FunctionNames() {
				offers = append(offers, d.Stack.Name+"/"+name)
			}
		}
		return slices.DeleteFunc(offers, func(o cobra.Completion) bool { return !strings.HasPrefix(o, word) }), cobra.ShellCompDirectiveNoFileComp
	}
}

// readStack reads a stack, and tells a person where to look if there is none.
func readStack(ctx context.Context, client *open.Client, name string) (*stack.Deployment, error) {
	d, err := client.Read(ctx, stack.Stack{Name: name})
	if errors.Is(err, target.ErrNotFound) {
		return nil, fmt.Errorf("there is no stack named %q; see: tidegate stacks", name)
	}
	return d, err
}

// A functionRef is what a person names a function with: STACK/FUNCTION, and
// where it matters a version or an alias after a colon.
type functionRef struct {
	stack, function, qualifier string
}

func parseFunctionRef(text string) (functionRef, error) {
	path, qualifier, qualified := strings.Cut(text, ":")
	stack, function, ok := strings.Cut(path, "/")
	if !ok || stack == "" || function == "" || strings.Contains(function, "/") || qualified && qualifier == "" {
		return functionRef{}, fmt.Errorf("%q names no function; write STACK/FUNCTION, such as orders/fulfil, or orders/fulfil:3", text)
	}
	return functionRef{stack, function, qualifier}, nil
}
