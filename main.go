// Tidegate is one program in two roles: Terraform starts it as a provider, a
// person as the `tidegate` command.
package main

import (
	"log"
	"os"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/cli"
)

// version is stamped in by the linker: -ldflags "-X main.version=1.2.3".
var version string

func main() {
	version := cli.Version(version)
	// Terraform sets this for every plugin it starts.
	if os.Getenv("TF_PLUGIN_MAGIC_COOKIE") != "" {
		if err := servePlugin(version); err != nil {
			log.Fatal(err)
		}
		return
	}
	os.Exit(cli.Main(version))
}
