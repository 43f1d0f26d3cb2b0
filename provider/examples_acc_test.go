package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The examples of the documentation are valid configurations.
func TestExamplesAreValid(t *testing.T) {
	examples, err := filepath.Glob("../examples/*/*/*.tf")
	if err != nil || len(examples) == 0 {
		t.Fatalf("there are no examples: %v", err)
	}
	examples = append(examples, "../examples/provider/provider.tf")
	l := newLab(t, map[string]string{"fulfil/app.py": handler("fulfil")})
	for _, example := range examples {
		t.Run(strings.TrimPrefix(filepath.Dir(example), "../examples/"), func(t *testing.T) {
			content, err := os.ReadFile(example)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(content), "required_providers") {
				l.Write("main.tf", string(content))
			} else {
				l.write("main.tf", string(content))
			}
			if out, err := l.Run(t.Context(), "validate"); err != nil || strings.Contains(out, "Questionable") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestEveryAttributeIsDescribed(t *testing.T) {
	for _, k := range kinds {
		for name, a := range k.schema().Attributes {
			if a.GetMarkdownDescription() == "" {
				t.Errorf("%s of a %s has no description", name, k.kind)
			}
		}
		for name, a := range functionsAttribute().NestedObject.Attributes {
			if a.GetMarkdownDescription() == "" {
				t.Errorf("functions.%s has no description", name)
			}
		}
	}
}
