package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target/open"
)

func newInvoke() *cobra.Command {
	var r remote
	var out output
	var payload string
	var async, dryRun, showLog bool
	cmd := &cobra.Command{
		Use:   "invoke STACK/FUNCTION[:VERSION|:ALIAS]",
		Short: "Invoke a function",
		Long: `Invoke a function and print its answer. Without a version or an alias the alias
"live" is invoked, which is what triggers invoke.

A function that fails makes the command fail: its answer goes to standard output
all the same, and what it failed with to standard error.`,
		Example: `  tidegate invoke orders/fulfil --payload '{"id": 7}'
  tidegate invoke orders/fulfil:3 --payload @event.json --log
  tidegate invoke orders/fulfil:beta --payload '{"id": 7}'
  generate-event | tidegate invoke orders/fulfil --payload - --async`,
		Args: exactly(1, "a function, such as orders/fulfil"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := parseFunctionRef(args[0])
			if err != nil {
				return err
			}
			body, err := readPayload(payload, cmd.InOrStdin())
			if err != nil {
				return err
			}
			client, err := r.client(cmd)
			if err != nil {
				return err
			}
			call := open.Invocation{
				Function:  stack.FullName(ref.stack, ref.function),
				Qualifier: cmp.Or(ref.qualifier, stack.AliasLive),
				Type:      "RequestResponse",
				Payload:   body,
				LogTail:   showLog,
			}
			switch {
			case async:
				call.Type = "Event"
			case dryRun:
				call.Type = "DryRun"
			}
			result, err := client.Invoke(cmd.Context(), call)
			if err != nil {
				return err
			}
			if err := out.print(cmd, invocationJSON(result), func() error {
				return printInvocation(cmd.OutOrStdout(), cmd.ErrOrStderr(), call, result)
			}); err != nil {
				return err
			}
			if result.FunctionError != "" {
				return fmt.Errorf("%s failed: %s", args[0], explainFunctionError(result.Payload))
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&payload, "payload", "p", "", "the event, `JSON|@FILE|-`; - is standard input")
	cmd.Flags().BoolVar(&async, "async", false, "queue the event and do not wait for the function")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only check that the function can be invoked")
	cmd.Flags().BoolVar(&showLog, "log", false, "print the end of the invocation's log to standard error")
	onlyOne(cmd, "async", "dry-run")
	onlyOne(cmd, "async", "log")
	r.flags(cmd)
	cmd.ValidArgsFunction = r.complete()
	out.flag(cmd)
	return cmd
}

// readPayload understands the three forms of --payload.
func readPayload(given string, stdin io.Reader) (text []byte, err error) {
	source := "--payload"
	switch file, isFile := strings.CutPrefix(given, "@"); {
	case given == "":
		return nil, nil
	case given == "-":
		source = "standard input"
		text, err = io.ReadAll(stdin)
	case isFile:
		source = file
		text, err = os.ReadFile(file)
	default:
		text = []byte(given)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the payload: %w", err)
	}
	if !json.Valid(text) {
		return nil, fmt.Errorf("the payload from %s is not JSON; a string needs quotes of its own: '\"text\"'", source)
	}
	return text, nil
}

// invocationJSON is the result for programs.
func invocationJSON(r *open.InvocationResult) any {
	out := struct {
		Status          int             `json:"status"`
		Payload         json.RawMessage `json:"payload,omitempty"`
		FunctionError   string          `json:"function_error,omitempty"`
		ExecutedVersion string          `json:"executed_version,omitempty"`
		RequestID       string          `json:"request_id"`
		Log             string          `json:"log,omitempty"`
	}{r.Status, nil, r.FunctionError, r.ExecutedVersion, r.RequestID, string(r.LogTail)}
	if json.Valid(r.Payload) {
		out.Payload = r.Payload
	} else if len(r.Payload) > 0 {
		out.Payload, _ = json.Marshal(string(r.Payload))
	}
	return out
}

func printInvocation(stdout, stderr io.Writer, call open.Invocation, r *open.InvocationResult) error {
	if len(r.LogTail) > 0 {
		fmt.Fprintf(stderr, "%s\n", bytes.TrimRight(r.LogTail, "\n"))
	}
	switch call.Type {
	case "Event":
		_, err := fmt.Fprintf(stdout, "accepted as request %s\n", r.RequestID)
		return err
	case "DryRun":
		_, err := fmt.Fprintln(stdout, "the function can be invoked")
		return err
	}
	_, err := fmt.Fprintf(stdout, "%s\n", bytes.TrimRight(r.Payload, "\n"))
	return err
}

// explainFunctionError puts Lambda's error object into words.
func explainFunctionError(payload []byte) string {
	var e struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}
	switch err := json.Unmarshal(payload, &e); {
	case err != nil || e.Message == "" && e.Type == "":
		return "it answered with an error that has no message"
	case e.Message == "":
		return e.Type
	case e.Type == "":
		return e.Message
	}
	return e.Type + ": " + e.Message
}

// exactly is cobra.ExactArgs with a sentence.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < n:
			return fmt.Errorf("%s needs %s; see: %[1]s --help", cmd.CommandPath(), what)
		case len(args) > n:
			return errors.New(cmd.CommandPath() + " takes only " + what + ", not also " + strings.Join(args[n:], " "))
		}
		return nil
	}
}
