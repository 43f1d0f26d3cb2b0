package aws

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestStageDrift(t *testing.T) {
	const own = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vendedlogs/tidegate/shop"
	logging := func(group string) *types.AccessLogSettings {
		return &types.AccessLogSettings{DestinationArn: aws.String(group), Format: aws.String("$context.requestId")}
	}
	for name, test := range map[string]struct {
		log  bool
		edit func(s *types.Stage)
		want string
	}{
		"as wanted":             {false, func(*types.Stage) {}, ""},
		"as wanted, with a log": {true, func(s *types.Stage) { s.AccessLogSettings = logging(own + ":*") }, ""},
		"no log":                {true, func(*types.Stage) {}, "it writes no access log"},
		"a log":                 {false, func(s *types.Stage) { s.AccessLogSettings = logging("arn:x") }, "it writes an access log to arn:x"},
		"a log elsewhere":       {true, func(s *types.Stage) { s.AccessLogSettings = logging("arn:x") }, "it writes its access log to arn:x"},
		"no deploying":          {false, func(s *types.Stage) { s.AutoDeploy = nil }, "it does not deploy changes by itself"},
		"a description":         {false, func(s *types.Stage) { s.Description = nil }, "its description differs"},
		"variables":             {false, func(s *types.Stage) { s.StageVariables = map[string]string{"b": "1", "a": "2"} }, "it has the variables a, b"},
		"settings of a route":   {false, func(s *types.Stage) { s.RouteSettings = map[string]types.RouteSettings{"GET /": {}} }, `it has settings of its own for the route "GET /"`},
		"detailed metrics": {false, func(s *types.Stage) {
			s.DefaultRouteSettings = &types.RouteSettings{DetailedMetricsEnabled: aws.Bool(true)}
		}, "it has detailed metrics"},
		"a tag":                    {false, func(s *types.Stage) { s.Tags = map[string]string{tagStack: "shop", "mine": "1"} }, "its tag mine differs"},
		"not even the stack's own": {false, func(s *types.Stage) { s.Tags = nil }, "its tag tidegate:stack differs"},
	} {
		h := stack.HTTPAPI{}
		if test.log {
			h.AccessLog = &stack.AccessLog{Format: "$context.requestId"}
		}
		i := apiInventory()
		i.want(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &h}})
		i.api.stage.have = &types.Stage{
			StageName: aws.String(stageName), AutoDeploy: aws.Bool(true), Description: aws.String(stageDescription), Tags: map[string]string{tagStack: "shop"},
		}
		test.edit(i.api.stage.have)
		if got := i.api.stage.drift(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestAccessLogThatNothingWritesToIsLeftOver(t *testing.T) {
	i := apiInventory()
	i.api.accessLog.have = &logGroupFacts{retention: 7, tags: map[string]string{tagStack: "shop"}}
	i.api.stage.have = &types.Stage{}
	d := i.describe(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{}}})
	if got := d.Components["access_log"]; got != stateLeftOver || d.Stack.Trigger.HTTPAPI.AccessLog != nil {
		t.Errorf("%q, shown as %+v", got, d.Stack.Trigger.HTTPAPI.AccessLog)
	}

	i.api.stage.have.AccessLogSettings = &types.AccessLogSettings{DestinationArn: aws.String(accessLogARN(i)), Format: aws.String("x")}
	d = i.describe(stack.Stack{Name: "shop"})
	if diff := cmp.Diff(&stack.AccessLog{Format: "x", RetentionDays: 7}, d.Stack.Trigger.HTTPAPI.AccessLog); diff != "" {
		t.Errorf("one that the stage writes to (-want +is):\n%s", diff)
	}
}

func TestThrottleIsTakenAwayWithANewStageOnlyIfNothingElseDoes(t *testing.T) {
	for _, test := range []struct {
		routeSettings bool
		want          []string
	}{
		{true, []string{"DeleteRouteSettings", "GetStages"}},
		{false, []string{"DeleteRouteSettings", "GetStages", "DeleteStage", "CreateStage"}},
	} {
		i := apiInventory()
		i.want(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{}}})
		throttled := types.Stage{
			StageName: aws.String(stageName), AutoDeploy: aws.Bool(true), Description: aws.String(stageDescription), Tags: i.api.stage.wish.tags,
			DefaultRouteSettings: &types.RouteSettings{ThrottlingRateLimit: aws.Float64(0), ThrottlingBurstLimit: aws.Int32(0)},
		}
		gateway := &fakeGateway{stage: &throttled, routeSettings: test.routeSettings}
		i.gateway = gateway
		have := throttled
		i.api.stage.have = &have
		if err := i.api.stage.apply(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, gateway.calls); diff != "" {
			t.Errorf("calls (-want +is):\n%s", diff)
		}
		if throttleOf(i.api.stage.have.DefaultRouteSettings) != nil || i.api.stage.drift() != "" {
			t.Errorf("after that: %+v, %q", i.api.stage.have, i.api.stage.drift())
		}
	}
}

func TestStageIsNotGivenUpBecauseOfACallThatFailed(t *testing.T) {
	for _, code := range []string{"AccessDeniedException", "TooManyRequestsException", "InternalServerError"} {
		i := apiInventory()
		i.want(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{}}})
		failed := &smithy.GenericAPIError{Code: code}
		gateway := &fakeGateway{settingsError: failed}
		i.gateway = gateway
		i.api.stage.have = &types.Stage{DefaultRouteSettings: &types.RouteSettings{ThrottlingRateLimit: aws.Float64(1), ThrottlingBurstLimit: aws.Int32(1)}}
		if err := i.api.stage.apply(t.Context()); !errors.Is(err, failed) || len(gateway.calls) != 1 || !i.api.stage.exists() {
			t.Errorf("%s: %v after %v", code, err, gateway.calls)
		}
	}
}

func TestAccessLogThatCannotBeSwitchedOnSaysWhatToDo(t *testing.T) {
	for message, want := range map[string]string{
		"Insufficient permissions to enable logging":                                                               "permissions for log deliveries",
		"Cannot enable logging. Policy document length breaking Cloudwatch Logs Constraints, either < 1 or > 5120": "take log groups that are gone out of it",
	} {
		for _, have := range []*types.Stage{nil, {}} {
			i := apiInventory()
			i.want(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{AccessLog: &stack.AccessLog{Format: "$context.requestId"}}}})
			refused := &smithy.GenericAPIError{Code: "BadRequestException", Message: message}
			i.gateway = &fakeGateway{stageError: refused}
			i.api.stage.have = have
			if err := i.api.stage.apply(t.Context()); !errors.Is(err, refused) || !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not say %q: %v", want, err)
			}
		}
	}
}

func TestThrottleIsSentAgainWithWhateverChangesBesideIt(t *testing.T) {
	i := apiInventory()
	i.want(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{Throttle: &stack.Throttle{Rate: 10, Burst: 20}}}})
	gateway := &fakeGateway{}
	i.gateway = gateway
	detailed := routeSettings(i.api.stage.wish.throttle)
	detailed.DetailedMetricsEnabled = aws.Bool(true)
	i.api.stage.have = &types.Stage{
		StageName: aws.String(stageName), AutoDeploy: aws.Bool(true), Description: aws.String(stageDescription), Tags: i.api.stage.wish.tags,
		DefaultRouteSettings: detailed,
	}
	if err := i.api.stage.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent := gateway.updatedStage.DefaultRouteSettings
	if !sameThrottle(throttleOf(sent), i.api.stage.wish.throttle) || aws.ToBool(sent.DetailedMetricsEnabled) {
		t.Errorf("what is sent is %+v", sent)
	}
}

// No emulator takes empty variables away.
func TestVariablesOfAStageAreTakenAwayWithEmptyValues(t *testing.T) {
	i := apiInventory()
	i.want(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{}}})
	i.gateway = &fakeGateway{}
	i.api.stage.have = &types.Stage{
		StageName: aws.String(stageName), AutoDeploy: aws.Bool(true), Description: aws.String(stageDescription), Tags: i.api.stage.wish.tags,
		StageVariables: map[string]string{"mine": "1"},
	}
	if err := i.api.stage.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if i.api.stage.drift() != "" {
		t.Errorf("after that: %q", i.api.stage.drift())
	}
}

// No emulator has the call: one answers with 404, the other deletes the whole stage.
func TestAccessLogIsTakenAwayWithACallOfItsOwn(t *testing.T) {
	i := apiInventory()
	i.want(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{}}})
	gateway := &fakeGateway{}
	i.gateway = gateway
	i.api.stage.have = &types.Stage{
		StageName: aws.String(stageName), AutoDeploy: aws.Bool(true), Description: aws.String(stageDescription), Tags: i.api.stage.wish.tags,
		AccessLogSettings: &types.AccessLogSettings{DestinationArn: aws.String(accessLogARN(i)), Format: aws.String("x")},
	}
	if err := i.api.stage.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"DeleteAccessLogSettings"}, gateway.calls); diff != "" {
		t.Errorf("calls (-want +is):\n%s", diff)
	}
	if i.api.stage.drift() != "" {
		t.Errorf("after that: %q", i.api.stage.drift())
	}
}
