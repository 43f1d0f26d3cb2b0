// Command demo deploys examples/quickstart with the real Terraform to a runtime of
// its own, uses it, changes it, breaks it and removes it; then examples/canary, of
// which it releases a bad version and a good one. It tells a person what happens on the
// way, and fails if any step does not hold.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: demo\n\nTIDEGATE_TERRAFORM names the program to use in place of terraform.")
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	terraform, err := harness.TerraformProgram(ctx)
	if err == nil {
		err = run(ctx, os.Stdout, terraform)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "\nThe demo failed:", err)
		os.Exit(1)
	}
}
