package deploy

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// history is a stack that anybody does anything to, and what must hold of it
// whatever that is.
type history struct {
	record *store.Record
	// seen are all versions there ever were, by function and number -> hash.
	seen     map[string]map[int]string
	revision uint64
	now      time.Time
	// before is the record as it was when the release under way began.
	before *store.Record
}

var functionNames = []string{"f", "g", "h"}

func (h *history) exists() bool { return h.record != nil && !h.record.Deleted }

// put stores the record as the store would, and checks it.
func (h *history) put(t *rapid.T, r *store.Record) {
	h.revision++
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	h.record = &store.Record{}
	if err := json.Unmarshal(text, h.record); err != nil {
		t.Fatal(err)
	}
	h.record.Revision = h.revision
}

// wish is a random set of functions, with a policy perhaps.
func wish(t *rapid.T) stack.Stack {
	s := stack.Stack{Name: "orders", Functions: map[string]stack.Function{}}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(functionNames), 1, 3, rapid.ID[string]).Draw(t, "functions") {
		f := function1(rapid.SampledFrom([]string{"A", "B", "C", "D", "E"}).Draw(t, "code"))
		f.KeepVersions = rapid.IntRange(1, 4).Draw(t, "keep")
		f.SecretsVersion = rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "secrets version")
		if rapid.Bool().Draw(t, "sends secrets") {
			f.Secrets = map[string]string{"KEY": "the-secret"}
		}
		s.Functions[name] = f
	}
	if rapid.Bool().Draw(t, "has a policy") {
		s.Release = &stack.Release{
			Strategy:  rapid.SampledFrom([]string{stack.AllAtOnce, stack.Canary, stack.Linear, stack.BlueGreen}).Draw(t, "strategy"),
			OnFailure: rapid.SampledFrom([]string{stack.Rollback, stack.Hold}).Draw(t, "on failure"),
		}
		if rapid.Bool().Draw(t, "has a hook") {
			s.Release.After = s.FunctionNames()[0]
		}
	}
	return s
}

// Deploy deploys, perhaps while a release is under way.
func (h *history) Deploy(t *rapid.T) {
	s := wish(t)
	before := h.record
	had := map[string]map[string]bool{}
	for name := range s.Functions {
		had[name] = map[string]bool{}
		if h.exists() && h.record.Functions[name] != nil {
			for _, v := range h.record.Functions[name].Versions {
				had[name][v.Hash] = true
			}
		}
	}

	next, published, err := Deploy(h.record, s, "ada", h.now, size)
	var refused *UnderWayError
	if errors.As(err, &refused) {
		if !UnderWay(h.record) || Joins(h.record, s) {
			t.Fatalf("refused: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if UnderWay(h.record) {
		if len(published) > 0 || !reflect.DeepEqual(next.Release, h.record.Release) || !reflect.DeepEqual(next.Functions, h.record.Functions) {
			t.Fatalf("joining changed\n%+v to\n%+v", h.record, next)
		}
		if next.Pending.ReleaseID() != s.ReleaseID() {
			t.Fatalf("the release of\n%+v was joined by\n%+v", next.Pending, s)
		}
		h.put(t, next)
		return
	}

	for _, p := range published {
		if had[p.Function][s.Functions[p.Function].Hash()] {
			t.Fatalf("%s was published as version %d, but had a version like it", p.Function, p.Version)
		}
		if _, used := h.seen[p.Function][p.Version]; used {
			t.Fatalf("version %d of %s has a number that was used before", p.Version, p.Function)
		}
	}
	h.aliasesStay(t, next)
	if UnderWay(next) {
		if !reflect.DeepEqual(next.Stack, h.record.Stack) {
			t.Fatalf("a release that begins changes the stack from\n%+v to\n%+v", h.record.Stack, next.Stack)
		}
		h.before = before
		h.put(t, next)
		return
	}
	h.completed(t, next, s)
	h.put(t, next)
	again, published := deployed(h.record, s, noon.AddDate(0, 0, 1))
	if len(published) > 0 || !reflect.DeepEqual(again, h.record) {
		t.Fatalf("deploying the same again published %v and made\n%+v of\n%+v", published, again, h.record)
	}
}

// completed checks a record in which a stack is live.
func (h *history) completed(t *rapid.T, next *store.Record, s stack.Stack) {
	for name, f := range s.Functions {
		number := next.Functions[name].Live.Main()
		if v, ok := next.Functions[name].Version(number); !ok || v.Hash != f.Hash() || len(next.Functions[name].Live) != 1 {
			t.Fatalf("%s is live at %v, which is not what was deployed", name, next.Functions[name].Live)
		}
	}
}

// Advance lets the release under way take a step, fail, end a hook or be steered.
func (h *history) Advance(t *rapid.T) {
	if !UnderWay(h.record) {
		return
	}
	h.now = h.now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "seconds")) * time.Second)
	var next *store.Record
	switch what := rapid.SampledFrom([]string{"judge", "judge", "hook", "hook fails", "steer"}).Draw(t, "event"); what {
	case "judge":
		next = Advance(h.record, h.record.Release.Judge(h.now, release.Seen{}))
	case "steer":
		command := rapid.SampledFrom([]release.Command{
			release.CommandPause, release.CommandResume, release.CommandPromote, release.CommandAbort, release.CommandInterrupt,
		}).Draw(t, "command")
		var err error
		if next, _, err = Steer(h.record, command, "bob", h.now); err != nil {
			return
		}
	default:
		var failure error
		if what == "hook fails" {
			failure = errors.New("no")
		}
		next = Advance(h.record, h.record.Release.HookDone(h.now, failure))
	}
	h.aliasesStay(t, next)
	pending := *h.record.Pending
	switch {
	case UnderWay(next):
		if !reflect.DeepEqual(next.Pending, h.record.Pending) || !reflect.DeepEqual(next.Stack, h.record.Stack) {
			t.Fatalf("a step changed the stack: %+v", next)
		}
	case next.Releases[0].Phase == release.Finished:
		h.completed(t, next, pending)
		if !reflect.DeepEqual(next.Stack, pending) {
			t.Fatalf("finished the stack is\n%+v and was to be\n%+v", next.Stack, pending)
		}
	default:
		h.rolledBack(t, next)
	}
	h.put(t, next)
}

// rolledBack checks that everything is as it was before the release.
func (h *history) rolledBack(t *rapid.T, next *store.Record) {
	if !reflect.DeepEqual(next.Stack, h.before.Stack) {
		t.Fatalf("rolled back, the stack is\n%+v and was\n%+v", next.Stack, h.before.Stack)
	}
	for _, name := range functionNames {
		_, was, had := h.before.Function(name)
		_, is, has := next.Function(name)
		if had != has || had && !maps.Equal(is.Live, was.Live) {
			t.Fatalf("rolled back, %s is at %v and was at %v", name, is, was)
		}
	}
}

// Rollback goes back to something.
func (h *history) Rollback(t *rapid.T) {
	if !h.exists() {
		return
	}
	to := []string{"", "1", "2", "3"}
	for _, past := range h.record.Releases {
		to = append(to, past.ID)
	}
	h.now = h.now.Add(time.Second)
	next, r, err := Rollback(h.record, rapid.SampledFrom(to).Draw(t, "to"), "ada", h.now)
	if err != nil {
		return // refused, as it may be
	}
	if UnderWay(next) || len(next.Releases) == 0 || !reflect.DeepEqual(next.Releases[0], r) || !reflect.DeepEqual(next.Stack, h.record.Stack) {
		t.Fatalf("a rollback made %+v of %+v", next, h.record)
	}
	if !r.Back && UnderWay(h.record) {
		h.rolledBack(t, next)
	}
	if r.Back && r.Began.Equal(h.now) {
		for name, number := range r.Versions {
			if live := next.Functions[name].Live; !maps.Equal(live, stack.RouteTo(number)) {
				t.Fatalf("%s is at %v after a rollback to version %d", name, live, number)
			}
		}
	}
	h.aliasesStay(t, next)
	h.put(t, next)
}

// aliasesStay checks that aliases beside "live" are where they were.
func (h *history) aliasesStay(t *rapid.T, next *store.Record) {
	if !h.exists() {
		return
	}
	for _, name := range next.FunctionNames() {
		was, is := h.record.Functions[name], next.Functions[name]
		if _, had := h.record.Stack.Functions[name]; had && !reflect.DeepEqual(is.Aliases, was.Aliases) {
			t.Fatalf("the aliases of %s were %v and are %v", name, was.Aliases, is.Aliases)
		}
	}
}

// Delete removes the stack, now and then: most of what there is to find is in long
// histories.
func (h *history) Delete(t *rapid.T) {
	if !h.exists() || rapid.IntRange(0, 9).Draw(t, "keeps it") > 0 {
		return
	}
	h.put(t, Tombstone(h.record))
}

// Change does something behind the back of deployments.
func (h *history) Change(t *rapid.T) {
	if !h.exists() {
		return
	}
	name := rapid.SampledFrom(functionNames).Draw(t, "function")
	numbers := []int{99} // which does not exist
	if f := h.record.Functions[name]; f != nil {
		for _, v := range f.Versions {
			numbers = append(numbers, v.Number, v.Number) // which do
		}
	}
	number := rapid.SampledFrom(numbers).Draw(t, "version")
	beta := stack.AliasRef{Stack: "orders", Function: name, Name: "beta"}
	changes := map[string]func() (*store.Record, error){
		"delete version":  func() (*store.Record, error) { return DeleteVersion(h.record, name, number) },
		"delete function": func() (*store.Record, error) { return DeleteFunction(h.record, name) },
		"update function": func() (*store.Record, error) { return UpdateFunction(h.record, name, function1("X")) },
		"move alias":      func() (*store.Record, error) { return SetLive(h.record, name, stack.RouteTo(number)) },
		"delete alias":    func() (*store.Record, error) { return SetLive(h.record, name, nil) },
		"set further alias": func() (*store.Record, error) {
			return SetAlias(h.record, beta, stack.Alias{Routing: stack.RouteTo(number)})
		},
		"delete further alias": func() (*store.Record, error) { return DeleteAlias(h.record, beta) },
	}
	what := rapid.SampledFrom(slices.Sorted(maps.Keys(changes))).Draw(t, "what")
	next, err := changes[what]()
	if err != nil {
		return // refused, as it may be
	}
	h.put(t, next)
}

// Split has the alias and a further one of every function share their traffic between
// its oldest and its newest version.
func (h *history) Split(t *rapid.T) {
	if !h.exists() || UnderWay(h.record) {
		return
	}
	for name, f := range h.record.Functions {
		if len(f.Versions) < 2 {
			continue
		}
		split := stack.Routing{f.Versions[0].Number: 30, f.LastVersion: 70}
		next, err := SetLive(h.record, name, split)
		if err == nil {
			next, err = SetAlias(next, stack.AliasRef{Stack: "orders", Function: name, Name: "beta"}, stack.Alias{Routing: split})
		}
		if err == nil {
			h.put(t, next)
		}
	}
}

// Check is what always holds.
func (h *history) Check(t *rapid.T) {
	if h.record == nil {
		return
	}
	for name, f := range h.record.Functions {
		if h.seen[name] == nil {
			h.seen[name] = map[int]string{}
		}
		for _, v := range f.Versions {
			if hash, known := h.seen[name][v.Number]; known && hash != v.Hash {
				t.Fatalf("version %d of %s is another than before", v.Number, name)
			}
			h.seen[name][v.Number] = v.Hash
			if v.Number > f.LastVersion {
				t.Fatalf("version %d of %s is above its last version %d", v.Number, name, f.LastVersion)
			}
		}
		for number := range h.seen[name] {
			if number > f.LastVersion {
				t.Fatalf("the last version of %s is %d, but there was a %d", name, f.LastVersion, number)
			}
		}
		aliases := map[string]stack.Routing{stack.AliasLive: f.Live}
		for alias, a := range f.Aliases {
			aliases[alias] = a.Routing
			if err := a.Routing.Validate(); err != nil {
				t.Fatalf("the alias %s of %s: %v", alias, name, err)
			}
		}
		for alias, routing := range aliases {
			for number := range routing {
				if _, ok := f.Version(number); !ok {
					t.Fatalf("the alias %s of %s points at version %d, which does not exist", alias, name, number)
				}
			}
		}
		if _, _, exists := h.record.Function(name); !exists && len(f.Versions)+len(f.Live)+len(f.Aliases) > 0 {
			t.Fatalf("%s, which is no function of the stack, has %+v", name, f)
		}
	}
	if h.record.Deleted {
		return
	}
	h.checkRelease(t)
	d := Status(h.record, "http://localhost", nil)
	if names := slices.Sorted(maps.Keys(d.Components)); !slices.Equal(names, d.Stack.Components()) {
		t.Fatalf("components %v, want %v", names, d.Stack.Components())
	}
	if text, err := json.Marshal(d); err != nil || strings.Contains(string(text), "the-secret") {
		t.Fatalf("the status tells secrets: %s, %v", text, err)
	}
}

// checkRelease checks that aliases are where the release under way says.
func (h *history) checkRelease(t *rapid.T) {
	for name, f := range h.record.Functions {
		if err := f.Live.Validate(); len(f.Live) > 0 && err != nil {
			t.Fatalf("the alias of %s: %v", name, err)
		}
	}
	if (h.record.Release == nil) != (h.record.Pending == nil) {
		t.Fatalf("half a release: %+v", h.record)
	}
	if len(h.record.Releases) > maxReleases {
		t.Fatalf("%d releases are remembered", len(h.record.Releases))
	}
	if !UnderWay(h.record) {
		return
	}
	for name := range h.record.Release.Moves {
		if got, want := h.record.Functions[name].Live, h.record.Release.Routing(name); !maps.Equal(got, want) {
			t.Fatalf("%s is at %v, and the release says %v", name, got, want)
		}
	}
	for name, number := range h.record.Release.Versions {
		if _, ok := h.record.Functions[name].Version(number); !ok {
			t.Fatalf("version %d of %s, which is to be live, is gone", number, name)
		}
	}
}

func TestWhateverHappensToAStack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{now: noon, seen: map[string]map[int]string{}}
		t.Repeat(rapid.StateMachineActions(h))
	})
}
