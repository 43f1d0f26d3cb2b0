package aws

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func someNote() note {
	return note{
		id: "r-0123456789ab", phase: release.Shifting, step: 3, weight: 40, candidate: 8, stable: stack.RouteTo(7),
		since: noon.Add(time.Minute), began: noon, by: "ada@laptop", wants: "0a1b2c3d", driver: "9f3c", what: "30 % passed: 12 invocations of the candidates",
	}
}

func TestANoteReadsAsItWasWritten(t *testing.T) {
	for name, edit := range map[string]func(n *note){
		"shifting":         func(*note) {},
		"before":           func(n *note) { n.phase, n.step, n.weight, n.what = release.Before, 0, 0, "began with smoke" },
		"held":             func(n *note) { n.stopped = release.Held },
		"paused":           func(n *note) { n.stopped = release.Paused },
		"rolled back":      func(n *note) { n.phase, n.step, n.weight = release.RolledBack, 0, 0 },
		"back":             func(n *note) { n.phase, n.step, n.weight, n.back = release.Finished, 0, 100, true },
		"from two":         func(n *note) { n.stable = stack.Routing{7: 90, 8: 10} },
		"nothing happened": func(n *note) { n.what = "" },
		"instances aside":  func(n *note) { n.aside = 12 },
		"a name with text": func(n *note) { n.by = "ada, of (shop); 0a1b2c3d/9f3c" },
		"nobody's":         func(n *note) { n.by = "" },
	} {
		t.Run(name, func(t *testing.T) {
			n := someNote()
			edit(&n)
			got := parseNote(n.String())
			if got == nil {
				t.Fatalf("%q is not read", n)
			}
			if diff := cmp.Diff(n, *got, cmp.AllowUnexported(note{})); diff != "" {
				t.Errorf("%q reads otherwise (-want +got):\n%s", n, diff)
			}
		})
	}
}

func TestANoteFitsIntoADescription(t *testing.T) {
	n := someNote()
	n.phase, n.step, n.stopped, n.weight, n.back = release.Shifting, 98, release.Paused, 99, true
	n.candidate, n.stable, n.aside = 123456, stack.Routing{123454: 50, 123455: 50}, 99999
	n.by, n.what = strings.Repeat("ä", 100), strings.Repeat("alarm ☠\n", 50)
	text := n.String()
	if len(text) > maxDescription || strings.Contains(text, "\n") {
		t.Errorf("%q has %d bytes", text, len(text))
	}
	if got := parseNote(text); got == nil || got.candidate != n.candidate || got.driver != n.driver || got.aside != n.aside {
		t.Errorf("%q reads as %+v", text, got)
	}
}

func TestWhoReleasesGivesWayToNumbersOfManyDigits(t *testing.T) {
	n := someNote()
	n.phase, n.step, n.stopped, n.weight, n.back = release.Shifting, 98, release.Paused, 99, true
	n.candidate, n.stable, n.aside = 99_999_999_999_999, stack.Routing{99_999_999_999_997: 50, 99_999_999_999_998: 50}, 10_000
	for _, by := range []string{strings.Repeat("x", 64), strings.Repeat("ä", 100), "ada@laptop"} {
		n.by = by
		text := n.String()
		got := parseNote(text)
		if len(text) > maxDescription || got == nil || got.candidate != n.candidate || got.driver != n.driver || got.aside != n.aside {
			t.Errorf("%q, of %d bytes, reads as %+v", text, len(text), got)
		}
	}
}

func TestDescriptionsOfOthersAreNoNotes(t *testing.T) {
	for _, text := range []string{
		"", "the live one", "release r-1", someNote().String()[1:],
		strings.Replace(someNote().String(), "7=100", "7=90", 1), strings.Replace(someNote().String(), "12:00:00Z", "25:00:00Z", 1),
	} {
		if n := parseNote(text); n != nil {
			t.Errorf("%q is taken for a note", text)
		}
	}
}

func FuzzParseNote(f *testing.F) {
	f.Add(someNote().String())
	f.Fuzz(func(t *testing.T, text string) {
		n := parseNote(text)
		if n == nil {
			return
		}
		if again := parseNote(n.String()); again == nil || again.id != n.id {
			t.Errorf("%q reads as %+v, which is written %q", text, n, n)
		}
	})
}
