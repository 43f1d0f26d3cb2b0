package aws

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func shopMarker(s *session) (*marker, *inventory) {
	_, i := oneGroup(s)
	return i.marker, i
}

func TestMarkerSaysWhetherACreationWasFinished(t *testing.T) {
	s, logs := newPlace(nil)
	m, i := shopMarker(s)
	if err := m.read(t.Context()); err != nil || m.exists() {
		t.Fatalf("it exists: %v, %v", m.exists(), err)
	}
	i.want(shopWith(nil))
	if err := m.apply(t.Context()); err != nil || m.finished() {
		t.Fatalf("made, it is finished: %v, %v", m.finished(), err)
	}
	want := map[string]string{tagStack: "shop", tagKind: "stack", tagCreation: "unfinished", "team": "a"}
	if got := logs.groups["/tidegate/shop"].tags; !maps.Equal(got, want) {
		t.Errorf("it is tagged %v, want %v", got, want)
	}
	if err := m.finish(t.Context()); err != nil || !m.finished() || logs.groups["/tidegate/shop"].tags[tagCreation] != "finished" {
		t.Errorf("it is finished: %v, %v", m.finished(), err)
	}
	if got := logs.made(t); !slices.Equal(got, []string{"CreateLogGroup /tidegate/shop", "TagResource /tidegate/shop"}) {
		t.Errorf("it called %v", got)
	}
	// Neither says anything again.
	if err := errors.Join(m.apply(t.Context()), m.finish(t.Context())); err != nil || len(logs.made(t)) > 0 || m.drift() != "" {
		t.Errorf("it says %q, %v", m.drift(), err)
	}
}

func TestMarkerKeepsTheUsersTags(t *testing.T) {
	s, logs := newPlace(map[string]*logGroupFacts{"/tidegate/shop": {0, map[string]string{tagStack: "shop", tagKind: "stack", tagCreation: "finished", "team": "b", "aws:x": "y", "all": "everywhere"}}})
	s.defaultTags = map[string]string{"all": "everywhere"}
	m, i := shopMarker(s)
	if err := m.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := i.deployment(stack.Stack{Name: "shop"})
	if want := map[string]string{"team": "b"}; !maps.Equal(d.Stack.Tags, want) || d.Creation != stack.CreationFinished {
		t.Errorf("the stack has the tags %v, want %v; its creation is %s", d.Stack.Tags, want, d.Creation)
	}
	i.want(shopWith(nil))
	if m.drift() != "its tag team differs" {
		t.Errorf("its drift is %q", m.drift())
	}
	if err := m.apply(t.Context()); err != nil || !m.finished() || logs.groups["/tidegate/shop"].tags["team"] != "a" {
		t.Errorf("it is tagged %v, %v", logs.groups["/tidegate/shop"].tags, err)
	}
}

func TestMarkerThatCannotBeFinishedIsAnError(t *testing.T) {
	s, logs := newPlace(nil)
	m, i := shopMarker(s)
	i.want(shopWith(nil))
	if err := m.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	logs.fail["TagResource"] = errNo
	if err := m.finish(t.Context()); err == nil || !strings.HasPrefix(err.Error(), `cannot finish the log group "/tidegate/shop": `) || m.finished() {
		t.Errorf("it is finished: %v, %v", m.finished(), err)
	}
}

func TestMarkerOfSomebodyElseIsForeign(t *testing.T) {
	s, _ := newPlace(map[string]*logGroupFacts{"/tidegate/shop": {}})
	m, _ := shopMarker(s)
	if err := m.read(t.Context()); err != nil || !m.foreign() || m.finished() {
		t.Errorf("it is foreign: %v, %v", m.foreign(), err)
	}
}

func TestMarkerThatIsGoneIsRemoved(t *testing.T) {
	s, _ := newPlace(nil)
	m, _ := shopMarker(s)
	m.have = map[string]string{}
	if err := m.remove(t.Context()); err != nil || m.exists() {
		t.Errorf("it exists: %v, %v", m.exists(), err)
	}
}
