package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

func TestMain(m *testing.M) { acctest.Main(m) }

func play(t *testing.T, program string) {
	t.Helper()
	before := leftovers(t)
	var out bytes.Buffer
	if err := run(t.Context(), &out, program); err != nil {
		t.Fatalf("%v\n\n%s", err, &out)
	}
	for _, told := range []string{
		"Apply complete! Resources: 3 added, 0 changed, 0 destroyed.",
		"No changes.",
		"orders/fulfil: version 2, was 1",
		"consumer",
		"Apply complete! Resources: 0 added, 1 changed, 0 destroyed.",
		" is open, with 3 things on the menu",
		"Destroy complete! Resources: 3 destroyed.",
		`Release rolled back: stack "parcels"`,
		`rolled back: at 10 % the candidate version 2 of function "quote" failed in `,
		"all of them with version 2.",
		"10 % passed: quote failed in 0 of ",
		"; 0 failed.",
		"quote 3 → 1",
		`Rolled back outside Terraform: stack "parcels"`,
		"so there is no new version.",
		"Destroy complete! Resources: 1 destroyed.",
	} {
		if !strings.Contains(out.String(), told) {
			t.Errorf("the demo did not tell %q:\n%s", told, &out)
		}
	}
	if after := leftovers(t); len(after) > len(before) {
		t.Errorf("the demo left folders: %q, before it there were %q", after, before)
	}
}

// leftovers are the demo's folders that were not removed.
func leftovers(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "tidegate-demo") {
			found = append(found, e.Name())
		}
	}
	return found
}

func TestTheDemoHolds(t *testing.T) {
	program, err := harness.TerraformProgram(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	play(t, program)
}

func TestTheDemoHoldsWithOpenTofu(t *testing.T) {
	program, err := harness.TerraformProgram(t.Context(), "--opentofu")
	if err != nil {
		t.Fatal(err)
	}
	play(t, program)
}
