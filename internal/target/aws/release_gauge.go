package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A gauge sees what a gate compares: CloudWatch's metrics of the versions, and alarms.
type gauge struct {
	*session
	stack string
}

// maxQueries is how many metrics one GetMetricData takes, by CloudWatch's API.
const maxQueries = 500

// late tells whether the release's gate looks at metrics, which come late. Alarms alone
// do not.
func (g *gauge) late(r release.Release) bool {
	gate := r.Policy.Gate
	return gate != nil && (gate.MaxErrorRate != nil || gate.MaxP95Ratio != nil || gate.MaxThrottleRate != nil || gate.MinInvocations > 0)
}

// look returns what there is to see of the current step.
func (g *gauge) look(ctx context.Context, r release.Release, now time.Time) (release.Seen, error) {
	var seen release.Seen
	var err error
	if seen.Red, err = g.red(ctx, r.Policy.Gate); err != nil || !g.late(r) {
		return seen, err
	}
	seen.Functions, err = g.versions(ctx, r, now)
	return seen, err
}

// red are those of the gate's alarms that are in alarm.
func (g *gauge) red(ctx context.Context, gate *stack.Gate) ([]string, error) {
	if gate == nil || len(gate.Alarms) == 0 {
		return nil, nil
	}
	states, err := g.alarms(ctx, gate.Alarms)
	if err != nil {
		return nil, err
	}
	var red []string
	for _, name := range gate.Alarms {
		switch state, ok := states[name]; {
		case !ok:
			return nil, fmt.Errorf("the alarm %q of the release's gate is gone", name)
		case state == types.StateValueAlarm:
			red = append(red, name)
		}
	}
	return red, nil
}

// alarms are the states of those alarms that exist.
func (s *session) alarms(ctx context.Context, names []string) (map[string]types.StateValue, error) {
	states := map[string]types.StateValue{}
	pages := cloudwatch.NewDescribeAlarmsPaginator(s.cloudwatch, &cloudwatch.DescribeAlarmsInput{
		AlarmNames: names, AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("cannot read the alarms of the release's gate: %w", err)
		}
		for _, a := range page.MetricAlarms {
			states[aws.ToString(a.AlarmName)] = a.StateValue
		}
		for _, a := range page.CompositeAlarms {
			states[aws.ToString(a.AlarmName)] = a.StateValue
		}
	}
	return states, nil
}

// A side is a version of a function, over some minutes, and the metrics of it.
type side struct {
	// version is 0 where the alias's traffic is all its own.
	function string
	version  int
	from, to time.Time
}

// sidesOf are the candidate and the stable version of a function. A version that the
// alias sends everything to is seen by what is invoked through the alias; CloudWatch
// promises metrics for each version (ExecutedVersion) of weighted aliases alone:
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
func sidesOf(r release.Release, function string, now time.Time) (candidate, stable side) {
	move := r.Moves[function]
	from, to := r.Since.Truncate(time.Minute), now.Truncate(time.Minute).Add(time.Minute)
	candidate = side{function, move.Candidate, from, to}
	stable = side{function, move.From(), from, to}
	if r.Weight() < 100 {
		return candidate, stable
	}
	// The minute in which the traffic moved belongs to neither.
	if from.Before(r.Since) {
		from = from.Add(time.Minute)
	}
	candidate = side{function, 0, from, to}
	before := r.Began.Truncate(time.Minute)
	length := max(to.Sub(from), r.Policy.Interval.Std().Truncate(time.Minute), 5*time.Minute)
	stable.from, stable.to = before.Add(-length), before
	if len(move.Stable) == 1 {
		stable.version = 0
	}
	return candidate, stable
}

// metrics of a side, in the order in which counts are made of them.
var metrics = []struct{ name, statistic string }{{"Invocations", "Sum"}, {"Errors", "Sum"}, {"Throttles", "Sum"}, {"Duration", "p95"}}

// queries ask for a side's metrics, one value a minute. Prefix begins their ids.
func (g *gauge) queries(s side, prefix string) []types.MetricDataQuery {
	name := stack.FullName(g.stack, s.function)
	dimensions := []types.Dimension{
		{Name: aws.String("FunctionName"), Value: &name},
		{Name: aws.String("Resource"), Value: aws.String(name + ":" + stack.AliasLive)},
	}
	if s.version != 0 {
		dimensions = append(dimensions, types.Dimension{Name: aws.String("ExecutedVersion"), Value: aws.String(strconv.Itoa(s.version))})
	}
	var queries []types.MetricDataQuery
	for n, m := range metrics {
		queries = append(queries, types.MetricDataQuery{
			Id: aws.String(fmt.Sprintf("%s_%d", prefix, n)),
			MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: aws.String("AWS/Lambda"), MetricName: aws.String(m.name), Dimensions: dimensions},
				Period: aws.Int32(60), Stat: aws.String(m.statistic),
			},
		})
	}
	return queries
}

// versions are the counts of all functions that move.
func (g *gauge) versions(ctx context.Context, r release.Release, now time.Time) (map[string]release.Sides, error) {
	names := slices.Sorted(maps.Keys(r.Moves))
	// Sides over the same minutes are asked for together.
	type minutes struct{ from, to time.Time }
	asked := map[minutes][]types.MetricDataQuery{}
	for n, name := range names {
		candidate, stable := sidesOf(r, name, now)
		for prefix, s := range map[string]side{"c": candidate, "s": stable} {
			if s.from.Before(s.to) {
				m := minutes{s.from, s.to}
				asked[m] = append(asked[m], g.queries(s, prefix+strconv.Itoa(n))...)
			}
		}
	}
	values := map[string]map[time.Time]float64{}
	for m, queries := range asked {
		for chunk := range slices.Chunk(queries, maxQueries) {
			if err := g.ask(ctx, chunk, m.from, m.to, values); err != nil {
				return nil, err
			}
		}
	}
	sides := map[string]release.Sides{}
	for n, name := range names {
		sides[name] = release.Sides{Candidate: counted(values, "c"+strconv.Itoa(n)), Stable: counted(values, "s"+strconv.Itoa(n))}
	}
	return sides, nil
}

// ask adds the values of queries, by the minute.
func (g *gauge) ask(ctx context.Context, queries []types.MetricDataQuery, from, to time.Time, values map[string]map[time.Time]float64) error {
	pages := cloudwatch.NewGetMetricDataPaginator(g.cloudwatch, &cloudwatch.GetMetricDataInput{MetricDataQueries: queries, StartTime: &from, EndTime: &to})
	// lacking are those whose values are not all there; further pages may have the rest.
	lacking := map[string]types.StatusCode{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("cannot read the metrics of stack %q: %w", g.stack, err)
		}
		for _, result := range page.MetricDataResults {
			id := aws.ToString(result.Id)
			if values[id] == nil {
				values[id] = map[time.Time]float64{}
			}
			delete(lacking, id)
			if result.StatusCode != "" && result.StatusCode != types.StatusCodeComplete {
				lacking[id] = result.StatusCode
			}
			for n := range min(len(result.Timestamps), len(result.Values)) {
				values[id][result.Timestamps[n].UTC()] = result.Values[n]
			}
		}
	}
	for _, why := range lacking { // Without values, everything would look well.
		return fmt.Errorf("cannot read the metrics of stack %q: CloudWatch has them not all (%s)", g.stack, why)
	}
	return nil
}

// counted adds up the minutes of one side. Of the 95th percentiles it is the mean,
// weighted by invocations: percentiles of several minutes cannot be joined exactly.
func counted(values map[string]map[time.Time]float64, prefix string) release.Counts {
	sum := func(n int) int {
		total := 0.0
		for _, value := range values[fmt.Sprintf("%s_%d", prefix, n)] {
			total += value
		}
		return int(total)
	}
	// A function that fails before its code runs may count as an error alone.
	c := release.Counts{Invocations: max(sum(0), sum(1)), Errors: sum(1), Throttles: sum(2)}
	weighted, weight := 0.0, 0.0
	for minute, milliseconds := range values[prefix+"_3"] {
		invocations := values[prefix+"_0"][minute]
		weighted, weight = weighted+milliseconds*invocations, weight+invocations
	}
	if weight > 0 {
		c.P95 = time.Duration(weighted / weight * float64(time.Millisecond))
	}
	return c
}
