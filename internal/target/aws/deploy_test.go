package aws

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// A thing is a component in memory.
type thing struct {
	diary                       *diary
	called                      string
	there, theirs, wish, broken bool
}

func (c *thing) name() string                 { return c.called }
func (c *thing) subject() string              { return "thing " + c.called }
func (c *thing) read(context.Context) error   { return nil }
func (c *thing) exists() bool                 { return c.there }
func (c *thing) foreign() bool                { return c.there && c.theirs }
func (c *thing) show(*stack.Deployment)       {}
func (c *thing) want(stack.Stack)             {}
func (c *thing) wanted() bool                 { return c.wish }
func (c *thing) drift() string                { return "" }
func (c *thing) apply(context.Context) error  { return c.do("make", true) }
func (c *thing) remove(context.Context) error { return c.do("remove", false) }

func (c *thing) do(what string, there bool) error {
	if c.broken {
		return errNo
	}
	c.diary.note(what + " " + c.called)
	c.there = there
	return nil
}

// things is an inventory of a role, a function that needs it and an old alias, which
// needs the function and is wanted no more.
func things(t *testing.T) (i *inventory, logs *fakeLogs, d *diary, role, function, alias *thing) {
	t.Helper()
	s, logs := newPlace(nil)
	d = &diary{}
	i = &inventory{session: s, shape: shape{name: "shop", kind: stack.KindNone, functions: map[string]bool{}}}
	i.marker = &marker{i: i}
	role, function, alias = &thing{diary: d, called: "role", wish: true}, &thing{diary: d, called: "function", wish: true}, &thing{diary: d, called: "alias", there: true}
	i.add(i.marker, nil)
	i.add(function, nil, role)
	i.add(alias, function)
	i.add(role, nil)
	return i, logs, d, role, function, alias
}

func TestWhatIsNeededIsMadeFirstAndRemovedLast(t *testing.T) {
	i, logs, d, _, _, alias := things(t)
	alias.there = false
	if _, err := i.deploy(t.Context(), target.Deploy{Stack: shopWith(nil)}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"make role", "make function"}; !slices.Equal(d.entries, want) {
		t.Errorf("deploy did %v, want %v", d.entries, want)
	}
	if calls := logs.made(t); len(calls) != 2 || !strings.HasPrefix(calls[0], "CreateLogGroup") || !strings.HasPrefix(calls[1], "TagResource") {
		t.Errorf("the marker called %v", calls)
	}
	d.entries, alias.there = nil, true
	if err := i.removeAll(t.Context(), func(component) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"remove alias", "remove function", "remove role"}; !slices.Equal(d.entries, want) {
		t.Errorf("removeAll did %v, want %v", d.entries, want)
	}
	if i.marker.exists() || !i.empty() {
		t.Error("something is left")
	}
}

func TestMarkerIsMadeFirstAndFinishedLast(t *testing.T) {
	i, logs, d, _, _, _ := things(t)
	logs.fail["CreateLogGroup"] = errNo
	if there, err := i.deploy(t.Context(), target.Deploy{Stack: shopWith(nil)}); !errors.Is(err, errNo) || len(d.entries) > 0 || there == nil {
		t.Errorf("without a marker, deploy did %v, %v", d.entries, err)
	}
	i, logs, d, _, _, alias := things(t)
	alias.broken = true
	if _, err := i.deploy(t.Context(), target.Deploy{Stack: shopWith(nil)}); err == nil || i.marker.finished() {
		t.Errorf("though something failed, the stack is finished, after %v", d.entries)
	}
	alias.broken = false
	if _, err := i.deploy(t.Context(), target.Deploy{Stack: shopWith(nil)}); err != nil || !i.marker.finished() || !d.before("make function", "remove alias") {
		t.Errorf("deploy did %v, %v", d.entries, err)
	}
	if last := logs.calls[len(logs.calls)-1]; !strings.HasPrefix(last, "TagResource /tidegate/shop") {
		t.Errorf("the last call is %s", last)
	}
}

func TestNothingIsChangedWhenANameIsTaken(t *testing.T) {
	i, logs, d, role, _, _ := things(t)
	role.there, role.theirs = true, true
	there, err := i.deploy(t.Context(), target.Deploy{Stack: shopWith(nil)})
	var taken *foreignError
	if !errors.As(err, &taken) || there != nil || len(d.entries) > 0 || len(logs.made(t)) > 0 {
		t.Errorf("deploy did %v, %v", d.entries, err)
	}
	if want := "there is a thing role already, and it does not belong to this stack"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("deploy says %v", err)
	}
}

func TestWhatIsSomebodyElsesIsNeverRemoved(t *testing.T) {
	i, _, d, _, _, alias := things(t)
	alias.theirs = true
	if err := i.removeAll(t.Context(), func(component) bool { return true }); err != nil || len(d.entries) > 0 || !alias.there {
		t.Errorf("removeAll did %v, %v", d.entries, err)
	}
}

func TestWhatWasMadeBeforeAFailureIsReturned(t *testing.T) {
	i, _, d, _, function, alias := things(t)
	function.broken = true
	there, err := i.deploy(t.Context(), target.Deploy{Stack: shopWith(nil)})
	if want := "cannot make the thing function: no (InvalidParameterException)"; err == nil || err.Error() != want {
		t.Errorf("deploy says %v, want %s", err, want)
	}
	if there == nil {
		t.Fatal("deploy returns nothing")
	}
	if there.Components["role"] != stack.Ready || there.Components["function"] != stateMissing || there.Components["alias"] != stateLeftOver || there.Creation != stack.CreationUnfinished {
		t.Errorf("deploy returns %v", there.Components)
	}
	if !alias.there || !slices.Equal(d.entries, []string{"make role"}) {
		t.Errorf("after the failure, deploy did %v", d.entries)
	}
}

func TestSecretsAreNotInTheErrorsOfADeployment(t *testing.T) {
	i, logs, _, _, _, _ := things(t)
	logs.fail["CreateLogGroup"] = errors.New("the value hunter2 is wrong")
	s := shopWith(func(_ *stack.Stack, f *stack.Function) { f.Secrets = map[string]string{"TOKEN": "hunter2"} })
	if _, err := i.deploy(t.Context(), target.Deploy{Stack: s}); err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "(secret)") {
		t.Errorf("deploy says %v", err)
	}
}
