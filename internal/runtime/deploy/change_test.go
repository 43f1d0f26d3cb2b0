package deploy

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestUpdatingAFunctionLeavesWhatIsLive(t *testing.T) {
	r := released("A")
	next := must(UpdateFunction(r, "f", function1("B")))(t)
	if got := next.Stack.Functions["f"].CodeSHA256; got != "B" {
		t.Errorf("code %q, want B", got)
	}
	if !reflect.DeepEqual(next.Functions, r.Functions) {
		t.Errorf("versions changed: %+v", next.Functions["f"])
	}
}

func TestUpdatingAFunctionKeepsItsSecrets(t *testing.T) {
	f := function1("A")
	f.Secrets = map[string]string{"KEY": "one"}
	r := apply(nil, map[string]stack.Function{"f": f})
	next := must(UpdateFunction(r, "f", function1("B")))(t)
	if got := next.Stack.Functions["f"].Secrets; !maps.Equal(got, f.Secrets) {
		t.Errorf("secrets %v", got)
	}
}

func TestDeletingAFunctionLeavesItsLastVersion(t *testing.T) {
	next := must(DeleteFunction(released("A", "B"), "f"))(t)
	if len(next.Stack.Functions) > 0 || !reflect.DeepEqual(*next.Functions["f"], store.FunctionRecord{LastVersion: 2}) {
		t.Errorf("record: %+v", next)
	}
}

func TestDeletingAVersionLeavesTheOthers(t *testing.T) {
	next := must(DeleteVersion(released("A", "B", "C"), "f", 2))(t)
	if got := numbers(next); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("versions %v, want 1 and 3", got)
	}
}

func TestTheAliasCanBeMovedSplitAndRemoved(t *testing.T) {
	r := released("A", "B")
	for _, routing := range []stack.Routing{{1: 100}, {1: 90, 2: 10}, nil} {
		next := must(SetLive(r, "f", routing))(t)
		if got := next.Functions["f"].Live; !maps.Equal(got, routing) {
			t.Errorf("live at %v, want %v", got, routing)
		}
	}
}

func TestBindings(t *testing.T) {
	route := stack.NewRoute()
	route.Function = "f"
	consumer := stack.NewConsumer()
	consumer.Function = "f"
	queue := stack.NewQueue()
	queue.Consumer = &consumer
	item := stack.NewScheduleItem()
	item.Function = "f"

	for name, c := range map[string]struct {
		trigger  stack.Trigger
		binding  string
		disabled func(stack.Trigger) bool
		deleted  func(stack.Trigger) bool
	}{
		"a consumer": {
			stack.Trigger{Queue: &queue},
			"consumer",
			func(t stack.Trigger) bool { return !t.Queue.Consumer.Enabled },
			func(t stack.Trigger) bool { return t.Queue.Consumer == nil },
		},
		"a schedule": {
			stack.Trigger{Schedule: &stack.Schedule{Schedules: map[string]stack.ScheduleItem{"nightly": item, "hourly": item}}},
			"nightly",
			func(t stack.Trigger) bool {
				return !t.Schedule.Schedules["nightly"].Enabled && t.Schedule.Schedules["hourly"].Enabled
			},
			func(t stack.Trigger) bool {
				_, ok := t.Schedule.Schedules["nightly"]
				return !ok && len(t.Schedule.Schedules) == 1
			},
		},
		"a route": {
			stack.Trigger{HTTPAPI: &stack.HTTPAPI{Routes: map[string]stack.Route{"GET /": route, "$default": route}}},
			"GET /",
			nil,
			func(t stack.Trigger) bool {
				_, ok := t.HTTPAPI.Routes["GET /"]
				return !ok && len(t.HTTPAPI.Routes) == 1
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := released("A")
			r.Stack.Trigger = c.trigger
			before := r.Clone()

			if c.disabled != nil {
				off := must(SetBindingEnabled(r, c.binding, false))(t)
				if !c.disabled(off.Stack.Trigger) {
					t.Error("it is not disabled")
				}
				if on := must(SetBindingEnabled(off, c.binding, true))(t); !reflect.DeepEqual(on, before) {
					t.Errorf("enabled again it is %+v", on)
				}
			}
			if gone := must(DeleteBinding(r, c.binding))(t); !c.deleted(gone.Stack.Trigger) {
				t.Error("it is not deleted")
			}
			if !reflect.DeepEqual(r, before) {
				t.Error("the record itself was changed")
			}
		})
	}
}

func TestChangesThatAreRefused(t *testing.T) {
	r := released("A", "B")
	api := released("A")
	api.Stack.Trigger.HTTPAPI = &stack.HTTPAPI{Routes: map[string]stack.Route{"GET /": {Function: "f"}}}
	for name, c := range map[string]struct {
		err    error
		reason Reason
		says   string
	}{
		"update of no function":         {refused(UpdateFunction(r, "g", function1("A"))), NotFound, `no function "g"`},
		"deletion of no function":       {refused(DeleteFunction(r, "g")), NotFound, `no function "g"`},
		"a version of no function":      {refused(DeleteVersion(r, "g", 1)), NotFound, `no function "g"`},
		"no such version":               {refused(DeleteVersion(r, "f", 9)), NotFound, `no version 9`},
		"a version that is live":        {refused(DeleteVersion(r, "f", 2)), InUse, `"live" points at it`},
		"the alias of no function":      {refused(SetLive(r, "g", stack.RouteTo(1))), NotFound, `no function "g"`},
		"an alias at no version":        {refused(SetLive(r, "f", stack.RouteTo(9))), NotFound, `no version 9`},
		"a split that is not 100":       {refused(SetLive(r, "f", stack.Routing{1: 10, 2: 10})), Invalid, "20"},
		"a function of a deleted stack": {refused(DeleteFunction(Tombstone(r), "f")), NotFound, `no function "f"`},
		"disabling no binding":          {refused(SetBindingEnabled(r, "consumer", false)), NotFound, `no binding "consumer"`},
		"deleting no binding":           {refused(DeleteBinding(r, "consumer")), NotFound, `no binding "consumer"`},
		"disabling a route":             {refused(SetBindingEnabled(api, "GET /", false)), Invalid, "only deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			var e *Error
			if !errors.As(c.err, &e) || e.Reason != c.reason || !strings.Contains(e.Message, c.says) {
				t.Errorf("got %v, want reason %d and %q", c.err, c.reason, c.says)
			}
		})
	}
}

func refused(_ *store.Record, err error) error { return err }
