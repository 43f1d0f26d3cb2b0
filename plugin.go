package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/tidegate-io/terraform-provider-tidegate/provider"
)

const providerAddress = "registry.terraform.io/tidegate-io/tidegate"

// parentCheck is how often the provider looks whether Terraform is still there.
const parentCheck = 500 * time.Millisecond

// While planning the provider makes much garbage in a short life. It collects it
// seldom up to softMemory, and then as often as need be.
const (
	gcPercent  = 200
	softMemory = 112 << 20
)

// servePlugin answers Terraform until it ends the plugin.
func servePlugin(version string) error {
	go endWithParent()
	quietLogs()
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(softMemory)
	return providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{Address: providerAddress})
}

// endWithParent ends the process soon after its parent. Terraform ends its plugins
// when it ends in order; killed, it cannot, and a plugin would stay for ever, going
// on with an apply that nobody will hear of.
func endWithParent() {
	parent := os.Getppid()
	for range time.Tick(parentCheck) {
		if os.Getppid() != parent {
			os.Exit(1)
		}
	}
}

// quietLogs turns the plugin framework's own log off unless somebody wants to see
// it. It traces every call, and Terraform reads every line to drop it: a third of
// the time that a plan takes.
func quietLogs() {
	if os.Getenv("TF_LOG") != "" || os.Getenv("TF_LOG_PROVIDER") != "" {
		return
	}
	for _, variable := range []string{"TF_LOG_SDK", "TF_LOG_SDK_PROTO", "TF_LOG_SDK_FRAMEWORK"} {
		if os.Getenv(variable) == "" {
			_ = os.Setenv(variable, "OFF")
		}
	}
}
