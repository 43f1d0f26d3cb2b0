package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target/open"
)

func newServe(version string) *cobra.Command {
	config := runtime.Config{Version: version, TokenFile: open.TokenFile}
	var logFormat, logLevel string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the open runtime",
		Long: `Run the open runtime: the place where stacks live that are deployed with
target = "open".

It listens on two addresses: --listen is for operators (management and invoking;
every request needs the token, which serve writes to a file that Terraform and
this command find by themselves), --ingress is for the world (the addresses of
HTTP APIs, queues and functions).

Everything is kept in the data folder, in an embedded NATS JetStream. With
--nats-url it is kept in a NATS cluster instead, and every serve that uses the
same cluster is part of one system.`,
		Example: `  tidegate serve
  tidegate serve --data-dir /var/lib/tidegate --ingress 0.0.0.0:7421
  tidegate serve --nats-url nats://nats-1:4222,nats://nats-2:4222 --replicas 3`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := newLogger(cmd.ErrOrStderr(), logFormat, logLevel)
			if err != nil {
				return err
			}
			config.Log = log
			if config.DataDir == "" {
				if config.DataDir, err = defaultDataDir(); err != nil {
					return err
				}
			}
			r, err := runtime.New(cmd.Context(), config)
			if cmd.Context().Err() != nil && err != nil {
				return errors.New("interrupted before the runtime was ready")
			}
			if err != nil {
				return err
			}
			printReady(cmd.OutOrStdout(), r.Ready())
			return r.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&config.Listen, "listen", "127.0.0.1:7420", "`address` for management and invoking; port 0 takes a free one")
	f.StringVar(&config.Ingress, "ingress", "127.0.0.1:7421", "`address` for the stacks' own URLs")
	f.StringVar(&config.IngressURL, "ingress-url", "", "`URL` at which the world reaches --ingress, if not at its address (a proxy, a name)")
	f.StringVar(&config.DataDir, "data-dir", "", "`folder` that holds everything (default: tidegate in $XDG_DATA_HOME or ~/.local/share)")
	f.StringVar(&config.NATSURL, "nats-url", "", "`URLs` of a NATS JetStream cluster, separated by commas (default: an embedded one)")
	f.StringVar(&config.NATSCredentials, "nats-creds", "", "credentials `file` for --nats-url")
	f.IntVar(&config.Replicas, "replicas", 1, "`copies` of everything in the cluster, 1 to 5")
	f.StringVar(&config.Isolation, "isolation", "auto", "how functions are kept apart, `auto|strict|process|oci`; auto is all that this host allows, strict refuses to start without all of it, process is plain processes, oci is containers of an OCI runtime")
	f.StringVar(&config.OCIRuntime, "oci-runtime", "", "`program` that runs functions with --isolation oci (default: the first of crun, runc, runsc and kata-runtime on the PATH)")
	f.StringSliceVar(&config.Interpreters, "interpreters", nil, "`folders` searched for interpreters before PATH")
	f.IntVar(&config.MaxConcurrency, "max-concurrency", 1000, "`instances` at once, of all functions on all nodes; beyond, invocations get 429")
	f.DurationVar(&config.IdleTimeout, "idle-timeout", 5*time.Minute, "`time` after which an idle instance ends")
	f.DurationVar(&config.PoolWindow, "pool-window", 3*time.Minute, "`time` for which as many sandboxes stay prepared as were asked for in one second")
	f.DurationVar(&config.AsyncRetryDelay, "async-retry-delay", time.Minute, "`time` before an asynchronous invocation's first retry; twice that before the second")
	f.DurationVar(&config.DrainTimeout, "drain-timeout", 20*time.Second, "`time` that invocations get to finish when serve is asked to end")
	f.StringVar(&config.ReadyFile, "ready-file", "", "write addresses, token file and pid as JSON to this `file` once ready")
	f.StringVar(&logFormat, "log-format", "text", "how to write the log, which goes to standard error: `text|json`")
	f.StringVar(&logLevel, "log-level", "info", "the least that is logged: `debug|info|warn|error`")
	complete := func(flag string, values ...string) {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	complete("isolation", "auto", "strict", "process", "oci")
	complete("log-format", "text", "json")
	complete("log-level", "debug", "info", "warn", "error")
	_ = cmd.MarkFlagDirname("data-dir")
	return cmd
}

func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var options slog.HandlerOptions
	var min slog.Level
	if err := min.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level is %q; it can be debug, info, warn or error", level)
	}
	options.Level = min
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, &options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &options)), nil
	}
	return nil, fmt.Errorf("--log-format is %q; it can be text or json", format)
}

// defaultDataDir follows the XDG base directory specification.
func defaultDataDir() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "tidegate"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("no home folder to keep data in; name a folder with --data-dir")
	}
	return filepath.Join(home, ".local", "share", "tidegate"), nil
}

func printReady(w io.Writer, ready runtime.Ready) {
	fmt.Fprintf(w, "management and invoking: %s (token in %s)\n", ready.Endpoint, ready.TokenFile)
	fmt.Fprintf(w, "ingress:                 %s\n", ready.Ingress)
}
