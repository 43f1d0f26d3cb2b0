package aws

import (
	"fmt"
	"strings"
)

// remarks are what drift says, one phrase after the other.
type remarks []string

// add takes a phrase; empty ones are left out.
func (p *remarks) add(phrase string) {
	if phrase != "" {
		*p = append(*p, phrase)
	}
}

// addIf takes a phrase if something is so.
func (p *remarks) addIf(so bool, format string, args ...any) {
	if so {
		p.add(fmt.Sprintf(format, args...))
	}
}

// String is "" if there are none.
func (p remarks) String() string { return strings.Join(p, "; ") }
