package release

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestAHookIsToldOfWhatMovesAndOfWhatIsNew(t *testing.T) {
	wish := Wish{
		ID: "r-1", Policy: stack.Release{Strategy: stack.Canary, Before: "smoke", After: "smoke"},
		Moves:    map[string]Move{"f": {Stable: stack.Routing{6: 10, 7: 90}, Candidate: 8}},
		Versions: map[string]int{"f": 8, "smoke": 3, "fresh": 1},
		New:      []string{"fresh"},
	}
	r := Begin(wish, noon)
	arn := func(function, qualifier string) string { return "arn:" + function + ":" + qualifier }
	for _, phase := range []Phase{Before, After} {
		text, err := json.Marshal(r.HookEvent("shop", arn))
		if err != nil {
			t.Fatal(err)
		}
		want := `{"release":"r-1","stack":"shop","phase":"` + string(phase) + `","functions":{` +
			`"f":{"function":"shop-f","candidate":"8","stable":"7","arn":"arn:f:8"},` +
			`"fresh":{"function":"shop-fresh","candidate":"1","stable":null,"arn":"arn:fresh:1"}}}`
		if string(text) != want {
			t.Errorf("the event is\n%s, want\n%s", text, want)
		}
		r = r.HookDone(noon, nil)
		r = r.Judge(r.Due(), Seen{})
	}
}

func TestTheFunctionsThatAreNewOutliveTheirDriver(t *testing.T) {
	for name, fresh := range map[string][]string{"some": {"b", "a"}, "none": nil, "none, said otherwise": {}} {
		r := Begin(Wish{ID: "r-1", Moves: two(), New: fresh}, noon)
		text, err := json.Marshal(r)
		var again Release
		if err == nil {
			err = json.Unmarshal(text, &again)
		}
		if err != nil || !reflect.DeepEqual(again.New, r.New) || len(r.New) != len(fresh) {
			t.Errorf("%s: %v reads as %v, %v", name, r.New, again.New, err)
		}
	}
}
