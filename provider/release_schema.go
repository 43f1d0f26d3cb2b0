package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// releaseAttribute is the same in every kind of stack. Its names are those of
// stack.Release's JSON, but for `wait`.
func releaseAttribute() schema.SingleNestedAttribute {
	return defaultObject("How the aliases `live` of all the stack's functions move to new versions, together. "+
		"A new stack, and a function that is new in it, get theirs at once.", map[string]schema.Attribute{
		"strategy": defaultString(stack.AllAtOnce, "`all_at_once` moves all traffic in one step. `canary` gives the new versions a part of it for one interval, and then the rest. "+
			"`linear` gives them more with every interval. `blue_green` gives them everything at once and keeps the former versions ready for one interval, to take over again. "+
			"AWS SAM's names mean the same with their numbers, any numbers: `Canary10Percent5Minutes`, `Linear10PercentEvery1Minute`. Default: `all_at_once`."),
		"weight": optionalNumber("Percent of the traffic that the new versions get first (`canary`) or more with each step (`linear`), 1 to 99. Default: 10."),
		"interval": optionalDuration("Time between two steps, during which the gate is watched, `\"1s\"` to `\"24h\"`. " +
			"Default: `\"5m\"`, with `linear` `\"1m\"`."),
		"gate": optionalObject("What a step must meet before the next. The new versions (candidates) are compared with the former ones (stable) over the same minutes. "+
			"A limit that the stable version misses itself, and an alarm that was in alarm already, do not stop a release: it may be the fix. Default: time alone passes.", map[string]schema.Attribute{
			"max_error_rate":    optionalDecimal("Share of a candidate's invocations that may fail, 0 to 1; where the stable version fails more often, as many as there. Default: not looked at."),
			"max_p95_ratio":     optionalDecimal("How many times as long as the stable version a candidate may take, by the 95th percentile of the durations (without cold starts), such as 1.5. Needs 20 invocations of both. Default: not looked at."),
			"max_throttle_rate": optionalDecimal("Share of a candidate's invocations that may be turned away, 0 to 1. Default: not looked at."),
			"min_invocations":   defaultNumber(0, "Invocations of the candidates, all functions together, that a step waits for before it passes, or fails for what may be chance. Default: 0; a step in which nothing was invoked passes."),
			"timeout":           optionalDuration("When a step that waits for invocations fails, counted from its beginning; at least the interval, at most `\"24h\"`. Default: `\"1h\"`."),
			"alarms":            stringList(false, "Names of CloudWatch alarms. One that goes into alarm during the release fails it. At most 10. AWS only. Default: none."),
		}),
		"before": optionalString("Name of one of the stack's functions that is run once before any traffic moves: the new version of it, if it has one. " +
			"It gets the release's id and the versions, and if it fails, so does the release. Default: none."),
		"after": optionalString("As `before`, but run once all traffic has moved. Default: none."),
		"on_failure": defaultString(stack.Rollback, "What a missed gate, a failed function or an interrupted apply does: `rollback` returns every alias to where it was, "+
			"`hold` leaves the weights as they are until somebody resumes, promotes or aborts the release with `tidegate release`. Default: `rollback`."),
		"wait": defaultBool(true, "Whether an apply waits for the end of the release, and fails if it does. Without, it returns once the release has begun; "+
			"the open runtime goes on by itself, on AWS every further apply takes the steps that are due. Default: `true`."),
	})
}
