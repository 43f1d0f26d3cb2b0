package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// A fakeClock stands still until somebody waits for it.
type fakeClock struct {
	mu sync.Mutex
	at time.Time
	// waited, if not nil, is called after each wait.
	waited func(now time.Time)
}

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *fakeClock) wait(_ context.Context, d time.Duration) {
	c.mu.Lock()
	c.at = c.at.Add(d)
	now, waited := c.at, c.waited
	c.mu.Unlock()
	if waited != nil {
		waited(now)
	}
}

// A fakeCloudWatch has metrics of versions that are the same in every minute, two minutes
// late, and alarms.
type fakeCloudWatch struct {
	clock clock
	mu    sync.Mutex
	// minutes are what a minute of a version has, by function and version; version 0 is
	// whatever is invoked through the alias.
	minutes map[string]release.Counts
	alarms  map[string]cwtypes.StateValue
	broken  error
	asked   []string
}

func (c *fakeCloudWatch) DescribeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := &cloudwatch.DescribeAlarmsOutput{}
	for _, name := range in.AlarmNames {
		state, ok := c.alarms[name]
		switch {
		case !ok:
		case strings.HasPrefix(name, "composite") && slices.Contains(in.AlarmTypes, cwtypes.AlarmTypeCompositeAlarm):
			out.CompositeAlarms = append(out.CompositeAlarms, cwtypes.CompositeAlarm{AlarmName: &name, StateValue: state})
		default:
			out.MetricAlarms = append(out.MetricAlarms, cwtypes.MetricAlarm{AlarmName: &name, StateValue: state})
		}
	}
	return out, c.broken
}

// GetMetricData answers two queries a page.
func (c *fakeCloudWatch) GetMetricData(_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return nil, c.broken
	}
	first, _ := strconv.Atoi(aws.ToString(in.NextToken))
	out := &cloudwatch.GetMetricDataOutput{}
	for n, q := range in.MetricDataQueries {
		if n < first || n >= first+2 {
			continue
		}
		key := ""
		for _, d := range q.MetricStat.Metric.Dimensions {
			switch *d.Name {
			case "FunctionName":
				key = *d.Value + key
			case "ExecutedVersion":
				key += " " + *d.Value
			}
		}
		c.asked = append(c.asked, key)
		counts, ok := c.minutes[key]
		result := cwtypes.MetricDataResult{Id: q.Id}
		for at := *in.StartTime; ok && at.Before(*in.EndTime) && !at.After(c.clock.now().Add(-metricsLag)); at = at.Add(time.Minute) {
			value := map[string]float64{
				"Invocations": float64(counts.Invocations), "Errors": float64(counts.Errors), "Throttles": float64(counts.Throttles), "Duration": float64(counts.P95.Milliseconds()),
			}[*q.MetricStat.Metric.MetricName]
			result.Timestamps, result.Values = append(result.Timestamps, at), append(result.Values, value)
		}
		out.MetricDataResults = append(out.MetricDataResults, result)
	}
	if first+2 < len(in.MetricDataQueries) {
		out.NextToken = aws.String(strconv.Itoa(first + 2))
	}
	return out, nil
}

// A strictLambda adds to moto what it leaves out of what AWS does about releases: the
// revision ids of aliases, provisioned concurrency, and functions that fail.
type strictLambda struct {
	lambdaAPI
	mu sync.Mutex
	// revisions of aliases by function; moves are all changes of aliases that were made.
	revisions map[string]int
	moves     []string
	// provisioned instances by "function:qualifier".
	provisioned map[string]int32
	// says is what functions return that fail, by "function:version"; invoked are those
	// that were, with their events.
	says    map[string]string
	invoked []string
	// dies tells of a call that changes something and does not go to moto whether whoever
	// makes it has been killed.
	dies func(call string) bool
	// meanwhile, if not nil, happens once before the next change of an alias.
	meanwhile func()
	// refuses are functions whose aliases may not be split, for example because their
	// versions have different roles.
	refuses map[string]error
}

func (l *strictLambda) revision(function string) *string {
	return aws.String(fmt.Sprintf("%s-%d", function, l.revisions[function]))
}

func (l *strictLambda) ListAliases(ctx context.Context, in *lambda.ListAliasesInput, o ...func(*lambda.Options)) (*lambda.ListAliasesOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out, err := l.lambdaAPI.ListAliases(ctx, in, o...)
	if err == nil {
		for n := range out.Aliases {
			out.Aliases[n].RevisionId = l.revision(*in.FunctionName)
		}
	}
	return out, err
}

func (l *strictLambda) UpdateAlias(ctx context.Context, in *lambda.UpdateAliasInput, o ...func(*lambda.Options)) (*lambda.UpdateAliasOutput, error) {
	l.mu.Lock()
	meanwhile := l.meanwhile
	l.meanwhile = nil
	l.mu.Unlock()
	if meanwhile != nil {
		meanwhile()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if in.RevisionId == nil || *in.RevisionId != *l.revision(*in.FunctionName) && l.revisions[*in.FunctionName] > 0 {
		return nil, &types.PreconditionFailedException{Message: aws.String("The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id")}
	}
	weights := in.RoutingConfig.AdditionalVersionWeights
	if err := l.refuses[*in.FunctionName]; err != nil && len(weights) > 0 {
		return nil, err
	}
	if len(weights) > 0 && l.provisioned[*in.FunctionName+":live"] > 0 {
		return nil, &types.InvalidParameterValueException{Message: aws.String("Alias with weights can not be used with Provisioned Concurrency")}
	}
	out, err := l.lambdaAPI.UpdateAlias(ctx, in, o...)
	if err != nil {
		return nil, err
	}
	l.revisions[*in.FunctionName]++
	out.RevisionId = l.revision(*in.FunctionName)
	move := *in.FunctionName + " " + *in.FunctionVersion
	for version, weight := range weights {
		move += fmt.Sprintf(" %s=%.2f", version, weight)
	}
	l.moves = append(l.moves, move)
	return out, nil
}

func (l *strictLambda) CreateAlias(ctx context.Context, in *lambda.CreateAliasInput, o ...func(*lambda.Options)) (*lambda.CreateAliasOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out, err := l.lambdaAPI.CreateAlias(ctx, in, o...)
	if hasCode(err, "ConflictException") { // So does moto call it.
		return nil, &types.ResourceConflictException{Message: aws.String("Alias already exists: " + *in.FunctionName + ":" + *in.Name)}
	}
	if err == nil {
		l.revisions[*in.FunctionName]++
		out.RevisionId = l.revision(*in.FunctionName)
	}
	return out, err
}

func (l *strictLambda) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := *in.FunctionName + ":" + *in.Qualifier
	l.invoked = append(l.invoked, key+" "+string(in.Payload))
	out := &lambda.InvokeOutput{StatusCode: 200, ExecutedVersion: in.Qualifier, Payload: []byte(`"fine"`)}
	if said, ok := l.says[key]; ok {
		out.FunctionError, out.Payload = aws.String("Unhandled"), []byte(said)
	}
	return out, nil
}

func (l *strictLambda) GetProvisionedConcurrencyConfig(_ context.Context, in *lambda.GetProvisionedConcurrencyConfigInput, _ ...func(*lambda.Options)) (*lambda.GetProvisionedConcurrencyConfigOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	instances, ok := l.provisioned[*in.FunctionName+":"+*in.Qualifier]
	if !ok {
		return nil, &types.ResourceNotFoundException{Message: aws.String("No Provisioned Concurrency Config found for this function")}
	}
	return &lambda.GetProvisionedConcurrencyConfigOutput{RequestedProvisionedConcurrentExecutions: &instances, Status: types.ProvisionedConcurrencyStatusEnumReady}, nil
}

func (l *strictLambda) PutProvisionedConcurrencyConfig(ctx context.Context, in *lambda.PutProvisionedConcurrencyConfigInput, _ ...func(*lambda.Options)) (*lambda.PutProvisionedConcurrencyConfigOutput, error) {
	if l.dies("PutProvisionedConcurrencyConfig " + *in.Qualifier) {
		return nil, errBeheaded
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := *in.FunctionName + ":" + *in.Qualifier
	alias, err := l.lambdaAPI.ListAliases(ctx, &lambda.ListAliasesInput{FunctionName: in.FunctionName})
	if err != nil {
		return nil, err
	}
	for _, a := range alias.Aliases {
		if *in.Qualifier == stack.AliasLive && len(routingOf(a)) > 1 {
			return nil, &types.InvalidParameterValueException{Message: aws.String("Alias with weights can not be used with Provisioned Concurrency")}
		}
		if *in.Qualifier == stack.AliasLive && l.provisioned[*in.FunctionName+":"+*a.FunctionVersion] > 0 {
			return nil, &types.ResourceConflictException{Message: aws.String("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")}
		}
		if *in.Qualifier == *a.FunctionVersion && l.provisioned[*in.FunctionName+":live"] > 0 {
			return nil, &types.ResourceConflictException{Message: aws.String("Version is pointed by a Provisioned Concurrency alias")}
		}
	}
	l.provisioned[key] = *in.ProvisionedConcurrentExecutions
	return &lambda.PutProvisionedConcurrencyConfigOutput{}, nil
}

func (l *strictLambda) DeleteProvisionedConcurrencyConfig(_ context.Context, in *lambda.DeleteProvisionedConcurrencyConfigInput, _ ...func(*lambda.Options)) (*lambda.DeleteProvisionedConcurrencyConfigOutput, error) {
	if l.dies("DeleteProvisionedConcurrencyConfig " + *in.Qualifier) {
		return nil, errBeheaded
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.provisioned, *in.FunctionName+":"+*in.Qualifier)
	return &lambda.DeleteProvisionedConcurrencyConfigOutput{}, nil
}

// A guillotine kills whoever calls AWS: from some call on, none reaches AWS.
type guillotine struct {
	mu sync.Mutex
	// falls after so many more calls that change something; negative means never.
	falls int
	// changes counts those calls.
	changes int
	calls   []string
	through *http.Transport
}

var errBeheaded = errors.New("killed")

func (g *guillotine) RoundTrip(r *http.Request) (*http.Response, error) {
	operation := r.Header.Get("X-Amz-Target")
	changes := r.Method != http.MethodGet
	for _, reads := range []string{".Get", ".List", ".Describe"} {
		changes = changes && !strings.Contains(operation, reads)
	}
	if r.URL.Path == "/" && operation == "" { // IAM; it does not matter which.
		changes = false
	}
	if g.dies(operation+" "+r.Method+" "+r.URL.Path, changes) {
		return nil, errBeheaded
	}
	return g.through.RoundTrip(r)
}

// dies tells whether a call is made by somebody who has been killed.
func (g *guillotine) dies(call string, changes bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	dead := g.falls == 0
	if changes && !dead {
		g.changes++
		g.falls--
		g.calls = append(g.calls, call)
	}
	return dead
}

// fallsAfter so many more calls that change something.
func (g *guillotine) fallsAfter(changes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.falls, g.calls = changes, nil
}

// live has nobody killed any more.
func (g *guillotine) live() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.falls = -1
}

// A world is a shop where things are released gradually.
type world struct {
	*shop
	clock      *fakeClock
	watch      *fakeCloudWatch
	aliases    *strictLambda
	guillotine *guillotine
	one, two   string
}

func openWorld(t *testing.T) *world {
	w := &world{shop: openShop(t), clock: &fakeClock{at: noon}, guillotine: &guillotine{falls: -1, through: &http.Transport{MaxIdleConnsPerHost: 4 * parallel}}}
	t.Cleanup(w.guillotine.through.CloseIdleConnections)
	o := w.lambda.Options()
	config := aws.Config{
		Region: o.Region, BaseEndpoint: o.BaseEndpoint, Credentials: o.Credentials,
		HTTPClient: caller{&http.Client{Transport: w.guillotine}},
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff, o.RateLimiter = time.Millisecond, ratelimit.None })
		},
	}
	w.aliases = &strictLambda{lambdaAPI: lambda.NewFromConfig(config), revisions: map[string]int{}, provisioned: map[string]int32{}, says: map[string]string{}}
	w.aliases.dies = func(call string) bool { return w.guillotine.dies(call, true) }
	w.watch = &fakeCloudWatch{clock: w.clock, minutes: map[string]release.Counts{}, alarms: map[string]cwtypes.StateValue{}}
	s := w.session
	s.lambda, s.logs, s.iam = w.aliases, cloudwatchlogs.NewFromConfig(config), iam.NewFromConfig(config)
	s.cloudwatch, s.clock = w.watch, w.clock
	w.one, w.two = w.pack("one"), w.pack("two")
	return w
}

// stack of that name with functions "create" and "list" of this code, and "smoke", which
// stays as it is.
func (w *world) stack(name, code string, r *stack.Release) stack.Stack {
	s := w.shop.stack(code)
	s.Name, s.Release = name, r
	s.Functions["list"] = s.Functions["create"]
	smoke := s.Functions["create"]
	smoke.CodeSHA256 = w.one
	s.Functions["smoke"] = smoke
	return s
}

func (w *world) deploy(want stack.Stack) target.Deploy {
	return target.Deploy{Stack: want, Prior: w.stack(want.Name, w.one, nil), Packages: w.packages, By: "ada@laptop"}
}

// begun creates a stack of version 1 and returns the same with version 2, to be released
// so.
func (w *world) begun(name string, r *stack.Release) stack.Stack {
	w.t.Helper()
	w.create(w.stack(name, w.one, nil))
	w.aliases.moves = nil
	return w.stack(name, w.two, r)
}

// release updates a stack, which succeeds.
func (w *world) release(want stack.Stack) *stack.Deployment {
	w.t.Helper()
	d, err := w.target.Update(w.t.Context(), w.deploy(want))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.settled(d, want)
}

// fails updates a stack, which fails.
func (w *world) fails(want stack.Stack, says string) *stack.Deployment {
	w.t.Helper()
	d, err := w.target.Update(w.t.Context(), w.deploy(want))
	if err == nil || !strings.Contains(err.Error(), says) {
		w.t.Fatalf("the update says %v, want %q", err, says)
	}
	return d
}

// routings of a stack's aliases, as they are on AWS.
func (w *world) routings(name string) map[string]stack.Routing {
	w.t.Helper()
	all := map[string]stack.Routing{}
	for _, function := range []string{"create", "list", "smoke"} {
		out, err := w.lambda.GetAlias(w.t.Context(), &lambda.GetAliasInput{FunctionName: aws.String(name + "-" + function), Name: aws.String(stack.AliasLive)})
		if err != nil {
			w.t.Fatal(err)
		}
		c := types.AliasConfiguration{FunctionVersion: out.FunctionVersion, RoutingConfig: out.RoutingConfig}
		all[function] = routingOf(c)
	}
	return all
}

// at checks where the aliases of the functions point that move.
func (w *world) at(name string, want stack.Routing) {
	w.t.Helper()
	is := w.routings(name)
	if !maps.Equal(is["create"], want) || !maps.Equal(is["list"], want) || !maps.Equal(is["smoke"], stack.RouteTo(1)) {
		w.t.Errorf("the aliases are %v, want %v", is, want)
	}
}

// last release of a stack, and how many there are.
func (w *world) last(name string) (release.Release, int) {
	w.t.Helper()
	all, err := w.target.ListReleases(w.t.Context(), name)
	if err != nil || len(all) == 0 {
		w.t.Fatalf("the releases are %v, %v", all, err)
	}
	return all[0], len(all)
}

func limit(f float64) *float64 { return &f }

// errDenied is what AWS answers whom it does not let read metrics.
var errDenied = &smithy.OperationError{ServiceID: "CloudWatch", OperationName: "GetMetricData", Err: &smithy.GenericAPIError{
	Code: "AccessDenied", Message: "User: arn:aws:iam::123456789012:user/u is not authorized to perform: cloudwatch:GetMetricData because no identity-based policy allows it",
}}
