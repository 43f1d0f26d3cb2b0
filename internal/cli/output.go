package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// output is the flag -o: for people, or JSON for programs.
type output struct {
	format outputFormat
}

type outputFormat string

const (
	outputText outputFormat = "text"
	outputJSON outputFormat = "json"
)

// String is for pflag.
func (f *outputFormat) String() string { return string(*f) }

// Type is for pflag, and shows in the help.
func (f *outputFormat) Type() string { return "text|json" }

// Set is for pflag.
func (f *outputFormat) Set(text string) error {
	switch v := outputFormat(text); v {
	case outputText, outputJSON:
		*f = v
		return nil
	}
	return fmt.Errorf("it can be text or json")
}

func (o *output) flag(cmd *cobra.Command) {
	o.format = outputText
	cmd.Flags().VarP(&o.format, "output", "o", "print for people, or JSON for programs")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

// print prints value as JSON, or what text does.
func (o *output) print(cmd *cobra.Command, value any, text func() error) error {
	if o.format != outputJSON {
		return text()
	}
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}

// table prints rows below a header, in columns.
func table(w io.Writer, rows [][]string) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(columns, "\t")
			}
			fmt.Fprint(columns, cell)
		}
		fmt.Fprintln(columns)
	}
	return columns.Flush()
}
