package tests

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// documented are the programs in the schema's descriptions of one language, by what they
// are examples of. The documentation of the SDKs shows the same.
func documented(t *testing.T, language string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "bridge", "cmd", "pulumi-resource-tidegate", "schema.json"))
	check(t, err)
	type described struct{ Description string }
	var schema struct {
		Provider             described
		Resources, Functions map[string]described
	}
	check(t, json.Unmarshal(raw, &schema))
	all := map[string]described{"tidegate:index/provider:Provider": schema.Provider}
	maps.Copy(all, schema.Resources)
	maps.Copy(all, schema.Functions)

	fence := regexp.MustCompile("(?s)```" + language + "\n(.*?)```")
	programs := map[string]string{}
	for token, d := range all {
		match := fence.FindStringSubmatch(d.Description)
		if match == nil {
			t.Fatalf("%s has no example in %s", token, language)
		}
		programs[token[strings.LastIndex(token, ":")+1:]] = match[1]
	}
	return programs
}

func TestTheDocumentationsExamplesInTypeScriptCompile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var files []string
	for name, source := range documented(t, "typescript") {
		files = append(files, name+".ts")
		check(t, os.WriteFile(filepath.Join(dir, name+".ts"), []byte(source), 0o600))
	}
	config, err := json.Marshal(map[string]any{
		"files": files,
		"compilerOptions": map[string]any{
			"target": "ES2022", "module": "nodenext", "moduleResolution": "nodenext",
			"strict": true, "skipLibCheck": true, "noEmit": true, "types": []string{"node"},
		},
	})
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "tsconfig.json"), config, 0o600))
	compileTypeScript(t, dir)
}

// The examples are compiled as if they lay in this module, which requires the SDK.
func TestTheDocumentationsExamplesInGoCompile(t *testing.T) {
	t.Parallel()
	module, err := os.Getwd()
	check(t, err)
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for name, source := range documented(t, "go") {
		file := filepath.Join(dir, name+".go")
		// Nothing is to be linked, as a program would be.
		source = strings.Replace(source, "package main", "package example", 1)
		check(t, os.WriteFile(file, []byte(source), 0o600))
		overlay.Replace[filepath.Join(module, "documented", strings.ToLower(name), "example.go")] = file
	}
	raw, err := json.Marshal(overlay)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "overlay.json"), raw, 0o600))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "./documented/...").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
}

// Python's types are not checked before a program runs, so that the examples run, against
// an engine that takes whatever the schema knows.
func TestTheDocumentationsExamplesInPythonRun(t *testing.T) {
	t.Parallel()
	python, path, err := harness.PulumiPython(t.Context())
	check(t, err)
	dir := t.TempDir()
	programs := documented(t, "python")
	for name, source := range programs {
		check(t, os.WriteFile(filepath.Join(dir, name+".py"), []byte(source), 0o600))
	}
	schema, err := filepath.Abs(filepath.Join("..", "bridge", "cmd", "pulumi-resource-tidegate", "schema.json"))
	check(t, err)
	check(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "documented"))))
	cmd := exec.CommandContext(t.Context(), python, append([]string{"run_documented.py", schema}, slices.Sorted(maps.Keys(programs))...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PYTHONPATH="+path, "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
