package aws

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A diary keeps what was done, in its order.
type diary struct {
	mu      sync.Mutex
	entries []string
}

func (d *diary) note(entry string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, entry)
}

// before tells whether both were done, in that order.
func (d *diary) before(first, second string) bool {
	n, m := slices.Index(d.entries, first), slices.Index(d.entries, second)
	return n >= 0 && m > n
}

func TestTasksWaitForThoseBeforeThem(t *testing.T) {
	var d diary
	do := func(name string) func(context.Context) error {
		return func(context.Context) error { d.note(name); return nil }
	}
	err := run(t.Context(), []task{
		{name: "alias", after: []string{"function", "nobody"}, do: do("alias")},
		{name: "function", after: []string{"role"}, do: do("function")},
		{name: "role", do: do("role")},
	})
	if want := []string{"role", "function", "alias"}; err != nil || !slices.Equal(d.entries, want) {
		t.Errorf("run did %v, %v", d.entries, err)
	}
}

func TestTasksAreDoneAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var tasks []task
		var d diary
		for n := range 2 * parallel {
			name := string(rune('a' + n))
			tasks = append(tasks, task{name: name, do: func(context.Context) error { d.note(name); <-release; return nil }})
		}
		done := make(chan error)
		go func() { done <- run(t.Context(), tasks) }()
		synctest.Wait()
		d.mu.Lock()
		if n := len(d.entries); n != parallel {
			t.Errorf("%d tasks are being done at once, want %d", n, parallel)
		}
		d.mu.Unlock()
		close(release)
		if err := <-done; err != nil || len(d.entries) != 2*parallel {
			t.Errorf("run did %d tasks, %v", len(d.entries), err)
		}
	})
}

func TestWhatFailsHoldsUpOnlyWhatNeedsIt(t *testing.T) {
	var d diary
	failure := errors.New("no")
	do := func(name string) func(context.Context) error {
		return func(context.Context) error { d.note(name); return nil }
	}
	err := run(t.Context(), []task{
		{name: "role", do: func(context.Context) error { return failure }},
		{name: "function", after: []string{"role"}, do: do("function")},
		{name: "alias", after: []string{"function"}, do: do("alias")},
		{name: "queue", do: do("queue")},
		{name: "group", do: func(context.Context) error { return errors.New("neither") }},
	})
	if !errors.Is(err, failure) || !slices.Equal(d.entries, []string{"queue"}) {
		t.Errorf("run did %v, %v", d.entries, err)
	}
	if text := err.Error(); text != "no; moreover, neither" && text != "neither; moreover, no" {
		t.Errorf("run says %q", text)
	}
}

func TestNoTaskBeginsWhenTheTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var d diary
	err := run(ctx, []task{
		{name: "role", do: func(context.Context) error { cancel(); return nil }},
		{name: "function", after: []string{"role"}, do: func(context.Context) error { d.note("function"); return nil }},
	})
	if !errors.Is(err, context.Canceled) || len(d.entries) > 0 {
		t.Errorf("run did %v, %v", d.entries, err)
	}
}

func TestEqualErrorsAreToldOnce(t *testing.T) {
	if err := joined([]error{errors.New("a"), errors.New("b"), errors.New("a")}); err.Error() != "a; moreover, b" {
		t.Errorf("joined says %q", err)
	}
	if joined(nil) != nil {
		t.Error("no errors are an error")
	}
}

func TestNoInventoryHasComponentsThatNeedThemselves(t *testing.T) {
	for _, kind := range []stack.Kind{"", stack.KindNone, stack.KindHTTPAPI, stack.KindQueue, stack.KindSchedule} {
		i := newInventory(&session{}, shape{
			name: "shop", kind: kind,
			functions: map[string]bool{"a": true, "b": true, "c": true}, schedules: map[string]bool{"x": true, "y": true},
		})
		var tasks []task
		for _, p := range i.parts {
			tasks = append(tasks, task{name: p.name(), after: p.needs})
			if p.component != component(i.marker) && !slices.Contains(p.needs, "marker") {
				t.Errorf("%s of a %q does not need the marker", p.name(), kind)
			}
		}
		if err := checkAcyclic(tasks); err != nil {
			t.Errorf("of a %q: %v", kind, err)
		}
	}
}

func TestCyclesAreFound(t *testing.T) {
	for want, tasks := range map[string][]task{
		"a component needs itself":      {{name: "a", after: []string{"b"}}, {name: "b", after: []string{"c"}}, {name: "c", after: []string{"b"}}},
		`two components are called "a"`: {{name: "a"}, {name: "a"}},
	} {
		if err := checkAcyclic(tasks); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("checkAcyclic says %v, want %s", err, want)
		}
	}
}
