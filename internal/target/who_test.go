package target

import (
	"strings"
	"testing"
)

func TestWhoIsShortAndHasNoGaps(t *testing.T) {
	for _, c := range []struct{ name, host, want string }{
		{"ada", "laptop.example.org", "ada@laptop"},
		{"Ada Lovelace", "laptop", "AdaLovelace@laptop"},
		{"ada", "", "ada"},
		{"", "runner-7", "somebody@runner-7"},
		{"a\nda", "lap\x1b[31mtop", "ada@lap[31mtop"},
		{"x" + strings.Repeat("é", 70), "laptop", "x" + strings.Repeat("é", 31)},
	} {
		if got := who(c.name, c.host); got != c.want {
			t.Errorf("who(%q, %q) is %q, want %q", c.name, c.host, got, c.want)
		}
	}
	if Who() == "" {
		t.Error("this program is run by nobody")
	}
}
