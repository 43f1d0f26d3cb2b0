package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// module writes a module of one-line packages: folder -> the import path it
// imports, "" for none.
func module(t *testing.T, packages map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.test/m\n\ngo 1.26\n")
	for file, imported := range packages {
		text := "package p\n"
		if imported != "" {
			text += "\nimport _ \"" + imported + "\"\n"
		}
		write(file, text)
	}
	return dir
}

func TestAnImportThatNoRuleAllowsIsNamed(t *testing.T) {
	dir := module(t, map[string]string{
		"internal/stack/stack.go":           "",
		"internal/runtime/runtime.go":       "example.test/m/internal/stack",
		"internal/runtime/store/store.go":   "",
		"internal/runtime/api/api.go":       "example.test/m/internal/runtime/store",
		"internal/target/target.go":         "os/exec",
		"internal/target/open/open.go":      "example.test/m/internal/runtime/store",
		"provider/provider.go":              "example.test/m/internal/target",
		"provider/provider_test.go":         "example.test/m/internal/runtime",
		"internal/release/release.go":       "os",
		"internal/release/release_test.go":  "os",
		"internal/runtime/runtime_test.go":  "example.test/m/internal/harness",
		"internal/harness/harness.go":       "",
		"internal/harness/harness_extra.go": "example.test/m/internal/stack",
		"internal/attic/attic.go":           "",
	})
	got, err := check(dir, rules)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a test of example.test/m/provider imports example.test/m/internal/runtime: not allowed for provider (tools/imports/rules.go)",
		"example.test/m/internal/harness imports example.test/m/internal/stack: not allowed for internal/harness (tools/imports/rules.go)",
		"example.test/m/internal/release imports os: not allowed for internal/release (tools/imports/rules.go)",
		"example.test/m/internal/target/open imports example.test/m/internal/runtime/store: not allowed for internal/target (tools/imports/rules.go)",
		"internal/attic: no rule says what this folder may import: add it to tools/imports/rules.go",
	}
	if !slices.Equal(got, want) {
		t.Errorf("broken rules:\n%q\nwant:\n%q", got, want)
	}
}

func TestEveryFolderNeedsARule(t *testing.T) {
	if r := ruleFor(rules, "internal/attic"); r != nil {
		t.Errorf("internal/attic has the rule of %s", r)
	}
	if r := ruleFor(rules, ""); r == nil {
		t.Error("the root has no rule")
	}
}

func TestAModuleThatDoesNotListIsAnError(t *testing.T) {
	if _, err := check(t.TempDir(), rules); err == nil {
		t.Error("no error for a folder without a module")
	}
}
