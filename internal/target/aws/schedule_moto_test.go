package aws

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// all parts of schedules, in an order in which they can be made.
func (p *scheduleParts) all() []component {
	parts := []component{p.group, p.role, p.policy}
	for _, each := range p.schedules {
		parts = append(parts, each)
	}
	return parts
}

// observeSchedules reads the parts of the stack's schedules.
func (m *emulatorAccount) observeSchedules(t *testing.T, hint stack.Stack) *inventory {
	t.Helper()
	sh := shapeOf(hint)
	sh.kind = stack.KindSchedule // As the marker says.
	names, err := m.session.listSchedules(t.Context(), hint.Name)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		sh.schedules[name] = true
	}
	i := newInventory(m.session, sh)
	for _, c := range i.schedules.all() {
		if _, ok := c.(*schedule); ok && !i.schedules.group.exists() {
			continue
		}
		if err := c.read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

// applySchedules makes the schedules what the stack says, as deploy does.
func applySchedules(t *testing.T, i *inventory, s stack.Stack) {
	t.Helper()
	i.want(s)
	for _, c := range i.schedules.all() {
		if c.wanted() {
			if err := c.apply(t.Context()); err != nil {
				t.Fatalf("cannot make the %s: %v", c.subject(), err)
			}
		}
	}
	removeSchedules(t, i, func(c component) bool { return !c.wanted() })
}

func removeSchedules(t *testing.T, i *inventory, unwanted func(component) bool) {
	t.Helper()
	var last []component
	remove := func(c component) {
		if unwanted(c) && c.exists() && !c.foreign() {
			if err := c.remove(t.Context()); err != nil {
				t.Fatalf("cannot remove the %s: %v", c.subject(), err)
			}
		}
	}
	for _, c := range i.schedules.schedules {
		remove(c)
	}
	for _, c := range append(last, i.schedules.policy, i.schedules.role, i.schedules.group) {
		remove(c)
	}
}

// expectSchedules compares what an inventory shows, laid over prior, with a stack and
// the states of those parts that are not ready.
func expectSchedules(t *testing.T, i *inventory, prior, want stack.Stack, states map[string]string) {
	t.Helper()
	d := i.describe(prior)
	sameTime := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
	if diff := cmp.Diff(want.Trigger.Schedule, d.Stack.Trigger.Schedule, sameTime); diff != "" {
		t.Errorf("the schedules are not as they should be (-want +got):\n%s", diff)
	}
	got := map[string]string{}
	for _, c := range i.schedules.all() {
		if is, ok := d.Components[c.name()]; ok && is != stack.Ready {
			got[c.name()] = is
		}
	}
	if states == nil {
		states = map[string]string{}
	}
	if diff := cmp.Diff(states, got); diff != "" {
		t.Errorf("the components are not as they should be (-want +got):\n%s", diff)
	}
}

// withSchedules is a stack with other schedules.
func withSchedules(s stack.Stack, items map[string]stack.ScheduleItem) stack.Stack {
	s.Trigger = stack.Trigger{Schedule: &stack.Schedule{Schedules: items}}
	return s
}

func TestSchedulesAreMadeReadChangedAndRemoved(t *testing.T) {
	onEmulators(t, schedulesAreMadeReadChangedAndRemoved)
}

func schedulesAreMadeReadChangedAndRemoved(t *testing.T, m *emulatorAccount) {
	s := reportsStack()
	i := m.observeSchedules(t, s)
	expectSchedules(t, i, s, s, map[string]string{
		"schedule_group": "missing", "schedule_role": "missing", "schedule_policy": "missing", "schedules/nightly": "missing", "schedules/often": "missing",
	})
	applySchedules(t, i, s)
	expectSchedules(t, i, s, s, nil)
	expectSchedules(t, m.observeSchedules(t, s), s, s, nil)
	// What an import knows is the name alone, and the functions it finds.
	imported := stack.Stack{Name: s.Name, Functions: s.Functions, Tags: s.Tags}
	expectSchedules(t, m.observeSchedules(t, imported), imported, withSchedules(s, jsonencoded(s)), nil)

	items := s.Trigger.Schedule.Schedules
	often := items["often"]
	often.Expression, often.Input, often.Function = "rate(1 hour)", `{"kind":"hourly"}`, "clean"
	other := withSchedules(s, map[string]stack.ScheduleItem{"often": often})
	i = m.observeSchedules(t, s)
	applySchedules(t, i, other)
	i = m.observeSchedules(t, other)
	expectSchedules(t, i, other, other, nil)

	removeSchedules(t, i, func(component) bool { return true })
	m.expectNoSchedules(t)
}

// jsonencoded are the stack's schedules with inputs as jsonencode writes them.
func jsonencoded(s stack.Stack) map[string]stack.ScheduleItem {
	items := map[string]stack.ScheduleItem{}
	for name, item := range s.Trigger.Schedule.Schedules {
		item.Input = writtenInput(schedulerInput(item.Input))
		items[name] = item
	}
	return items
}

func (m *emulatorAccount) expectNoSchedules(t *testing.T) {
	t.Helper()
	groups, err := m.scheduler.ListScheduleGroups(t.Context(), &scheduler.ListScheduleGroupsInput{})
	if err != nil || len(groups.ScheduleGroups) != 1 { // The default group.
		t.Errorf("schedule groups are left: %v, error %v", groups.ScheduleGroups, err)
	}
	schedules, err := m.scheduler.ListSchedules(t.Context(), &scheduler.ListSchedulesInput{})
	if err != nil || len(schedules.Schedules) > 0 {
		t.Errorf("schedules are left: %v, error %v", schedules.Schedules, err)
	}
	roles, err := m.iam.ListRoles(t.Context(), &iam.ListRolesInput{})
	if err != nil || len(roles.Roles) > 0 {
		t.Errorf("roles are left: %v, error %v", roles.Roles, err)
	}
}

func TestWhatAHandDoesToSchedulesIsSeenAndRepaired(t *testing.T) {
	m := startMoto(t)
	s := reportsStack()
	applySchedules(t, m.observeSchedules(t, s), s)
	items := func() map[string]stack.ScheduleItem {
		return withSchedules(s, jsonencoded(s)).Trigger.Schedule.Schedules
	}
	// update changes the schedule "often" as a hand would.
	update := func(edit func(*scheduler.UpdateScheduleInput)) func() error {
		return func() error {
			is, err := m.scheduler.GetSchedule(t.Context(), &scheduler.GetScheduleInput{GroupName: aws.String("reports"), Name: aws.String("often")})
			if err != nil {
				return err
			}
			input := &scheduler.UpdateScheduleInput{
				GroupName: is.GroupName, Name: is.Name, Target: is.Target, State: is.State, FlexibleTimeWindow: is.FlexibleTimeWindow,
				ScheduleExpression: is.ScheduleExpression, ScheduleExpressionTimezone: is.ScheduleExpressionTimezone,
			}
			edit(input)
			_, err = m.scheduler.UpdateSchedule(t.Context(), input)
			return err
		}
	}
	for _, c := range []struct {
		name   string
		change func() error
		// shows edits the schedule "often" as it is then shown.
		shows  func(*stack.ScheduleItem)
		states map[string]string
	}{
		{
			"disabled", update(func(in *scheduler.UpdateScheduleInput) { in.State = types.ScheduleStateDisabled }),
			func(i *stack.ScheduleItem) { i.Enabled = false }, nil,
		},
		{
			"another expression", update(func(in *scheduler.UpdateScheduleInput) { in.ScheduleExpression = aws.String("rate(9 minutes)") }),
			func(i *stack.ScheduleItem) { i.Expression = "rate(9 minutes)" }, nil,
		},
		{
			"another zone", update(func(in *scheduler.UpdateScheduleInput) { in.ScheduleExpressionTimezone = aws.String("Asia/Tokyo") }),
			func(i *stack.ScheduleItem) { i.Timezone = "Asia/Tokyo" }, nil,
		},
		{
			"an input", update(func(in *scheduler.UpdateScheduleInput) { in.Target.Input = aws.String(`{"x":1}`) }),
			func(i *stack.ScheduleItem) { i.Input = `{"x":1}` }, nil,
		},
		{"a window", update(func(in *scheduler.UpdateScheduleInput) {
			in.FlexibleTimeWindow = &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: aws.Int32(3)}
		}), func(i *stack.ScheduleItem) { i.FlexibleWindow = seconds(180) }, nil},
		{
			"fewer retries", update(func(in *scheduler.UpdateScheduleInput) { in.Target.RetryPolicy.MaximumRetryAttempts = aws.Int32(1) }),
			func(i *stack.ScheduleItem) { i.Retry.Attempts = 1 }, nil,
		},
		{
			"a dead letter queue", update(func(in *scheduler.UpdateScheduleInput) {
				in.Target.DeadLetterConfig = &types.DeadLetterConfig{Arn: aws.String("arn:aws:sqs:us-east-1:123456789012:other")}
			}), func(i *stack.ScheduleItem) { i.DeadLetter = "arn:aws:sqs:us-east-1:123456789012:other" },
			map[string]string{"schedule_policy": "its statement DeadLetters differs"},
		},
		{"a version", update(func(in *scheduler.UpdateScheduleInput) {
			in.Target.Arn = aws.String("arn:aws:lambda:us-east-1:123456789012:function:reports-report:3")
		}), nil, map[string]string{"schedules/often": "invokes arn:aws:lambda:us-east-1:123456789012:function:reports-report:3 " +
			"instead of arn:aws:lambda:us-east-1:123456789012:function:reports-report:live"}},
		{
			"a description", update(func(in *scheduler.UpdateScheduleInput) { in.Description = aws.String("mine") }),
			nil,
			map[string]string{"schedules/often": `has the description "mine"`},
		},
		{"deleted", func() error {
			_, err := m.scheduler.DeleteSchedule(t.Context(), &scheduler.DeleteScheduleInput{GroupName: aws.String("reports"), Name: aws.String("often")})
			return err
		}, nil, map[string]string{"schedules/often": "missing"}},
		{"group deleted", func() error {
			_, err := m.scheduler.DeleteScheduleGroup(t.Context(), &scheduler.DeleteScheduleGroupInput{Name: aws.String("reports")})
			return err
		}, nil, map[string]string{"schedules/often": "missing", "schedules/nightly": "missing", "schedule_group": "missing"}},
		{"a tag", func() error {
			_, err := m.scheduler.TagResource(t.Context(), &scheduler.TagResourceInput{
				ResourceArn: aws.String("arn:aws:scheduler:us-east-1:123456789012:schedule-group/reports"), Tags: scheduleTags(map[string]string{"team": "ops"}),
			})
			return err
		}, nil, map[string]string{"schedule_group": "its tag team differs"}},
		{"its role's trust", func() error {
			_, err := m.iam.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{
				RoleName: aws.String(m.session.roleName("reports", scheduleRoleOf)), PolicyDocument: aws.String(trust(schedulerService, nil).String()),
			})
			return err
		}, nil, map[string]string{"schedule_role": "its trust policy was changed: its statement differs"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.change(); err != nil {
				t.Fatal(err)
			}
			shown := items()
			if c.shows != nil {
				often := shown["often"]
				c.shows(&often)
				shown["often"] = often
			}
			i := m.observeSchedules(t, s)
			expectSchedules(t, i, s, withSchedules(s, shown), c.states)
			applySchedules(t, i, s)
			expectSchedules(t, i, s, s, nil)
			expectSchedules(t, m.observeSchedules(t, s), s, s, nil)
		})
	}
}

func TestScheduleOfNobodysIsPartOfItsGroup(t *testing.T) {
	m := startMoto(t)
	s := reportsStack()
	applySchedules(t, m.observeSchedules(t, s), s)
	_, err := m.scheduler.CreateSchedule(t.Context(), &scheduler.CreateScheduleInput{
		GroupName: aws.String("reports"), Name: aws.String("extra"), ScheduleExpression: aws.String("rate(1 day)"),
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		Target:             &types.Target{Arn: aws.String("arn:aws:lambda:us-east-1:123456789012:function:other"), RoleArn: aws.String("arn:aws:iam::123456789012:role/other")},
	})
	if err != nil {
		t.Fatal(err)
	}
	i := m.observeSchedules(t, s)
	if _, ok := i.describe(s).Stack.Trigger.Schedule.Schedules["extra"]; !ok {
		t.Error("the schedule is not shown")
	}
	applySchedules(t, i, s)
	expectSchedules(t, m.observeSchedules(t, s), s, s, nil)
}

func TestScheduleGroupOfSomebodyElseIsLeftAlone(t *testing.T) {
	m := startMoto(t)
	if _, err := m.scheduler.CreateScheduleGroup(t.Context(), &scheduler.CreateScheduleGroupInput{Name: aws.String("reports")}); err != nil {
		t.Fatal(err)
	}
	s := reportsStack()
	i := m.observeSchedules(t, s)
	i.want(s)
	if g := i.schedules.group; !g.exists() || !g.foreign() {
		t.Errorf("the group exists: %v, is somebody else's: %v", g.exists(), g.foreign())
	}
	if err := i.taken(); err == nil {
		t.Error("the name is not said to be taken")
	}
}
