package hostile

import (
	_ "embed"
	"testing"
)

//go:embed functions/useful.py
var usefulPython []byte

//go:embed functions/useful.js
var usefulNode []byte

// Walls that keep out what is useful would be easy to build.
func TestWhatFunctionsCommonlyDoWorks(t *testing.T) {
	s := newSite(t)
	functions := map[string]function{}
	for name, language := range map[string]struct {
		prefix, file string
		code         []byte
	}{
		"python": {"python3.", "useful.py", usefulPython}, "node": {"nodejs", "useful.js", usefulNode},
	} {
		sha, err := s.upload(t.Context(), language.file, language.code)
		if err != nil {
			t.Fatal(err)
		}
		functions[name] = function{Runtime: s.runtime.Interpreter(language.prefix), Handler: "useful.handler", CodeSHA256: sha, Memory: 1769, Timeout: "30s"}
	}
	if err := s.deploy(t.Context(), "useful", functions); err != nil {
		t.Fatal(err)
	}
	for name := range functions {
		a, err := s.invoke(t.Context(), "useful-"+name, map[string]any{})
		if err != nil || a.Error != "" || a.Body != "[]" {
			t.Errorf("%s: %+v %v", name, a, err)
		}
	}
}
