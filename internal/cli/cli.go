// Package cli is the `tidegate` command.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Main runs the command with the process's arguments and streams, and returns
// its exit status.
func Main(version string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once, as if nothing had been registered.
	context.AfterFunc(ctx, stop)
	return Run(ctx, version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// Run runs one command and returns its exit status. Errors go to stderr, one
// sentence each.
func Run(ctx context.Context, version string, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot(version)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(stderr, "tidegate:", err)
		return 1
	}
	return 0
}

func newRoot(version string) *cobra.Command {
	root := &cobra.Command{
		Use:   "tidegate",
		Short: "Deploy serverless stacks, and run them anywhere",
		Long: `Tidegate deploys a trigger together with the functions that depend on it, as
one unit: a stack. Terraform creates stacks; this command runs the open runtime
that they can live on, and looks after them.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("tidegate {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see: %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(newServe(version), newInvoke(), newLogs(), newStacks(), newVersions(), newUsage(), newRelease(), newRollback(), newVersion(version))
	return root
}

// onlyOne refuses more than one of the flags. Cobra, which can do the same, says so in
// words about groups of flags.
func onlyOne(cmd *cobra.Command, flags ...string) {
	before := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		var given []string
		for _, name := range flags {
			if cmd.Flags().Changed(name) {
				given = append(given, "--"+name)
			}
		}
		if len(given) > 1 {
			return fmt.Errorf("%s cannot be given together", strings.Join(given, " and "))
		}
		return before(cmd, args)
	}
}
