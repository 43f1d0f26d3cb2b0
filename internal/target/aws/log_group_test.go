package aws

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// oneGroup is the log group of the only function of a stack called shop.
func oneGroup(s *session) (*logGroup, *inventory) {
	i := newInventory(s, shape{name: "shop", kind: stack.KindNone, functions: map[string]bool{"create": true}})
	return i.functions["create"].logGroup, i
}

func shopWith(edit func(s *stack.Stack, f *stack.Function)) stack.Stack {
	f := stack.Function{
		Config: stack.Config{Runtime: "python3.13", Handler: "app.handler", CodeSHA256: "c"},
		Logs:   stack.Logs{RetentionDays: 14},
	}
	s := stack.Stack{Name: "shop", Tags: map[string]string{"team": "a"}}
	if edit != nil {
		edit(&s, &f)
	}
	s.Functions = map[string]stack.Function{"create": f}
	return s
}

const shopLogs = "/aws/lambda/shop-create"

func TestLogGroupBecomesWhatIsWanted(t *testing.T) {
	ours := map[string]string{tagStack: "shop", tagFunction: "create", "team": "a"}
	for name, c := range map[string]struct {
		have  *logGroupFacts
		edit  func(s *stack.Stack, f *stack.Function)
		drift string
		calls []string
	}{
		"new":                  {calls: []string{"CreateLogGroup", "PutRetentionPolicy"}},
		"as wanted":            {have: &logGroupFacts{14, ours}},
		"cut off when made":    {have: &logGroupFacts{0, ours}, calls: []string{"PutRetentionPolicy"}},
		"another retention":    {have: &logGroupFacts{7, ours}, calls: []string{"PutRetentionPolicy"}},
		"for ever":             {have: &logGroupFacts{7, ours}, edit: func(_ *stack.Stack, f *stack.Function) { f.Logs.RetentionDays = 0 }, calls: []string{"DeleteRetentionPolicy"}},
		"a tag changed":        {have: &logGroupFacts{14, map[string]string{tagStack: "shop", tagFunction: "create", "team": "b"}}, drift: "its tag team differs", calls: []string{"TagResource"}},
		"a tag too many":       {have: &logGroupFacts{14, changed(ours, tagChange{set: map[string]string{"x": "y"}})}, drift: "its tag x differs", calls: []string{"UntagResource"}},
		"a tag of AWS's own":   {have: &logGroupFacts{14, changed(ours, tagChange{set: map[string]string{"aws:x": "y"}})}},
		"tags and a retention": {have: &logGroupFacts{0, map[string]string{tagStack: "shop", "x": "y"}}, drift: "its tags team, tidegate:function, x differ", calls: []string{"UntagResource", "TagResource", "PutRetentionPolicy"}},
	} {
		t.Run(name, func(t *testing.T) {
			groups := map[string]*logGroupFacts{}
			if c.have != nil {
				groups[shopLogs] = &logGroupFacts{c.have.retention, maps.Clone(c.have.tags)}
			}
			s, logs := newPlace(groups)
			g, i := oneGroup(s)
			i.logGroups = map[string]logGroupFacts{}
			if c.have != nil {
				i.logGroups[shopLogs] = logGroupFacts{retention: c.have.retention}
			}
			if err := g.read(t.Context()); err != nil {
				t.Fatal(err)
			}
			wanted := shopWith(c.edit)
			i.want(wanted)
			if g.exists() {
				if got := g.drift(); got != c.drift {
					t.Errorf("its drift is %q, want %q", got, c.drift)
				}
			}
			if err := g.apply(t.Context()); err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, call := range c.calls {
				want = append(want, call+" "+shopLogs)
			}
			if got := logs.made(t); !slices.Equal(got, want) {
				t.Errorf("it called %v, want %v", got, want)
			}
			if got := g.drift(); got != "" || g.have.retention != wanted.Functions["create"].Logs.RetentionDays {
				t.Errorf("afterwards it says %q and %+v", got, g.have)
			}
			if really := logs.groups[shopLogs]; really.retention != g.have.retention || !maps.Equal(really.tags, g.have.tags) {
				t.Errorf("it is %+v and believed to be %+v", really, g.have)
			}
		})
	}
}

func TestLogGroupOfSomebodyElseIsForeign(t *testing.T) {
	s, _ := newPlace(map[string]*logGroupFacts{shopLogs: {0, map[string]string{"team": "b"}}})
	g, i := oneGroup(s)
	i.logGroups = map[string]logGroupFacts{shopLogs: {}}
	if err := g.read(t.Context()); err != nil || !g.foreign() {
		t.Errorf("it is foreign: %v, %v", g.foreign(), err)
	}
	i.want(shopWith(nil))
	if err := i.taken(); err == nil || !strings.HasPrefix(err.Error(), `there is a log group "/aws/lambda/shop-create" already, and it does not belong to this stack`) {
		t.Errorf("taken says %v", err)
	}
}

func TestLogGroupIsKnownAsFarAsItWasMade(t *testing.T) {
	s, logs := newPlace(nil)
	g, i := oneGroup(s)
	i.want(shopWith(nil))
	logs.fail["PutRetentionPolicy"] = errNo
	if err := g.apply(t.Context()); err == nil || g.have == nil || g.have.retention != 0 || !ours(g.have.tags, "shop") {
		t.Errorf("it is believed to be %+v, %v", g.have, err)
	}
}

func TestLogGroupThatIsGoneIsRemoved(t *testing.T) {
	s, _ := newPlace(nil)
	g, _ := oneGroup(s)
	g.have = &logGroupFacts{}
	if err := g.remove(t.Context()); err != nil || g.exists() {
		t.Errorf("it exists: %v, %v", g.exists(), err)
	}
}

func TestLogGroupsAreListedPageByPage(t *testing.T) {
	s, _ := newPlace(map[string]*logGroupFacts{"/aws/lambda/shop-a": {3, nil}, "/aws/lambda/shop-b": {}, "/aws/lambda/other-c": {}})
	got, err := s.listLogGroups(t.Context(), "/aws/lambda/shop-")
	if err != nil || len(got) != 2 || got["/aws/lambda/shop-a"].retention != 3 {
		t.Errorf("listed %v, %v", got, err)
	}
}

func TestLogGroupThatAppearsMeanwhileIsTakenIfItIsOurs(t *testing.T) {
	for name, c := range map[string]struct {
		tags map[string]string
		want string
	}{
		"by an answer that got lost": {tags: map[string]string{tagStack: "shop", tagFunction: "create", "team": "a"}},
		"by somebody else":           {tags: map[string]string{"team": "a"}, want: "somebody else made one of that name meanwhile"},
	} {
		t.Run(name, func(t *testing.T) {
			s, logs := newPlace(map[string]*logGroupFacts{shopLogs: {0, c.tags}, "/tidegate/shop": {0, c.tags}})
			g, i := oneGroup(s)
			i.want(shopWith(nil))
			for _, made := range []component{g, i.marker} {
				err := made.apply(t.Context())
				if c.want == "" && (err != nil || !made.exists()) || c.want != "" && (err == nil || made.exists() || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%s says %v", made.name(), err)
				}
			}
			if c.want == "" && (logs.groups[shopLogs].retention != 14 || i.marker.drift() != "") {
				t.Errorf("there are %+v, and the marker says %q", logs.groups[shopLogs], i.marker.drift())
			}
		})
	}
}
