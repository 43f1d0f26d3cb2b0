package aws

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A schedule is one of EventBridge Scheduler's, in the stack's group.
type schedule struct {
	i      *inventory
	called string
	role   *role
	have   *scheduleFacts
	wish   *scheduleFacts
}

func (s *schedule) name() string    { return stack.ScheduleComponent(s.called) }
func (s *schedule) subject() string { return fmt.Sprintf("schedule %q", s.i.name+"/"+s.called) }
func (s *schedule) exists() bool    { return s.have != nil }
func (s *schedule) foreign() bool   { return false } // It is in the stack's group.
func (s *schedule) wanted() bool    { return s.wish != nil }

func (s *schedule) read(ctx context.Context) error {
	have, err := s.look(ctx)
	s.have = have
	return about(s, "read", err)
}

// look returns nil if there is no such schedule.
func (s *schedule) look(ctx context.Context) (*scheduleFacts, error) {
	out, err := s.i.scheduler.GetSchedule(ctx, &scheduler.GetScheduleInput{GroupName: aws.String(s.i.name), Name: aws.String(s.called)})
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return scheduleFactsOf(out), nil
}

// show keeps the spelling of prior where it means the same.
func (s *schedule) show(d *stack.Deployment) {
	editSchedules(d, func(items map[string]stack.ScheduleItem) {
		item, ok := items[s.called]
		if !ok {
			item = stack.NewScheduleItem()
		}
		h := s.have
		if function, _ := s.i.ownFunction(h.target); function != "" {
			item.Function = function
		}
		item.Expression, item.Timezone, item.Enabled = h.expression, h.timezone, h.enabled
		if schedulerInput(item.Input) != h.input {
			item.Input = writtenInput(h.input)
		}
		item.FlexibleWindow = stack.Duration(h.window) * stack.Duration(time.Minute)
		item.Start, item.End = shownTime(item.Start, h.start, inUnix), shownTime(item.End, h.end, endInUnix)
		item.Retry = stack.ScheduleRetry{Attempts: int(h.attempts), MaxAge: seconds(int(h.maxAge))}
		item.DeadLetter = h.deadLetter
		items[s.called] = item
	})
}

// editSchedules changes the trigger of a deployment's stack.
func editSchedules(d *stack.Deployment, edit func(map[string]stack.ScheduleItem)) {
	var items map[string]stack.ScheduleItem
	switch d.Stack.Trigger.Kind() {
	case stack.KindNone:
	case stack.KindSchedule:
		items = maps.Clone(d.Stack.Trigger.Schedule.Schedules) // These are the caller's.
	default:
		return
	}
	if items == nil {
		items = map[string]stack.ScheduleItem{}
	}
	edit(items)
	d.Stack.Trigger.Schedule = &stack.Schedule{Schedules: items}
}

func (s *schedule) want(of stack.Stack) {
	s.wish = nil
	if of.Trigger.Schedule == nil {
		return
	}
	item, ok := of.Trigger.Schedule.Schedules[s.called]
	if !ok {
		return
	}
	s.wish = &scheduleFacts{
		expression: item.Expression, timezone: item.Timezone,
		input: schedulerInput(item.Input), window: int32(item.FlexibleWindow.Std() / time.Minute),
		start: inUnix(item.Start), end: endInUnix(item.End),
		attempts: int32(item.Retry.Attempts), maxAge: int32(item.Retry.MaxAge.Std() / time.Second),
		deadLetter: item.DeadLetter, enabled: item.Enabled,
		target: s.i.functionARN(stack.FullName(s.i.name, item.Function), stack.AliasLive), role: s.role.arn(),
	}
}

func (s *schedule) drift() string {
	var r remarks
	have, wish := s.have, s.wish
	if function, _ := s.i.ownFunction(have.target); function == "" {
		r.addIf(true, "invokes %s, which is no function of the stack's", have.target)
	} else {
		r.addIf(have.target != wish.target, "invokes %s instead of %s", have.target, wish.target)
	}
	r.addIf(have.role != wish.role, "has the role %s", have.role)
	r.addIf(have.kmsKey != "", "is encrypted with the key %s", have.kmsKey)
	r.addIf(have.description != "", "has the description %q", have.description)
	r.addIf(have.deletesItself, "deletes itself after its last firing")
	return r.String()
}

// apply sends the whole schedule, for an update takes what it is not told as not set.
func (s *schedule) apply(ctx context.Context) error {
	if s.exists() && *s.have == *s.wish {
		return nil
	}
	err := s.i.pace.retry(ctx, scheduleErrorPasses, func(ctx context.Context) error {
		if s.exists() {
			err := s.update(ctx)
			if missing(err) { // It was deleted since it was read.
				s.have = nil
			}
			return err
		}
		err := s.create(ctx)
		if !conflict(err) {
			return err
		}
		have, lookErr := s.look(ctx)
		if lookErr != nil {
			return lookErr
		}
		s.have = have // It was made since it was read, and is updated next.
		return err
	})
	if cannotAssume(err) {
		return fmt.Errorf("EventBridge Scheduler cannot assume the role %q; its trust policy allows it, so look for a policy of the organization "+
			"that does not: %w", s.role.roleName, err)
	}
	if err != nil {
		return err
	}
	have := *s.wish
	s.have = &have
	return nil
}

func (s *schedule) create(ctx context.Context) error {
	w := s.wish
	start, description := w.startDate(time.Now())
	_, err := s.i.scheduler.CreateSchedule(ctx, &scheduler.CreateScheduleInput{
		GroupName: aws.String(s.i.name), Name: aws.String(s.called), Target: w.targetInput(), State: w.state(),
		ScheduleExpression: aws.String(w.expression), ScheduleExpressionTimezone: aws.String(w.timezone),
		FlexibleTimeWindow: w.flexibleWindow(), StartDate: start, EndDate: unixTime(w.end), Description: description,
		ActionAfterCompletion: types.ActionAfterCompletionNone,
	})
	return err
}

func (s *schedule) update(ctx context.Context) error {
	w := s.wish
	start, description := w.startDate(time.Now())
	_, err := s.i.scheduler.UpdateSchedule(ctx, &scheduler.UpdateScheduleInput{
		GroupName: aws.String(s.i.name), Name: aws.String(s.called), Target: w.targetInput(), State: w.state(),
		ScheduleExpression: aws.String(w.expression), ScheduleExpressionTimezone: aws.String(w.timezone),
		FlexibleTimeWindow: w.flexibleWindow(), StartDate: start, EndDate: unixTime(w.end), Description: description,
		ActionAfterCompletion: types.ActionAfterCompletionNone,
	})
	return err
}

func (s *schedule) remove(ctx context.Context) error {
	err := s.i.pace.retry(ctx, conflict, func(ctx context.Context) error {
		_, err := s.i.scheduler.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{GroupName: aws.String(s.i.name), Name: aws.String(s.called)})
		return err
	})
	if err != nil && !missing(err) {
		return err
	}
	s.have = nil
	return nil
}

// scheduleErrorPasses tells whether Scheduler refuses for now only: because it does not
// know yet of the role or of the group, or because somebody was faster.
func scheduleErrorPasses(err error) bool { return cannotAssume(err) || conflict(err) || missing(err) }

func conflict(err error) bool { return hasCode(err, "ConflictException") }

func cannotAssume(err error) bool {
	return says(err, "ValidationException", "execution role", "assume")
}

// startNote begins the description of a schedule whose start has passed.
const startNote = "start="

// startDate is what to send as a schedule's start, and as its description. Scheduler
// takes no start that is more than five minutes ago, not even unchanged in an update; so
// it is then left out, which means the same, and noted in the description.
func (f *scheduleFacts) startDate(now time.Time) (start *time.Time, description *string) {
	const allowed = 4 * time.Minute // A minute is for the way there.
	start = unixTime(f.start)
	if start == nil || now.Sub(*start) < allowed {
		return start, nil
	}
	return nil, aws.String(startNote + start.Format(time.RFC3339))
}

// notedStart reads what startDate wrote; ok is false for any other description.
func notedStart(description string) (start int64, ok bool) {
	text, ok := strings.CutPrefix(description, startNote)
	if !ok {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.Unix(), err == nil
}
