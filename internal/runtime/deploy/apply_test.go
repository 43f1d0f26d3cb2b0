package deploy

import (
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestAFirstDeploymentPublishesVersion1OfEveryFunction(t *testing.T) {
	r, published := deployed(nil, stack.Stack{Name: "orders", Functions: map[string]stack.Function{
		"b": function1("B"), "a": function1("A"),
	}}, noon)

	if want := []Published{{"a", 1}, {"b", 1}}; !slices.Equal(published, want) {
		t.Errorf("published %v, want %v", published, want)
	}
	for _, name := range []string{"a", "b"} {
		versions := r.Functions[name]
		want := stack.Version{Number: 1, Hash: r.Stack.Functions[name].Hash(), Config: r.Stack.Functions[name].Config, CodeSize: 1234, Created: noon}
		if len(versions.Versions) != 1 || !reflect.DeepEqual(versions.Versions[0].Version, want) {
			t.Errorf("versions of %s: %+v, want %+v", name, versions.Versions, want)
		}
		if !maps.Equal(versions.Live, stack.RouteTo(1)) {
			t.Errorf("live of %s: %v, want 1", name, versions.Live)
		}
	}
	if r.Creation != stack.CreationFinished || r.Incarnation == "" || r.Revision != 0 {
		t.Errorf("record: %+v", r)
	}
}

func TestDeployingTheSameAgainChangesNothing(t *testing.T) {
	r := released("A", "B")
	again, published := deployed(r, r.Stack, noon.Add(time.Hour))
	if len(published) > 0 {
		t.Errorf("published %v", published)
	}
	if !reflect.DeepEqual(again, r) {
		t.Errorf("got  %+v\nwant %+v", again, r)
	}
}

func TestADeploymentLeavesTheRecordItReplacesAlone(t *testing.T) {
	r := released("A")
	before := r.Clone()
	deployed(r, stack.Stack{Name: "orders", Functions: map[string]stack.Function{"g": function1("B")}}, noon)
	if !reflect.DeepEqual(r, before) {
		t.Errorf("changed to %+v", r)
	}
}

func TestOnlyAFunctionThatChangedGetsAVersion(t *testing.T) {
	r := apply(nil, map[string]stack.Function{"f": function1("A"), "g": function1("A")})
	r, published := deployed(r, stack.Stack{Name: "orders", Functions: map[string]stack.Function{
		"f": function1("B"), "g": function1("A"),
	}}, noon)
	if want := []Published{{"f", 2}}; !slices.Equal(published, want) {
		t.Errorf("published %v, want %v", published, want)
	}
	if got := r.Functions["g"].Live; !maps.Equal(got, stack.RouteTo(1)) {
		t.Errorf("g is live at %v", got)
	}
}

func TestWhatAVersionDoesNotFreezePublishesNothing(t *testing.T) {
	r := released("A")
	f := function1("A")
	one := 1
	f.Concurrency.Reserved = &one
	f.Permissions = []stack.Permission{{Actions: []string{"sqs:*"}, Resources: []string{"*"}}}
	f.KeepVersions = 3
	r, published := deployed(r, stack.Stack{Name: "orders", Functions: map[string]stack.Function{"f": f}}, noon)
	if len(published) > 0 {
		t.Errorf("published %v", published)
	}
	if got := r.Stack.Functions["f"]; got.KeepVersions != 3 || len(got.Permissions) != 1 {
		t.Errorf("function: %+v", got)
	}
}

func TestGoingBackToAVersionThatExistsReusesIt(t *testing.T) {
	r := released("A", "B", "A")
	if got := numbers(r); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("versions %v, want 1 and 2", got)
	}
	if got := r.Functions["f"].Live; !maps.Equal(got, stack.RouteTo(1)) {
		t.Errorf("live at %v, want 1", got)
	}
}

func TestADeploymentRepairs(t *testing.T) {
	for name, c := range map[string]struct {
		breakIt  func(t *testing.T, r *store.Record) *store.Record
		versions []int
		live     int
	}{
		"an alias that was moved": {
			func(t *testing.T, r *store.Record) *store.Record {
				return must(SetLive(r, "f", stack.RouteTo(1)))(t)
			}, []int{1, 2}, 2,
		},
		"an alias that was split": {
			func(t *testing.T, r *store.Record) *store.Record {
				return must(SetLive(r, "f", stack.Routing{1: 50, 2: 50}))(t)
			}, []int{1, 2}, 2,
		},
		"an alias that was deleted": {
			func(t *testing.T, r *store.Record) *store.Record {
				return must(SetLive(r, "f", nil))(t)
			}, []int{1, 2}, 2,
		},
		"a version that was deleted": {
			func(t *testing.T, r *store.Record) *store.Record {
				r = must(SetLive(r, "f", stack.RouteTo(1)))(t)
				return must(DeleteVersion(r, "f", 2))(t)
			}, []int{1, 3}, 3,
		},
		"all versions gone": {
			func(t *testing.T, r *store.Record) *store.Record {
				r = must(SetLive(r, "f", nil))(t)
				r = must(DeleteVersion(r, "f", 1))(t)
				return must(DeleteVersion(r, "f", 2))(t)
			}, []int{3}, 3,
		},
		"a function that was deleted": {
			func(t *testing.T, r *store.Record) *store.Record {
				return must(DeleteFunction(r, "f"))(t)
			}, []int{3}, 3,
		},
		"a function that was changed": {
			func(t *testing.T, r *store.Record) *store.Record {
				return must(UpdateFunction(r, "f", function1("C")))(t)
			}, []int{1, 2}, 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.breakIt(t, released("A", "B"))
			r = apply(r, map[string]stack.Function{"f": function1("B")})
			if got := numbers(r); !slices.Equal(got, c.versions) {
				t.Errorf("versions %v, want %v", got, c.versions)
			}
			if got := r.Functions["f"].Live; !maps.Equal(got, stack.RouteTo(c.live)) {
				t.Errorf("live at %v, want %d", got, c.live)
			}
			if got := Status(r, "", nil).Components[stack.AliasComponent("f")]; got != stack.Ready {
				t.Errorf("the alias %s", got)
			}
		})
	}
}

// must fails the test if a change was refused.
func must(r *store.Record, err error) func(*testing.T) *store.Record {
	return func(t *testing.T) *store.Record {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func TestKeepVersionsKeepsTheNewestAndWhatIsLive(t *testing.T) {
	keep := func(n int, code string) map[string]stack.Function {
		f := function1(code)
		f.KeepVersions = n
		return map[string]stack.Function{"f": f}
	}
	for name, c := range map[string]struct {
		record *store.Record
		want   []int
	}{
		"the newest two of four":              {apply(released("A", "B", "C"), keep(2, "D")), []int{3, 4}},
		"the live one alone":                  {apply(released("A", "B", "C"), keep(1, "D")), []int{4}},
		"an old one that is live, beside two": {apply(released("A", "B", "C", "D"), keep(2, "A")), []int{1, 3, 4}},
		"all, when fewer":                     {apply(released("A", "B"), keep(10, "B")), []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := numbers(c.record); !slices.Equal(got, c.want) {
				t.Errorf("versions %v, want %v", got, c.want)
			}
		})
	}
}

func TestNumbersAreNotUsedAgain(t *testing.T) {
	t.Run("after the function was away", func(t *testing.T) {
		r := apply(released("A", "B"), map[string]stack.Function{"g": function1("A")})
		if got := *r.Functions["f"]; !reflect.DeepEqual(got, store.FunctionRecord{LastVersion: 2}) {
			t.Errorf("of f stays %+v, want its last version only", got)
		}
		r = apply(r, map[string]stack.Function{"f": function1("A")})
		if got := numbers(r); !slices.Equal(got, []int{3}) {
			t.Errorf("versions %v, want 3", got)
		}
	})
	t.Run("after the stack was deleted", func(t *testing.T) {
		old := released("A", "B")
		old.Revision = 7
		tombstone := Tombstone(old)
		if !tombstone.Deleted || tombstone.Revision != 7 || tombstone.Stack.Name != "orders" || len(tombstone.Stack.Functions) > 0 {
			t.Errorf("tombstone: %+v", tombstone)
		}
		tombstone.Revision = 8
		r := apply(tombstone, map[string]stack.Function{"f": function1("A")})
		if got := numbers(r); !slices.Equal(got, []int{3}) {
			t.Errorf("versions %v, want 3", got)
		}
		if r.Deleted || r.Incarnation == old.Incarnation || r.Revision != 8 {
			t.Errorf("record: %+v", r)
		}
	})
}

func TestSecretsStayUntilTheirVersionChanges(t *testing.T) {
	with := func(version string, secrets map[string]string) map[string]stack.Function {
		f := function1("A")
		f.SecretsVersion, f.Secrets = version, secrets
		return map[string]stack.Function{"f": f}
	}
	one, two := map[string]string{"KEY": "one"}, map[string]string{"KEY": "two"}
	for name, c := range map[string]struct {
		version  string
		sent     map[string]string
		want     map[string]string
		versions int
		frozen   map[string]string
	}{
		"not sent, same version: stay":                {"1", nil, one, 1, one},
		"sent again, same version":                    {"1", one, one, 1, one},
		"sent anew, new version: a new version":       {"2", two, two, 2, two},
		"not sent, new version: gone":                 {"2", nil, nil, 2, nil},
		"others sent, same version: frozen ones stay": {"1", two, two, 1, one},
	} {
		t.Run(name, func(t *testing.T) {
			r := apply(nil, with("1", one))
			r = apply(r, with(c.version, c.sent))
			if got := r.Stack.Functions["f"].Secrets; !maps.Equal(got, c.want) {
				t.Errorf("secrets %v, want %v", got, c.want)
			}
			versions := r.Functions["f"].Versions
			if len(versions) != c.versions {
				t.Fatalf("%d versions, want %d", len(versions), c.versions)
			}
			if got := versions[c.versions-1].Secrets; !maps.Equal(got, c.frozen) {
				t.Errorf("frozen %v, want %v", got, c.frozen)
			}
		})
	}
}
