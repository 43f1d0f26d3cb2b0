package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func newUsage() *cobra.Command {
	var r remote
	var out output
	cmd := &cobra.Command{
		Use:   "usage [STACK[/FUNCTION]]",
		Short: "Show what versions of functions have used on the runtime",
		Long: `Show what every version of a function has used on all nodes of the runtime:
invocations, errors, throttles, and the time that is billed as Lambda bills it.

Usage outlives its function: that of a version is forgotten 400 days after it last grew.`,
		Example: `  tidegate usage
  tidegate usage orders/fulfil -o json`,
		Args: atMostOne("a stack or a function, such as orders or orders/fulfil"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var ref functionRef
			if len(args) > 0 {
				ref.stack = args[0]
				if strings.ContainsAny(args[0], "/:") {
					var err error
					if ref, err = parseFunctionRef(args[0]); err != nil {
						return err
					}
				}
				if ref.qualifier != "" {
					return fmt.Errorf("usage is listed by version; write %s/%s", ref.stack, ref.function)
				}
			}
			client, err := r.client(cmd)
			if err != nil {
				return err
			}
			usage, err := client.Usage(cmd.Context(), ref.stack, ref.function)
			if err != nil {
				return err
			}
			return out.print(cmd, map[string]any{"usage": orEmpty(usage)}, func() error {
				return table(cmd.OutOrStdout(), usageRows(usage))
			})
		},
	}
	r.flags(cmd)
	cmd.ValidArgsFunction = r.complete()
	out.flag(cmd)
	return cmd
}

func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("name %s, or nothing; see: %s --help", what, cmd.CommandPath())
		}
		return nil
	}
}

func usageRows(usage []stack.VersionUsage) [][]string {
	count := func(n uint64) string { return strconv.FormatUint(n, 10) }
	rows := [][]string{{"FUNCTION", "VERSION", "INVOCATIONS", "ERRORS", "THROTTLES", "BILLED", "GB-SECONDS", "LAST"}}
	for _, u := range usage {
		rows = append(rows, []string{
			u.Stack + "/" + u.Function, u.Version, count(u.Invocations), count(u.Errors), count(u.Throttles),
			(time.Duration(u.BilledMS) * time.Millisecond).String(), strconv.FormatFloat(u.GBSeconds, 'f', 3, 64), u.Last.Local().Format(time.DateTime),
		})
	}
	return rows
}
