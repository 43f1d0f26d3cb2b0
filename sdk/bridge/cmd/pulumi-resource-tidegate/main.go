// pulumi-resource-tidegate is the plugin that Pulumi's engine starts.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge"
	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge/internal/plugin"
)

// schema of the package, made by pulumi-tfgen-tidegate.
//
//go:embed schema.json
var schema []byte

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(bridge.Version)
		return
	}
	ctx := context.Background()
	if err := plugin.Serve(ctx, bridge.Provider(ctx), schema); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
