package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/target/open"
)

// reconnectPause is between attempts to follow a log that broke off.
const reconnectPause = time.Second

func newLogs() *cobra.Command {
	var r remote
	var out output
	var since string
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs STACK[/FUNCTION]",
		Short: "Show what a stack's functions log",
		Long: `Show what a stack's functions log, oldest line first. With --follow, go on as
lines are written, and find the way back when the connection is lost.

With -o json every line is a JSON object.`,
		Example: `  tidegate logs orders --since '1h ago'
  tidegate logs orders/fulfil --follow`,
		Args: exactly(1, "a stack or a function, such as orders or orders/fulfil"),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := open.LogQuery{Stack: args[0], Follow: follow}
			if strings.Contains(args[0], "/") {
				ref, err := parseFunctionRef(args[0])
				if err != nil {
					return err
				}
				if ref.qualifier != "" {
					return fmt.Errorf("a log is of a function, not of one version: write %s/%s", ref.stack, ref.function)
				}
				query.Stack, query.Function = ref.stack, ref.function
			}
			var err error
			if query.Since, err = parseSince(since, time.Now()); err != nil {
				return err
			}
			client, err := r.client(cmd)
			if err != nil {
				return err
			}
			print := printLogLine
			if out.format == outputJSON {
				print = func(w io.Writer, e open.LogEntry) error { return json.NewEncoder(w).Encode(e) }
			}
			return showLogs(cmd.Context(), client, query, cmd.ErrOrStderr(), func(e open.LogEntry) error {
				return print(cmd.OutOrStdout(), e)
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "10m", "begin this `long ago`, or at this time: 5m, '2 hours ago', 2026-01-31T12:00:00Z")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with lines as they are written")
	r.flags(cmd)
	cmd.ValidArgsFunction = r.complete()
	out.flag(cmd)
	return cmd
}

// printLogLine is one line for people: when, who, what. Lambda's runtimes put a carriage
// return between the lines of one entry, such as a traceback's, with which a terminal
// would write them over each other.
func printLogLine(w io.Writer, e open.LogEntry) error {
	text := strings.ReplaceAll(strings.TrimRight(e.Line, "\r"), "\r", "\n")
	_, err := fmt.Fprintf(w, "%s %s:%s %s\n", e.Time.Local().Format("2006-01-02T15:04:05.000"), e.Function, e.Version, text)
	return err
}

// showLogs shows every line once. A log that is followed and breaks off is read
// again from a little before the last line shown.
func showLogs(ctx context.Context, client *open.Client, q open.LogQuery, stderr io.Writer, show func(open.LogEntry) error) error {
	// What is wrong with the stack or the connection from the start is an error.
	if _, err := readStack(ctx, client, q.Stack); err != nil {
		return err
	}
	recent := recentLines{}
	for {
		repeated := maps.Clone(recent)
		var broken error
		for entry, err := range client.Logs(ctx, q) {
			if err != nil {
				broken = err
				break
			}
			if repeated[entry] > 0 {
				repeated[entry]--
				continue
			}
			recent.add(entry)
			if err := show(entry); err != nil {
				return err
			}
			if from := entry.Time.Add(-overlap); from.After(q.Since) {
				q.Since = from
			}
		}
		var refused *open.APIError
		switch {
		case ctx.Err() != nil:
			return nil // the user has seen enough
		case errors.As(broken, &refused) || !q.Follow:
			return broken
		}
		fmt.Fprintln(stderr, "tidegate: the log broke off; connecting again")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reconnectPause):
		}
	}
}

// overlap is how much of a log is read again after it broke off: lines of several
// nodes do not come exactly in the order of their times.
const overlap = 5 * time.Second

// recentLines counts the lines shown lately.
type recentLines map[open.LogEntry]int

// maxRecent is how many lines are kept before old ones are forgotten.
const maxRecent = 10_000

func (r recentLines) add(e open.LogEntry) {
	r[e]++
	if len(r)%maxRecent == 0 {
		maps.DeleteFunc(r, func(old open.LogEntry, _ int) bool { return e.Time.Sub(old.Time) > overlap })
	}
}
