// Command imports checks which of Tidegate's packages import which, against the
// table in rules.go. It checks the module in the working directory, and its exit
// status is non-zero if a rule is broken.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	broken, err := check(".", rules)
	if err != nil {
		fmt.Fprintln(os.Stderr, "imports:", err)
		os.Exit(2)
	}
	for _, line := range broken {
		fmt.Println(line)
	}
	if len(broken) > 0 {
		os.Exit(1)
	}
}

// A goPackage is what `go list -json` tells of a package.
type goPackage struct {
	ImportPath string
	Module     struct{ Path string }
	Imports    []string
	// Imports of the tests inside and outside the package.
	TestImports  []string
	XTestImports []string
}

// check returns a sentence for every import in the module in dir that the rules
// do not allow.
func check(dir string, rules []rule) (broken []string, err error) {
	packages, err := list(dir)
	if err != nil {
		return nil, err
	}
	for _, p := range packages {
		folder := inModule(p.Module.Path, p.ImportPath)
		r := ruleFor(rules, folder)
		if r == nil {
			broken = append(broken, fmt.Sprintf("%s: no rule says what this folder may import: add it to tools/imports/rules.go", folder))
			continue
		}
		for _, imported := range p.Imports {
			if !r.allows(p.Module.Path, imported, r.may) || slices.Contains(r.never, imported) {
				broken = append(broken, fmt.Sprintf("%s imports %s: not allowed for %s (tools/imports/rules.go)", p.ImportPath, imported, r))
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if !r.allows(p.Module.Path, imported, r.may, r.tests) {
				broken = append(broken, fmt.Sprintf("a test of %s imports %s: not allowed for %s (tools/imports/rules.go)", p.ImportPath, imported, r))
			}
		}
	}
	slices.Sort(broken)
	return slices.Compact(broken), nil
}

func list(dir string) ([]goPackage, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Module,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p goPackage
		if err := decoder.Decode(&p); err != nil {
			return nil, fmt.Errorf("read go list's answer: %w", err)
		}
		packages = append(packages, p)
	}
	return packages, nil
}

// inModule returns the folder of a package of the module: "" for its root.
func inModule(module, importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

func within(folder, parent string) bool {
	return folder == parent || strings.HasPrefix(folder, parent+"/")
}

// ruleFor returns the most specific rule for a folder, or nil. The rule of the
// root holds for the root alone.
func ruleFor(rules []rule, folder string) *rule {
	var best *rule
	for i, r := range rules {
		if within(folder, r.folder) && (best == nil || len(r.folder) > len(best.folder)) {
			best = &rules[i]
		}
	}
	return best
}

// allows tells whether a package that the rule holds for may import another of the
// module; what is not of the module it leaves alone.
func (r *rule) allows(module, imported string, allowed ...[]string) bool {
	if imported != module && !strings.HasPrefix(imported, module+"/") {
		return true
	}
	folder := inModule(module, imported)
	if within(folder, r.folder) {
		return true
	}
	for _, parent := range slices.Concat(allowed...) {
		if within(folder, parent) {
			return true
		}
	}
	return false
}

func (r *rule) String() string {
	if r.folder == "" {
		return "the module's root"
	}
	return r.folder
}
