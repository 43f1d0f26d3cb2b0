package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

func newRelease() *cobra.Command {
	var p place
	var out output
	var history bool
	chosen := map[release.Command]*bool{}
	cmd := &cobra.Command{
		Use:   "release STACK",
		Short: "Watch a stack's release, or steer it",
		Long: `Watch the release of a stack that is under way, until it ends: its steps, the
weights, what fails on both sides, and what comes next. The exit status is 1 if it
was rolled back. If none is under way, the last one is shown, and decides the same.

Ctrl-C ends the watching, also with the exit status 1, and leaves the release alone.

With --pause, --resume, --promote or --abort, do that to the release instead.
A paused release keeps its weights until it is resumed; promoting moves all traffic
now, whatever the gate says; aborting returns every alias to where it was.

With -o json every change of a release that is watched is a JSON object on a line
of its own.`,
		Example: `  tidegate release orders
  tidegate release orders --promote
  tidegate release orders --history`,
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
			for command, wanted := range chosen {
				if *wanted {
					return steer(cmd, &out, on, name, command)
				}
			}
			if history {
				return showHistory(cmd, &out, on, name)
			}
			w := newWatcher(on, name, cmd.OutOrStdout(), cmd.ErrOrStderr())
			w.json = out.format == outputJSON
			return w.run(cmd.Context())
		},
	}
	exclusive := []string{"history"}
	for _, c := range []struct {
		command release.Command
		doc     string
	}{
		{release.CommandPause, "stop the release where it is"},
		{release.CommandResume, "let a release go on that was paused, or is held"},
		{release.CommandPromote, "move all traffic to the new versions now"},
		{release.CommandAbort, "return every alias to where it was"},
	} {
		chosen[c.command] = cmd.Flags().Bool(string(c.command), false, c.doc)
		exclusive = append(exclusive, string(c.command))
	}
	cmd.Flags().BoolVar(&history, "history", false, "list the stack's releases, newest first")
	onlyOne(cmd, exclusive...)
	p.flags(cmd)
	out.flag(cmd)
	return cmd
}

// steer carries out one command.
func steer(cmd *cobra.Command, out *output, releases target.Releases, name string, c release.Command) error {
	r, err := releases.Steer(cmd.Context(), name, c, target.Who())
	if err != nil {
		return ofStack(name, err)
	}
	return out.print(cmd, r, func() error {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "release %s: %s, at %d %%\n", r.ID, r.Status().What, r.Weight())
		return err
	})
}

func showHistory(cmd *cobra.Command, out *output, releases target.Releases, name string) error {
	all, err := releases.ListReleases(cmd.Context(), name)
	if err != nil {
		return ofStack(name, err)
	}
	return out.print(cmd, map[string]any{"releases": orEmpty(all)}, func() error {
		w := cmd.OutOrStdout()
		if len(all) == 0 {
			return printNone(w, name)
		}
		for i, r := range all {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if err := printRelease(w, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func printNone(w io.Writer, name string) error {
	_, err := fmt.Fprintf(w, "stack %q has had no release yet\n", name)
	return err
}

// printRelease tells one release with everything that happened to it.
func printRelease(w io.Writer, r release.Release) error {
	if err := printHead(w, r); err != nil {
		return err
	}
	for _, mark := range r.Trail {
		if err := printMark(w, mark); err != nil {
			return err
		}
	}
	return nil
}

// printHead tells what is released, by whom, and when.
func printHead(w io.Writer, r release.Release) error {
	_, err := fmt.Fprintf(w, "release %s, %s: %s, begun by %s at %s\n", r.ID, stateWords(r), r.Policy, by(r), local(r.Began))
	for _, line := range moveLines(r) {
		_, err = fmt.Fprintf(w, "  %s\n", line)
	}
	return err
}

// printMark is one step: when, how far, what happened.
func printMark(w io.Writer, m release.Mark) error {
	_, err := fmt.Fprintf(w, "%s %s %3d %%  %s\n", local(m.At), bar(m.Weight), m.Weight, m.What)
	return err
}

func local(t time.Time) string { return t.Local().Format(time.DateTime) }

// ended is a release's result as an error, nil if it went well.
func ended(r release.Release) error {
	if r.Phase == release.RolledBack {
		return &target.ReleaseError{Release: r}
	}
	return nil
}

// sleep waits, and tells whether ctx has not ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
