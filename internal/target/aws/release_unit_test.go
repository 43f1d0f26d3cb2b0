package aws

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// canaryOf f, which moves from version 1 to 2.
func canaryOf(began time.Time) release.Release {
	return release.Begin(release.Wish{
		ID: "r-1", By: "ada@laptop", Policy: stack.Release{Strategy: stack.Canary},
		Moves: map[string]release.Move{"create": {Stable: stack.RouteTo(1), Candidate: 2}}, Versions: map[string]int{"create": 2},
	}, began)
}

// journalOf a stack with these entries, oldest first.
func journalOf(t *testing.T, entries ...release.Release) *inventory {
	t.Helper()
	s, _ := newPlace(map[string]*logGroupFacts{"/tidegate/shop": {}})
	s.pace = pace{first: time.Millisecond, longest: time.Millisecond, propagation: time.Second}
	_, i := oneGroup(s)
	for _, r := range entries {
		if err := i.write(t.Context(), streamReleases, newEntry(r, "0a1b2c3d")); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

func noteOf1(r release.Release) *note {
	n := noteOn(r, "create", "0a1b2c3d", "9f3c", 0)
	return &n
}

func TestTheAliasTellsWhichOfTheWrittenStepsWasTaken(t *testing.T) {
	began := canaryOf(noon)
	paused, _ := began.Pause("bob@desk", noon.Add(time.Minute))
	promoted, _ := began.Promote("cid@desk", noon.Add(time.Minute))
	i := journalOf(t, began, promoted, paused)
	for name, want := range map[string]release.Release{"begun": began, "paused": paused, "promoted": promoted} {
		got, err := i.recall(t.Context(), noteOf1(want))
		if err != nil || got == nil || got.Status().What != want.Status().What || len(got.Trail) != len(want.Trail) {
			t.Errorf("%s, it is recalled as %+v, %v", name, got, err)
		}
	}
	all, err := i.history(t.Context(), "shop", noteOf1(promoted))
	if err != nil || len(all) != 1 || all[0].Phase != release.Finished {
		t.Errorf("the history is %+v, %v", all, err)
	}
}

func TestAReleaseThatTheJournalDoesNotKnowIsGoneOnWith(t *testing.T) {
	i := journalOf(t)
	n := noteOf1(canaryOf(noon))
	i.functions["create"].alias.all = map[string]types.AliasConfiguration{stack.AliasLive: {
		FunctionVersion: aws.String("1"), Description: aws.String(n.String()),
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.1}},
	}}
	o, err := i.takeUp(t.Context(), n)
	if err != nil || !o.guessed {
		t.Fatalf("it is taken up as %+v, %v", o, err)
	}
	r := o.r
	if r.ID != "r-1" || !maps.Equal(r.Routing("create"), stack.Routing{1: 90, 2: 10}) {
		t.Errorf("it is %+v", r)
	}
	linear := stack.Release{Strategy: stack.Linear, Weight: 5}.Resolve()
	if with := withPolicy(r, linear); with.Weight() != 10 || with.Step != 1 || with.Policy.Strategy != stack.Linear {
		t.Errorf("with a policy that comes to its weight it is %+v", with)
	}
	if with := withPolicy(r, stack.Release{Strategy: stack.BlueGreen}.Resolve()); with.Weight() != 10 {
		t.Errorf("with one that does not it is %+v", with)
	}
	if aborted, err := r.Abort("bob@desk", noon); err != nil || !maps.Equal(aborted.Routing("create"), stack.RouteTo(1)) {
		t.Errorf("aborted, the alias is %v, %v", aborted.Routing("create"), err)
	}
}

func TestWhatWasWrittenDownAndNeverTookPlaceIsNoHistory(t *testing.T) {
	finished := func(id string, at time.Time, stable, candidate int) release.Release {
		return release.Begin(release.Wish{ID: id, Moves: map[string]release.Move{"create": {Stable: stack.RouteTo(stable), Candidate: candidate}}}, at)
	}
	one, again := finished("r-2", noon, 1, 2), finished("r-2", noon.Add(time.Minute), 1, 2)
	unbegun := canaryOf(noon.Add(2 * time.Minute))
	three := finished("r-3", noon.Add(3*time.Minute), 2, 3)
	never := finished("r-4", noon.Add(4*time.Minute), 3, 4)
	i := journalOf(t, one, again, unbegun, three, never)
	all, err := i.history(t.Context(), "shop", noteOf1(three))
	var ids []string
	for _, r := range all {
		ids = append(ids, r.ID+" "+r.Began.Format("15:04"))
	}
	if want := []string{"r-3 12:03", "r-2 12:01"}; err != nil || !slices.Equal(ids, want) {
		t.Errorf("the history is %v, %v, want %v", ids, err, want)
	}
}

func TestAnAliasIsMovedOnlyIfItIsWhatWasSeen(t *testing.T) {
	outdated := &smithy.GenericAPIError{Code: "PreconditionFailedException", Message: "The Revision Id provided does not match"}
	list := func(version, description string) *lambda.ListAliasesOutput {
		return &lambda.ListAliasesOutput{Aliases: []types.AliasConfiguration{{
			Name: aws.String(stack.AliasLive), FunctionVersion: &version, Description: &description, RevisionId: aws.String("other"),
		}}}
	}
	updated := &lambda.UpdateAliasOutput{Name: aws.String(stack.AliasLive), FunctionVersion: aws.String("2"), Description: aws.String("new")}
	for name, c := range map[string]struct {
		answers map[string][]any
		err     error
		calls   string
	}{
		"as it was seen": {map[string][]any{"UpdateAlias": {updated}}, nil, "UpdateAlias"},
		"with a revision id that changed by itself": {
			map[string][]any{"UpdateAlias": {outdated, updated}, "ListAliases": {list("1", "old")}}, nil, "UpdateAlias ListAliases UpdateAlias",
		},
		"by an attempt whose answer was lost": {
			map[string][]any{"UpdateAlias": {outdated}, "ListAliases": {list("2", "new")}}, nil, "UpdateAlias ListAliases",
		},
		"elsewhere by somebody else": {
			map[string][]any{"UpdateAlias": {outdated}, "ListAliases": {list("3", "old")}}, errMoved, "UpdateAlias ListAliases",
		},
		"by another release": {
			map[string][]any{"UpdateAlias": {outdated}, "ListAliases": {list("1", someNote().String())}}, errMoved, "UpdateAlias ListAliases",
		},
		"away": {
			map[string][]any{"UpdateAlias": {outdated}, "ListAliases": {&lambda.ListAliasesOutput{}}}, errAliasGone, "UpdateAlias ListAliases",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newPlace(nil)
			p := &playback{t: t, answers: c.answers}
			s.lambda, s.pace = p, quickPace
			_, i := oneGroup(s)
			a := i.functions["create"].alias
			a.all = map[string]types.AliasConfiguration{stack.AliasLive: list("1", "old").Aliases[0]}
			err := a.put(t.Context(), stack.RouteTo(2), "new")
			if !errors.Is(err, c.err) || strings.Join(p.calls, " ") != c.calls {
				t.Errorf("it says %v after %v", err, p.calls)
			}
		})
	}
}

func TestMinutesOfBothSides(t *testing.T) {
	r := canaryOf(noon.Add(20 * time.Second))
	now := noon.Add(150 * time.Second)
	candidate, stable := sidesOf(r, "create", now)
	if candidate != (side{"create", 2, noon, noon.Add(3 * time.Minute)}) || stable != (side{"create", 1, noon, noon.Add(3 * time.Minute)}) {
		t.Errorf("the sides of a canary are %+v and %+v", candidate, stable)
	}
	r.Policy = stack.Release{Strategy: stack.BlueGreen}.Resolve()
	candidate, stable = sidesOf(r, "create", now)
	if candidate != (side{"create", 0, noon.Add(time.Minute), noon.Add(3 * time.Minute)}) || stable != (side{"create", 0, noon.Add(-5 * time.Minute), noon}) {
		t.Errorf("the sides of blue and green are %+v and %+v", candidate, stable)
	}
}

func TestAPolicyIsWidenedAndNarrowed(t *testing.T) {
	logs, get, put := allow("Logs", []string{"l"}, "logs:Put"), allow("Permission0", []string{"b"}, "s3:Get"), allow("Permission0", []string{"b"}, "s3:Put")
	old, wish := policyDocument{policyVersion, []policyStatement{logs, get}}, policyDocument{policyVersion, []policyStatement{logs, put}}
	union := old.with(wish)
	added := put
	added.Sid = "Release0"
	if want := (policyDocument{policyVersion, []policyStatement{logs, get, added}}); union.String() != want.String() {
		t.Errorf("the union is %s", union)
	}
	if again := union.with(wish); again.String() != union.String() {
		t.Errorf("twice, it is %s", again)
	}
	if back := union.withoutAdded(); back.String() != old.String() {
		t.Errorf("narrowed, it is %s", back)
	}
	if permissions := union.permissions(); len(permissions) != 1 || permissions[0].Actions[0] != "s3:Get" {
		t.Errorf("its permissions are %v", permissions)
	}
	if drift := union.withoutAddedBeyond(wish).withoutPermissions().differs(wish.withoutPermissions()); !strings.Contains(drift, "Release0") {
		t.Errorf("what is wanted is %q", drift)
	}
	if drift := union.withoutAddedBeyond(old).withoutPermissions().differs(old.withoutPermissions()); drift != "" {
		t.Errorf("what is not wanted differs: %q", drift)
	}
}

func TestVersionsThatLambdaDoesNotTakeTogetherAreNotSplit(t *testing.T) {
	s, _ := newPlace(nil)
	_, i := oneGroup(s)
	have := func(role string) *snapshot {
		return &snapshot{FunctionConfiguration: types.FunctionConfiguration{Role: &role}}
	}
	i.functions["create"].versions.have = map[int]*snapshot{1: have("a"), 2: have("b")}
	w := release.Wish{Policy: stack.Release{Strategy: stack.Canary}.Resolve(), Moves: map[string]release.Move{"create": {Stable: stack.RouteTo(1), Candidate: 2}}}
	if err := i.splittable(w); err == nil || !strings.Contains(err.Error(), `the role of function "create" changes`) {
		t.Errorf("it says %v", err)
	}
	w.Policy = stack.Release{Strategy: stack.BlueGreen}.Resolve()
	if err := i.splittable(w); err != nil {
		t.Errorf("blue and green says %v", err)
	}
	w.Policy = stack.Release{Strategy: stack.Canary}.Resolve()
	i.functions["create"].versions.have[2] = have("a")
	if err := i.splittable(w); err != nil {
		t.Errorf("with one role it says %v", err)
	}
	i.functions["create"].versions.have[1].DeadLetterConfig = &types.DeadLetterConfig{TargetArn: aws.String("arn:aws:sqs:eu-central-1:123456789012:dead")}
	if err := i.splittable(w); err == nil || !strings.Contains(err.Error(), "a dead-letter target outside of Tidegate") {
		t.Errorf("of dead letters it says %v", err)
	}
}

func TestALongTrailIsAbridgedInTheJournal(t *testing.T) {
	r := canaryOf(noon)
	for n := range 99 {
		r.Trail = append(r.Trail, release.Mark{What: strings.Repeat("x", 5000) + strconv.Itoa(n)})
	}
	e := newEntry(r, "0a1b2c3d")
	text, err := json.Marshal(e)
	if err != nil || len(text) > maxEntry || len(e.Release.Trail) != firstMarks+lastMarks || e.Release.Trail[0].What != "began" || len(r.Trail[99].What) < 5000 {
		t.Errorf("it has %d bytes and %d marks, %v", len(text), len(e.Release.Trail), err)
	}
	if short := canaryOf(noon); len(newEntry(short, "0a1b2c3d").Release.Trail) != 1 {
		t.Error("a short one is abridged, too")
	}
}
