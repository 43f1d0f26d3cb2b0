package aws

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Where Lambda moves one alias and refuses to move another, the release says how to end it.
func TestAReleaseOfWhichAnAliasIsRefusedCanBeEnded(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: stack.Canary})
	w.aliases.refuses = map[string]error{"shop-list": &types.InvalidParameterValueException{Message: aws.String("no")}}
	for range 2 { // Once more, it goes on, and gets no further.
		w.fails(want, "stays at 10 %: cannot move the alias \"live\" of function \"shop-list\"")
		w.fails(want, "; apply again to go on, or end it with tidegate release shop --promote or --abort")
	}
	if _, err := w.target.Steer(t.Context(), "shop", release.CommandAbort, "bob@desk"); err != nil {
		t.Fatal(err)
	}
	w.at("shop", stack.RouteTo(1))
}

// IAM takes seconds to let a function do what it has been allowed.
func TestNoTrafficMovesBeforeTheCandidatesMayDoWhatTheyNeed(t *testing.T) {
	w := openWorld(t)
	for name, c := range map[string]struct {
		actions []string
		waits   time.Duration
	}{"more": {[]string{"s3:GetObject", "s3:PutObject"}, policyLag}, "asmuch": {[]string{"s3:GetObject"}, 0}} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.shop = w.in(t)
			allowed := func(code string, actions []string, r *stack.Release) stack.Stack {
				s := w.stack(name, code, r)
				create := s.Functions["create"]
				create.Permissions = []stack.Permission{{Actions: actions, Resources: []string{"arn:aws:s3:::b/*"}}}
				s.Functions["create"] = create
				return s
			}
			w.create(allowed(w.one, []string{"s3:GetObject"}, nil))
			before := w.clock.now()
			w.release(allowed(w.two, c.actions, &stack.Release{Strategy: stack.Canary, Interval: brief}))
			r, _ := w.last(name)
			if waited := r.Began.Sub(before); waited != c.waits || !strings.HasPrefix(r.Trail[0].What, "began") {
				t.Errorf("it began after %s, want %s", waited, c.waits)
			}
		})
	}
}
