package aws

import (
	"os"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

func TestMain(m *testing.M) {
	if job := os.Getenv(envVictim); job != "" {
		os.Exit(victim(job))
	}
	acctest.MainOnEmulators(m)
}
