package provider

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// An applier plays a provider process that Terraform has started.
func applier(notes string, pid int, args ...string) *earlierPlans {
	parent := parentProcess{id: "7-123", args: args, alive: func(id string) bool { return id == "7-123" }}
	return &earlierPlans{
		parent: func() (parentProcess, bool) { return parent, true },
		notes:  func() (string, error) { return notes, nil },
		pid:    pid,
	}
}

var (
	someRecipes = map[string]*recipe{"f": {source: "f"}}
	somePlanned = map[string]plannedFunction{"f": {SHA256: "abc", Manifest: map[string]string{"app.py": "1"}}}
)

func findSome(e *earlierPlans) map[string]plannedFunction {
	return e.find(stack.KindQueue, "orders", someRecipes, nil)
}

func TestTheSecondPlanOfAnApplyFindsTheFirst(t *testing.T) {
	notes := t.TempDir()
	first := applier(notes, 1, "apply", "-auto-approve")
	if got := findSome(first); got != nil {
		t.Errorf("before the first plan there is %v", got)
	}
	first.leave(stack.KindQueue, "orders", someRecipes, somePlanned)
	if got := findSome(first); got != nil {
		t.Errorf("the first plan finds itself: %v", got)
	}
	second := applier(notes, 2, "apply", "-auto-approve")
	if got := findSome(second); got["f"].SHA256 != "abc" {
		t.Errorf("the second plan finds %v", got)
	}
	if got := second.find(stack.KindQueue, "orders", map[string]*recipe{"f": {source: "elsewhere"}}, nil); got != nil {
		t.Errorf("of other sources the second plan finds %v", got)
	}
	second.forget(stack.KindQueue, "orders", someRecipes)
	if left, _ := os.ReadDir(notes); len(left) > 0 {
		t.Errorf("after the apply there is %v", left)
	}
}

func TestAPlanThatIsNotAppliedLeavesNothing(t *testing.T) {
	for _, args := range [][]string{nil, {"plan"}, {"-chdir=x", "plan", "apply"}, {"test"}} {
		notes := t.TempDir()
		e := applier(notes, 1, args...)
		e.leave(stack.KindQueue, "orders", someRecipes, somePlanned)
		if left, _ := os.ReadDir(notes); len(left) > 0 {
			t.Errorf("terraform %q leaves %v", args, left)
		}
	}
}

func TestNotesOfAppliesThatEndedAreRemoved(t *testing.T) {
	notes := t.TempDir()
	writeFile(t, filepath.Join(notes, "6-99", "note.json"), "{}")
	applier(notes, 1, "apply").leave(stack.KindQueue, "orders", someRecipes, somePlanned)
	left, err := os.ReadDir(notes)
	if err != nil || len(left) != 1 || left[0].Name() != "7-123" {
		t.Errorf("there is %v, %v", left, err)
	}
}

func TestAPlanThatIsNoneIsPassedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plan")
	writeFile(t, path, "not a zip")
	if p := openSavedPlan(path); p != nil {
		t.Errorf("it was read: %v", p)
	}
	other := filepath.Join(t.TempDir(), "other.zip")
	writeZip(t, other, "no-plan")
	if p := openSavedPlan(other); p != nil {
		t.Errorf("it was read: %v", p)
	}
}

func FuzzParseSavedPlan(f *testing.F) {
	var value, change, body, plan []byte
	value = protowire.AppendBytes(protowire.AppendTag(value, valueMsgPack, protowire.BytesType), []byte{0x80})
	body = protowire.AppendBytes(protowire.AppendTag(body, changeValues, protowire.BytesType), value)
	change = protowire.AppendBytes(protowire.AppendTag(change, resourceChange, protowire.BytesType), body)
	change = protowire.AppendBytes(protowire.AppendTag(change, resourceAddress, protowire.BytesType), []byte("tidegate_queue.orders"))
	plan = protowire.AppendBytes(protowire.AppendTag(plan, planResourceChanges, protowire.BytesType), change)
	f.Add(plan)
	t := typeOf(queue.schema().Attributes["functions"])
	f.Fuzz(func(_ *testing.T, raw []byte) {
		// Nothing may be found, but it must not panic.
		parseSavedPlan(raw).find(stack.KindQueue, "orders", t)
	})
}
