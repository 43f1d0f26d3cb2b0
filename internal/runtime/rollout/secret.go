package rollout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
)

// secretsOf the stack, of all its functions and their versions: a hook may repeat what
// another function told it.
func secretsOf(rec *store.Record) []string {
	var all []string
	add := func(secrets map[string]string) {
		for _, value := range secrets {
			all = append(all, value)
		}
	}
	for _, f := range rec.Stack.Functions {
		add(f.Secrets)
	}
	if rec.Pending != nil {
		for _, f := range rec.Pending.Functions {
			add(f.Secrets)
		}
	}
	for _, f := range rec.Functions {
		for _, v := range f.Versions {
			add(v.Secrets)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// shortSecret is the length, in bytes, below which a secret is part of any sentence: it
// is found only as a whole string in quotes.
const shortSecret = 4

// redacted is what a function returned without secrets, as they are and as JSON writes
// them, also in a string that is JSON itself. It looks for all of them at once: there may
// be many, in megabytes.
func redacted(text string, secrets []string) string {
	var sought []string
	for _, secret := range secrets {
		for _, form := range formsOf(secret) {
			switch {
			case secret == "":
			case len(secret) >= shortSecret:
				sought = append(sought, form)
			default:
				sought = append(sought, `"`+form+`"`, `\"`+form+`\"`, `'`+form+`'`)
			}
		}
	}
	// One that begins with another goes first.
	slices.SortFunc(sought, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(sought))
	for _, form := range sought {
		pairs = append(pairs, form, "(secret)")
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// formsOf a secret are how it may be written, each once.
func formsOf(secret string) []string {
	forms := []string{secret}
	for range 2 {
		for _, form := range slices.Clone(forms) {
			quoted := inJSON(form)
			forms = append(forms, quoted, inASCII(quoted))
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// inJSON is a string as most languages write it in JSON, without its quotes.
func inJSON(s string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // A string always encodes.
	return strings.TrimSuffix(strings.TrimPrefix(out.String(), `"`), "\"\n")
}

// inASCII has every other character escaped, as Python's JSON does.
func inASCII(s string) string {
	var out strings.Builder
	for _, r := range s {
		if r < 0x80 {
			out.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return out.String()
}
