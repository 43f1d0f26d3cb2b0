package aws

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// underWay creates a stack and begins to release it, at 10 %, without anybody who drives it.
func (w *world) underWay(name string) stack.Stack {
	w.t.Helper()
	want := w.begun(name, &stack.Release{Strategy: stack.Canary})
	deploy := w.deploy(want)
	deploy.NoWait = true
	if _, err := w.target.Update(w.t.Context(), deploy); err != nil {
		w.t.Fatal(err)
	}
	return want
}

// pointedAt is where the alias of a function points; empty if there is none.
func (w *world) pointedAt(function string) stack.Routing {
	w.t.Helper()
	out, err := w.lambda.GetAlias(w.t.Context(), &lambda.GetAliasInput{FunctionName: &function, Name: aws.String(stack.AliasLive)})
	if missing(err) {
		return stack.Routing{}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return routingOf(types.AliasConfiguration{FunctionVersion: out.FunctionVersion, RoutingConfig: out.RoutingConfig})
}

// deleteFunction and deleteAlias are what somebody does by hand.
func (w *world) deleteFunction(name string) {
	w.t.Helper()
	if _, err := w.lambda.DeleteFunction(w.t.Context(), &lambda.DeleteFunctionInput{FunctionName: &name}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deleteAlias(function string) {
	w.t.Helper()
	if _, err := w.lambda.DeleteAlias(w.t.Context(), &lambda.DeleteAliasInput{FunctionName: &function, Name: aws.String(stack.AliasLive)}); err != nil {
		w.t.Fatal(err)
	}
}

// What somebody deletes while a release is under way keeps nobody from ending it, whichever
// of its functions that is: "create" leads.
func TestAReleaseIsEndedAlthoughOneOfItsFunctionsIsGone(t *testing.T) {
	w := openWorld(t)
	for name, c := range map[string]struct {
		gone, left string
		lose       func(function string)
	}{
		"function": {"create", "list", w.deleteFunction},
		"alias":    {"create", "list", w.deleteAlias},
		"last":     {"list", "create", w.deleteFunction},
		"unknown": {"create", "list", func(function string) {
			w.deleteFunction(function)
			if _, err := w.session.logs.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/aws/lambda/" + function)}); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		for command, at := range map[release.Command]stack.Routing{release.CommandAbort: stack.RouteTo(1), release.CommandPromote: stack.RouteTo(2)} {
			t.Run(name+" "+string(command), func(t *testing.T) {
				w := *w
				w.shop = w.in(t)
				stack := name + "-" + string(command)
				want := w.underWay(stack)
				c.lose(stack + "-" + c.gone)
				r, err := w.target.Steer(t.Context(), stack, command, "bob@desk")
				if err != nil || !r.Ended() {
					t.Fatalf("the %s returns %+v, %v", command, r, err)
				}
				if is := w.pointedAt(stack + "-" + c.left); !maps.Equal(is, at) {
					t.Errorf("the alias that is left is %v, want %v", is, at)
				}
				w.release(want)
			})
		}
	}
}

func TestAnApplyGoesOnAlthoughOneOfItsFunctionsIsGone(t *testing.T) {
	w := openWorld(t)
	for name, lose := range map[string]func(function string){"function": w.deleteFunction, "alias": w.deleteAlias} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.shop = w.in(t)
			want := w.underWay(name)
			lose(name + "-create")
			w.release(want)
			if is := w.pointedAt(name + "-list"); !maps.Equal(is, stack.RouteTo(2)) {
				t.Errorf("the other alias is %v", is)
			}
		})
	}
}

// A log group that somebody deleted takes nothing of a release away that the aliases know.
func TestAFunctionWithoutALogGroupIsSteeredAsWell(t *testing.T) {
	w := openWorld(t)
	w.underWay("shop")
	if _, err := w.session.logs.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/aws/lambda/shop-create")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.target.Steer(t.Context(), "shop", release.CommandAbort, "bob@desk"); err != nil {
		t.Fatal(err)
	}
	w.at("shop", stack.RouteTo(1))
}

// Whoever moves an alias in AWS's console while a release is under way has a reason to:
// the release does not take it back.
func TestAnAliasThatSomebodyMovesByHandEndsADrive(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: stack.Linear, Weight: 40})
	moved := false
	w.clock.waited = func(time.Time) {
		if moved {
			return
		}
		moved = true
		if _, err := w.aliases.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{
			FunctionName: aws.String("shop-create"), Name: aws.String(stack.AliasLive), FunctionVersion: aws.String("1"), RevisionId: w.aliases.revision("shop-create"),
			RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{}},
		}); err != nil {
			t.Error(err)
		}
	}
	_, err := w.target.Update(t.Context(), w.deploy(want))
	if err == nil || errors.As(err, new(*target.ReleaseError)) || !strings.Contains(err.Error(), `alias "live" of function "shop-create" was changed by somebody else`) {
		t.Errorf("the update says %v", err)
	}
	if is := w.pointedAt("shop-create"); !maps.Equal(is, stack.RouteTo(1)) {
		t.Errorf("the alias is %v", is)
	}
	// Asked again, it goes on.
	w.release(want)
	w.at("shop", stack.RouteTo(2))
}

func TestGoingBackThatWasKilledIsGoneOnWith(t *testing.T) {
	w := openWorld(t)
	back := func(name string, falls int) int {
		t.Helper()
		w.release(w.begun(name, nil))
		w.clock.wait(t.Context(), time.Minute)
		w.guillotine.fallsAfter(falls)
		_, err := w.target.Rollback(t.Context(), name, "", "bob@desk")
		w.guillotine.live()
		done := len(w.guillotine.calls)
		if err == nil {
			return done
		}
		w.clock.wait(t.Context(), time.Minute)
		if _, err := w.target.Rollback(t.Context(), name, "", "bob@desk"); err != nil {
			t.Errorf("killed after %d calls, going back again says %v", falls, err)
		}
		w.at(name, stack.RouteTo(1))
		if r, n := w.last(name); n != 2 || !r.Back {
			t.Errorf("killed after %d calls, the last of %d releases is %+v", falls, n, r)
		}
		return done
	}
	calls := back("whole", 1000)
	if calls < 3 {
		t.Fatalf("it takes only %d calls", calls)
	}
	for n := 1; n < calls; n++ {
		back("killed"+strings.Repeat("i", n), n)
	}
}

func TestWhatTheRoleMayDoForBothVersionsHasToFit(t *testing.T) {
	w := openWorld(t)
	w.begun("shop", nil)
	many := func(code, action string, r *stack.Release) stack.Stack {
		s := w.stack("shop", code, r)
		create := s.Functions["create"]
		for n := range 90 {
			create.Permissions = append(create.Permissions, stack.Permission{Actions: []string{action}, Resources: []string{fmt.Sprintf("arn:aws:s3:::bucket%d/*", n)}})
		}
		s.Functions["create"] = create
		return s
	}
	w.release(many(w.one, "s3:GetObject", nil))
	canary := &stack.Release{Strategy: stack.Canary}
	w.fails(many(w.two, "s3:PutObject", canary), `policy "tidegate" of role "shop-create-`)
	w.fails(many(w.two, "s3:PutObject", canary), "while both versions run, the role has to be allowed what each of them needs")
	w.at("shop", stack.RouteTo(1))
	w.release(many(w.two, "s3:PutObject", nil))
	w.at("shop", stack.RouteTo(2))
}
