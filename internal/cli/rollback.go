package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
says how to keep it. It is a release itself, so rolling back once more undoes it; to
go further back, name a release with --to.`,
		Example: `  tidegate rollback orders
  tidegate rollback orders --to r-3b089de782a7
  tidegate rollback orders --to 7`,
		Args: exactly(1, "a stack, such as orders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := stackName(args[0])
			if err != nil {
				return err
			}
			if to == "" && cmd.Flags().Changed("to") {
				return errors.New("--to is empty; name a release or a version, or leave --to out to undo the last release")
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
	_ = cmd.RegisterFlagCompletionFunc("to", p.completeReleases())
	return cmd
}

// completeReleases offers the releases that a stack can go back to.
func (p *place) completeReleases() cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		const nothingElse = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
		if p.name() != targetOpen || len(args) != 1 {
			return nil, nothingElse
		}
		client, err := p.client(cmd)
		if err != nil {
			return nil, nothingElse
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
		defer cancel()
		all, err := client.ListReleases(ctx, args[0])
		if err != nil {
			return nil, nothingElse
		}
		var offers []cobra.Completion
		for _, r := range all {
			if r.Phase == release.Finished && strings.HasPrefix(r.ID, word) {
				offers = append(offers, cobra.CompletionWithDesc(r.ID, fmt.Sprintf("by %s at %s", by(r), local(r.Began))))
			}
		}
		return offers, nothingElse
	}
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
