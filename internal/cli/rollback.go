package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

func newRollback() *cobra.Command {
	var p place
	var out output
	var to string
	cmd := &cobra.Command{
		Use:   "rollback STACK",
		Short: "Return a stack to earlier versions at once",
		Long: `Point the aliases of all functions of a stack at the versions that they had
before the last release, or at the end of the release that --to names, at once.
A release that is under way is aborted; without --to, that is all.

Nothing else of the stack changes. The next terraform plan shows the rollback, and
says how to keep it.`,
		Example: `  tidegate rollback orders
  tidegate rollback orders --to r-3b089de782a7
  tidegate rollback orders --to 7`,
		Args: exactly(1, "a stack, such as orders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := stackName(args[0])
			if err != nil {
				return err
			}
			on, err := p.open(cmd)
			if err != nil {
				return err
			}
			r, err := on.Rollback(cmd.Context(), name, to, target.Who())
			if err != nil {
				return ofStack(name, err)
			}
			return out.print(cmd, r, func() error { return printRollback(cmd, r) })
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "where to go back to: the id of a `release` (see tidegate release STACK --history), or the number of a version in a stack with one function")
	p.flags(cmd)
	out.flag(cmd)
	return cmd
}

func printRollback(cmd *cobra.Command, r release.Release) error {
	w := cmd.OutOrStdout()
	if r.Phase == release.RolledBack {
		_, err := fmt.Fprintf(w, "the release %s was %s; every alias is where it was before\n", r.ID, r.Status().What)
		return err
	}
	for _, line := range moveLines(r) {
		fmt.Fprintln(w, line)
	}
	_, err := fmt.Fprintf(w, "%s; the next terraform plan shows it, and says how to keep it\n", r.Status().What)
	return err
}
