package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Hash tells configurations apart: what it covers is what makes a version. It
// is the SHA-256, in hex, of the JSON of the configuration with its defaults
// filled in, so that leaving a default out or writing it is the same.
//
// Hashes are kept in states and records, so they must not change from one
// release of Tidegate to the next: a field added to Config is `omitempty`, and
// its zero value means what was so before.
func (c Config) Hash() string {
	// A Config holds strings, numbers and maps of them: it always marshals, and the
	// keys of maps come out sorted.
	text, err := json.Marshal(c.withDefaults())
	if err != nil {
		panic(fmt.Sprintf("stack: a Config does not marshal: %v", err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// ReleaseID identifies what a release of the stack would make live: the code
// and effective configuration of every function.
func (s Stack) ReleaseID() string {
	h := sha256.New()
	for _, name := range s.FunctionNames() {
		fmt.Fprintf(h, "%s %s\n", name, s.Functions[name].Hash())
	}
	return "r-" + hex.EncodeToString(h.Sum(nil))[:12]
}
