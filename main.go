// Tidegate is one program in two roles: Terraform starts it as a provider, a
// person as the `tidegate` command.
package main

import (
	"context"
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/cli"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/provider"
)

// version is stamped in by the linker: -ldflags "-X main.version=1.2.3".
var version string

func main() {
	if sandbox.ShimMain() {
		return
	}
	version := cli.Version(version)
	// Terraform sets this for every plugin it starts.
	if os.Getenv("TF_PLUGIN_MAGIC_COOKIE") != "" {
		go endWithParent()
		err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
			Address: "registry.terraform.io/tidegate-io/tidegate",
		})
		if err != nil {
			log.Fatal(err)
		}
		return
	}
	os.Exit(cli.Main(version))
}
