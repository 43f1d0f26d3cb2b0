package acctest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

func TestEveryDeviationIsInTheDocumentation(t *testing.T) {
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "fidelity.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n# How the emulators differ from AWS\n")
	if !found {
		t.Fatal("the documentation has no section on emulators")
	}
	var want []string
	for _, d := range deviations {
		want = append(want, fmt.Sprintf("| %s | %s | %s | %s | %s |", d.emulator, d.name, d.does, d.aws, d.evidence))
	}
	var is []string
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| emulator |") {
			is = append(is, strings.TrimSpace(line))
		}
	}
	if want, is := strings.Join(want, "\n"), strings.Join(is, "\n"); want != is {
		t.Errorf("docs/fidelity.md has\n%s\nwant\n%s", is, want)
	}
}
