package aws

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Whoever goes on with a release tells its hooks what its first driver has told them, also
// of functions that were new then.
func TestAHookIsToldTheSameWhoeverRunsIt(t *testing.T) {
	w := openWorld(t)
	begun := func(name string) stack.Stack {
		want := w.begun(name, &stack.Release{Before: "smoke", After: "create"})
		want.Functions["fresh"] = want.Functions["smoke"]
		return want
	}
	want := begun("whole")
	w.guillotine.changes = 0
	w.guillotine.fallsAfter(1000)
	w.release(want)
	calls := w.guillotine.changes
	first := slices.IndexFunc(w.guillotine.calls, func(call string) bool {
		return strings.HasSuffix(call, "PUT /2015-03-31/functions/whole-create/aliases/live")
	})
	again := 0
	for n := first - 1; n < calls; n++ {
		name := "killed" + strings.Repeat("i", n)
		want := begun(name)
		w.aliases.invoked = nil
		w.guillotine.fallsAfter(n)
		_, err := w.target.Update(t.Context(), w.deploy(want))
		w.guillotine.live()
		if err == nil {
			t.Errorf("killed after %d calls, the update succeeds", n)
		}
		before := len(w.aliases.invoked)
		w.release(want)
		if before > 0 && before < len(w.aliases.invoked) {
			again++
		}
		for _, invoked := range w.aliases.invoked {
			_, event, _ := strings.Cut(invoked, " ")
			event = strings.Replace(event, `"phase":"before"`, `"phase":"after"`, 1)
			functions := `"phase":"after","functions":{"create":{` // And list, which moves, and fresh.
			if !strings.Contains(event, functions) || !strings.Contains(event, `"fresh":{"function":"`+name+`-fresh","candidate":"1","stable":null,`) || strings.Count(event, `"stable":"1"`) != 2 {
				t.Errorf("killed after %d calls, a hook is told %s", n, event)
			}
		}
	}
	if again < 3 {
		t.Errorf("only %d of the killed applies had run a hook and left one to run", again)
	}
}
