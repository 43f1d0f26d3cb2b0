package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// schedule invokes functions at set times.
var schedule = &kind{
	kind:       stack.KindSchedule,
	doc:        "Schedules together with the functions they invoke, as EventBridge Scheduler's.",
	attributes: scheduleAttributes,
}

func scheduleAttributes() map[string]schema.Attribute {
	item := stack.NewScheduleItem()
	return map[string]schema.Attribute{
		"schedules": objectMap("Schedules by name (as functions' names).", map[string]schema.Attribute{
			"function":        requiredString("Name of one of the stack's functions."),
			"expression":      requiredString("`cron(minutes hours day-of-month month day-of-week year)`, `rate(5 minutes)` (or hours, days), or `at(2026-01-31T12:00:00)`. The function `provider::tidegate::next_runs` shows what it means."),
			"timezone":        defaultString(item.Timezone, "IANA time zone of the expression, such as `Europe/Berlin`; daylight saving is followed. Default: `UTC`."),
			"input":           optionalJSON("The event, as JSON. Default: a \"Scheduled Event\" record with the time."),
			"flexible_window": defaultDuration(item.FlexibleWindow, "Spreads the firing over this long after its time, whole minutes, `\"1m\"` to `\"24h\"`; `\"0s\"` is off. Default: `\"0s\"`."),
			"start":           optionalTime("No firing before this time (RFC 3339, such as `2026-01-31T12:00:00Z`). Default: no bound."),
			"end":             optionalTime("No firing after this time (RFC 3339). Default: no bound."),
			"retry": defaultObject("What to do when the function cannot be invoked.", map[string]schema.Attribute{
				"attempts": defaultNumber(item.Retry.Attempts, "Attempts after the first, 0 to 185. Default: 185."),
				"max_age":  defaultDuration(item.Retry.MaxAge, "When a firing is given up, `\"60s\"` to `\"24h\"`. Default: `\"24h\"`."),
			}),
			"dead_letter": optionalString("ARN of a queue for firings given up. Default: none."),
			"enabled":     defaultBool(item.Enabled, "Whether it fires. Default: `true`."),
		}),
	}
}
