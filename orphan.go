package main

import (
	"os"
	"time"
)

// parentCheck is how often the provider looks whether Terraform is still there.
const parentCheck = 500 * time.Millisecond

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
