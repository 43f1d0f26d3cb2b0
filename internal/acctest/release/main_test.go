package release_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// A release waits most of its time, whatever the number of cores.
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	acctest.Main(m)
}

// One runtime has the stacks of all these tests, as it would have a team's.
func TestReleases(t *testing.T) {
	t.Parallel()
	r := acctest.StartRuntime(t)
	python := r.Interpreter("python3.")
	for name, test := range map[string]func(*bench){
		"each strategy to its end":           eachStrategyToItsEnd,
		"candidates that fail":               candidatesThatFail,
		"steered while Terraform applies":    steeredWhileTerraformApplies,
		"an apply that does not wait":        anApplyThatDoesNotWait,
		"one interrupt for several releases": oneInterruptForSeveralReleases,
		"a timeout":                          aTimeoutEndsARelease,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newBench(t, r, python))
		})
	}
}
