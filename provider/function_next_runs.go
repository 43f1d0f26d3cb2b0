package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// mostRuns bounds what next_runs returns.
const mostRuns = 100

// nextRuns tells when a schedule fires.
//
// Terraform wants a function to give the same answer every time within a plan and
// its apply. So without a time to begin at, the answer depends on the clock as
// little as it can: the clock is read once per process, and rates count from the
// epoch, so that only the passing of a run changes it. With a time, it does not
// depend on the clock at all.
type nextRuns struct{ now time.Time }

// started is when this process began.
var started = time.Now()

func newNextRuns() function.Function { return nextRuns{started} }

func (nextRuns) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "next_runs"
}

func (nextRuns) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "When a schedule fires next",
		MarkdownDescription: "Returns the next times at which a schedule expression fires, as RFC 3339 strings in its time zone; fewer than asked for if it fires no more. " +
			"They come after the time `from`, if given, else after now. " +
			"A `rate` counts from `from`, else from 1970-01-01T00:00:00Z; a real schedule counts from when it was created.\n\n" +
			"Without `from` the result changes whenever a run passes. Where it goes into a resource, give `plantimestamp()` as `from`: an apply then sees what its plan saw.",
		Parameters: []function.Parameter{
			function.StringParameter{Name: "expression", MarkdownDescription: "`cron(...)` with six fields, `rate(...)` or `at(...)`, as in `tidegate_schedule`."},
			function.StringParameter{Name: "timezone", MarkdownDescription: "IANA time zone, such as `Europe/Berlin`."},
			function.Int64Parameter{Name: "count", MarkdownDescription: "How many times to return, 1 to 100."},
		},
		VariadicParameter: function.StringParameter{
			Name:                "from",
			MarkdownDescription: "At most one time to begin at (RFC 3339). Default: now.",
		},
		Return: function.ListReturn{ElementType: types.StringType},
	}
}

func (n nextRuns) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var expression, timezone string
	var count int64
	var from []string
	if resp.Error = req.Arguments.Get(ctx, &expression, &timezone, &count, &from); resp.Error != nil {
		return
	}
	timetable, err := stack.ParseSchedule(expression, timezone)
	switch {
	case err != nil:
		resp.Error = function.NewFuncError(err.Error())
		return
	case count < 1 || count > mostRuns:
		resp.Error = function.NewArgumentFuncError(2, "the count is 1 to 100")
		return
	case len(from) > 1:
		resp.Error = function.NewArgumentFuncError(4, "give one time to begin at, or none")
		return
	}
	after, origin := n.now, time.Unix(0, 0)
	if len(from) == 1 {
		if after, err = time.Parse(time.RFC3339, from[0]); err != nil {
			resp.Error = function.NewArgumentFuncError(3, "the time to begin at is not RFC 3339, such as 2026-01-31T12:00:00Z")
			return
		}
		origin = after
	}
	zone, err := time.LoadLocation(timezone)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(1, err.Error())
		return
	}
	resp.Error = resp.Result.Set(ctx, runs(timetable.CountingFrom(origin), after, zone, int(count)))
}

// runs lists the first firings after a time, as clocks in the zone show them.
func runs(timetable stack.Timetable, after time.Time, zone *time.Location, count int) []string {
	out := []string{}
	for len(out) < count {
		next, ok := timetable.Next(after)
		if !ok {
			break
		}
		out = append(out, next.In(zone).Format(time.RFC3339))
		after = next
	}
	return out
}
