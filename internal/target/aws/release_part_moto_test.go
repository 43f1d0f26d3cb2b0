package aws

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
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

// A strictLogs knows no tags of log groups that are gone, which moto does.
type strictLogs struct{ logsAPI }

func (l strictLogs) ListTagsForResource(ctx context.Context, in *cloudwatchlogs.ListTagsForResourceInput, o ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.ListTagsForResourceOutput, error) {
	_, group, _ := strings.Cut(*in.ResourceArn, ":log-group:")
	found, err := l.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group})
	if err == nil && len(found.LogGroups) == 0 {
		err = &logstypes.ResourceNotFoundException{Message: aws.String("The specified log group does not exist.")}
	}
	if err != nil {
		return nil, err
	}
	return l.logsAPI.ListTagsForResource(ctx, in, o...)
}

// Log groups without lines are what people tidy away.
func TestAStackWhoseMarkerSomebodyDeletedIsReleasedInSteps(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: stack.Canary, Interval: brief})
	if _, err := w.session.logs.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(markerGroup("shop"))}); err != nil {
		t.Fatal(err)
	}
	w.session.logs = strictLogs{w.session.logs}
	w.clock.waited = func(time.Time) { w.at("shop", stack.Routing{1: 90, 2: 10}) }
	d := w.release(want)
	w.at("shop", stack.RouteTo(2))
	if len(w.aliases.moves) != 4 || d.Creation != stack.CreationFinished {
		t.Errorf("the aliases moved by %q, and the creation is %s", w.aliases.moves, d.Creation)
	}
}

// Interrupted before it began, an apply moves nothing.
func TestAnApplyThatIsInterruptedBeforeItBeginsMovesNothing(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: stack.Canary})
	create := want.Functions["create"]
	create.Permissions = []stack.Permission{{Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::b/*"}}}
	want.Functions["create"] = create
	ctx, cancel := context.WithCancel(t.Context())
	w.clock.waited = func(time.Time) { cancel() } // While IAM learns of the policy.
	if _, err := w.target.Update(ctx, w.deploy(want)); err == nil || !strings.Contains(err.Error(), "was not begun, and no alias was moved") {
		t.Errorf("it says %v", err)
	}
	if len(w.aliases.moves) > 0 {
		t.Errorf("it has moved %q", w.aliases.moves)
	}
}
