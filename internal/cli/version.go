package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version is what was stamped into the program while linking, else what the Go
// toolchain recorded of the module and its repository.
func Version(stamped string) string {
	if stamped != "" {
		return stamped
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return "dev-" + setting.Value[:min(12, len(setting.Value))]
		}
	}
	return "dev"
}

func newVersion(version string) *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			platform := runtime.GOOS + "/" + runtime.GOARCH
			return out.print(cmd, map[string]string{"version": version, "platform": platform, "go": runtime.Version()}, func() error {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "tidegate %s (%s, %s)\n", version, platform, runtime.Version())
				return err
			})
		},
	}
	out.flag(cmd)
	return cmd
}
