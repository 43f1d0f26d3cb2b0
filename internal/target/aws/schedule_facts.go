package aws

import (
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

// scheduleFacts are what there is to know of a schedule. Two that are equal are the same
// to EventBridge Scheduler.
type scheduleFacts struct {
	expression, timezone string
	// input as Scheduler takes it; empty means that it sends a "Scheduled Event" record.
	input string
	// window in minutes; 0 is off.
	window int32
	// start and end in seconds since 1970; 0 is none.
	start, end int64
	attempts   int32
	// maxAge in seconds.
	maxAge     int32
	deadLetter string
	enabled    bool

	// target is the ARN of the function's alias, role that of the role it is invoked as.
	target, role string
	// What the model has no words for, and what is therefore never wanted.
	kmsKey, description string
	deletesItself       bool
}

func scheduleFactsOf(out *scheduler.GetScheduleOutput) *scheduleFacts {
	f := &scheduleFacts{
		expression: aws.ToString(out.ScheduleExpression), timezone: aws.ToString(out.ScheduleExpressionTimezone),
		start: inUnix(out.StartDate), end: inUnix(out.EndDate),
		attempts: 185, maxAge: 86400, // Scheduler's defaults.
		enabled:       out.State != types.ScheduleStateDisabled,
		kmsKey:        aws.ToString(out.KmsKeyArn),
		description:   aws.ToString(out.Description),
		deletesItself: out.ActionAfterCompletion == types.ActionAfterCompletionDelete,
	}
	if noted, ok := notedStart(f.description); ok && f.start == 0 {
		f.start, f.description = noted, ""
	}
	if w := out.FlexibleTimeWindow; w != nil && w.Mode == types.FlexibleTimeWindowModeFlexible {
		f.window = aws.ToInt32(w.MaximumWindowInMinutes)
	}
	if f.timezone == "" {
		f.timezone = "UTC"
	}
	t := out.Target
	if t == nil {
		return f
	}
	f.target, f.role, f.input = aws.ToString(t.Arn), aws.ToString(t.RoleArn), aws.ToString(t.Input)
	if t.DeadLetterConfig != nil {
		f.deadLetter = aws.ToString(t.DeadLetterConfig.Arn)
	}
	if r := t.RetryPolicy; r != nil {
		if r.MaximumRetryAttempts != nil {
			f.attempts = *r.MaximumRetryAttempts
		}
		if r.MaximumEventAgeInSeconds != nil {
			f.maxAge = *r.MaximumEventAgeInSeconds
		}
	}
	return f
}

func (f *scheduleFacts) targetInput() *types.Target {
	t := &types.Target{
		Arn: aws.String(f.target), RoleArn: aws.String(f.role),
		RetryPolicy: &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(f.attempts), MaximumEventAgeInSeconds: aws.Int32(f.maxAge)},
	}
	if f.input != "" {
		t.Input = aws.String(f.input)
	}
	if f.deadLetter != "" {
		t.DeadLetterConfig = &types.DeadLetterConfig{Arn: aws.String(f.deadLetter)}
	}
	return t
}

func (f *scheduleFacts) flexibleWindow() *types.FlexibleTimeWindow {
	if f.window == 0 {
		return &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff}
	}
	return &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: aws.Int32(f.window)}
}

func (f *scheduleFacts) state() types.ScheduleState {
	if f.enabled {
		return types.ScheduleStateEnabled
	}
	return types.ScheduleStateDisabled
}

// inUnix is 0 for no time. Scheduler knows no fractions of a second.
func inUnix(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.Unix()
}

// endInUnix is 0 also for an end after the last year of a cron expression: such a
// schedule never ends, and the SDK cannot read times after 2262.
func endInUnix(t *time.Time) int64 {
	if t != nil && t.Year() >= 2200 {
		return 0
	}
	return inUnix(t)
}

func unixTime(seconds int64) *time.Time {
	if seconds == 0 {
		return nil
	}
	t := time.Unix(seconds, 0).UTC()
	return &t
}

// shownTime is prior if it is the same to Scheduler, by inUnix or endInUnix.
func shownTime(prior *time.Time, have int64, unix func(*time.Time) int64) *time.Time {
	if unix(prior) == have {
		return prior
	}
	return unixTime(have)
}

// Scheduler replaces <aws.scheduler.scheduled-time> and the like in an input, but not as
// Terraform's jsonencode writes them, with the brackets escaped. In JSON both mean the
// same: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
var (
	// An escaped backslash goes first: what follows it is no escape.
	escapedAttribute = regexp.MustCompile(`\\\\|\\u003[cC]aws\.scheduler\.(?:` + contextAttributes + `)\\u003[eE]`)
	plainAttribute   = regexp.MustCompile(`<(aws\.scheduler\.(?:` + contextAttributes + `))>`)
)

const contextAttributes = `schedule-arn|scheduled-time|execution-id|attempt-number`

// schedulerInput is an input as Scheduler takes it.
func schedulerInput(written string) string {
	return escapedAttribute.ReplaceAllStringFunc(written, func(found string) string {
		if found == `\\` {
			return found
		}
		const bracket = len(`\u003c`)
		return "<" + found[bracket:len(found)-bracket] + ">"
	})
}

// writtenInput is an input as jsonencode writes it.
func writtenInput(input string) string {
	return plainAttribute.ReplaceAllString(input, `\u003c${1}\u003e`)
}
