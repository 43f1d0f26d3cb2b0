package cli

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target/open"
)

func newStacks() *cobra.Command {
	var r remote
	var out output
	cmd := &cobra.Command{
		Use:   "stacks",
		Short: "List the stacks on the runtime",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := r.client(cmd)
			if err != nil {
				return err
			}
			deployments, err := client.List(cmd.Context())
			if err != nil {
				return err
			}
			host, err := client.Host(cmd.Context())
			if err != nil {
				return err
			}
			value := map[string]any{"stacks": orEmpty(deployments), "host": host}
			return out.print(cmd, value, func() error {
				if err := table(cmd.OutOrStdout(), stackRows(deployments)); err != nil {
					return err
				}
				warnOfIsolation(cmd, host)
				return nil
			})
		},
	}
	r.flags(cmd)
	out.flag(cmd)
	return cmd
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// stackRows have what is wrong, which may be long, at their end.
func stackRows(deployments []*stack.Deployment) [][]string {
	rows := [][]string{{"STACK", "TRIGGER", "FUNCTIONS", "ADDRESS", "STATE"}}
	for _, d := range deployments {
		rows = append(rows, []string{d.Stack.Name, string(d.Stack.Trigger.Kind()), functionsCell(d), d.URL, stateCell(d)})
	}
	return rows
}

// functionsCell is "fulfil:3, report:1": each function and its live version.
func functionsCell(d *stack.Deployment) string {
	names := d.Stack.FunctionNames()
	for i, name := range names {
		names[i] = name + ":" + routingCell(d.Functions[name].Routing)
	}
	return strings.Join(names, ", ")
}

// routingCell is "3", "3=90%/4=10%", or "-" without an alias.
func routingCell(routing stack.Routing) string {
	if len(routing) == 0 {
		return "-"
	}
	var parts []string
	for version, percent := range routing {
		if percent == 100 {
			return strconv.Itoa(version)
		}
		parts = append(parts, fmt.Sprintf("%d=%d%%", version, percent))
	}
	sort.Strings(parts)
	return strings.Join(parts, "/")
}

// stateCell is "ready", or what is not.
func stateCell(d *stack.Deployment) string {
	var wrong []string
	if d.Creation == stack.CreationUnfinished {
		wrong = append(wrong, "creation unfinished")
	}
	for component, state := range d.Components {
		if state != stack.Ready {
			wrong = append(wrong, component+" "+state)
		}
	}
	if len(wrong) == 0 {
		return stack.Ready
	}
	slices.Sort(wrong)
	return strings.Join(wrong, ", ")
}

func warnOfIsolation(cmd *cobra.Command, host *open.Host) {
	if missing := host.Isolation.Missing; len(missing) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "\nfunctions on this host are isolated in part; missing: %s\n", strings.Join(missing, "; "))
	}
}

func newVersions() *cobra.Command {
	var r remote
	var out output
	cmd := &cobra.Command{
		Use:     "versions STACK/FUNCTION",
		Short:   "List a function's versions",
		Example: "  tidegate versions orders/fulfil",
		Args:    exactly(1, "a function, such as orders/fulfil"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := parseFunctionRef(args[0])
			if err != nil {
				return err
			}
			if ref.qualifier != "" {
				return fmt.Errorf("%s already names one version; write %s/%s", args[0], ref.stack, ref.function)
			}
			client, err := r.client(cmd)
			if err != nil {
				return err
			}
			d, err := readStack(cmd.Context(), client, ref.stack)
			if err != nil {
				return err
			}
			f, ok := d.Functions[ref.function]
			if !ok {
				return fmt.Errorf("stack %q has no function named %q; it has: %s", ref.stack, ref.function, strings.Join(d.Stack.FunctionNames(), ", "))
			}
			value := map[string]any{"versions": orEmpty(f.Versions), "routing": f.Routing}
			return out.print(cmd, value, func() error { return table(cmd.OutOrStdout(), versionRows(f)) })
		},
	}
	r.flags(cmd)
	cmd.ValidArgsFunction = r.complete()
	out.flag(cmd)
	return cmd
}

func versionRows(f stack.FunctionStatus) [][]string {
	rows := [][]string{{"VERSION", "LIVE", "CREATED", "RUNTIME", "SIZE", "CODE"}}
	for _, v := range f.Versions {
		live := ""
		if percent := f.Routing[v.Number]; percent > 0 {
			live = strconv.Itoa(percent) + "%"
		}
		rows = append(rows, []string{
			strconv.Itoa(v.Number), live, v.Created.Local().Format(time.DateTime), v.Config.Runtime, sizeCell(v.CodeSize), v.Config.CodeSHA256,
		})
	}
	return rows
}

// sizeCell is a size for people: "900 B", "1.5 MB".
func sizeCell(bytes int64) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1000/1000)
}
