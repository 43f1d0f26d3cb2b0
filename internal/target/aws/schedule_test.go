package aws

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestInputsAttributesAreUnescapedAndNothingElse(t *testing.T) {
	for _, c := range []struct{ written, sent string }{
		{``, ``},
		{`{"at":"\u003caws.scheduler.scheduled-time\u003e"}`, `{"at":"<aws.scheduler.scheduled-time>"}`},
		{`{"at":"\u003Caws.scheduler.execution-id\u003E"}`, `{"at":"<aws.scheduler.execution-id>"}`},
		{`{"at":"<aws.scheduler.attempt-number>"}`, `{"at":"<aws.scheduler.attempt-number>"}`},
		{`{"html":"\u003cb\u003e"}`, `{"html":"\u003cb\u003e"}`},
		{`{"at":"\u003caws.scheduler.nothing\u003e"}`, `{"at":"\u003caws.scheduler.nothing\u003e"}`},
		// A backslash and the letters u003c, which are no bracket.
		{`{"at":"\\u003caws.scheduler.scheduled-time\\u003e"}`, `{"at":"\\u003caws.scheduler.scheduled-time\\u003e"}`},
		{`{"at":"\\\u003caws.scheduler.schedule-arn\u003e"}`, `{"at":"\\<aws.scheduler.schedule-arn>"}`},
	} {
		if got := schedulerInput(c.written); got != c.sent {
			t.Errorf("%s is sent as %s, want %s", c.written, got, c.sent)
		}
		if got := schedulerInput(writtenInput(c.sent)); got != c.sent {
			t.Errorf("%s is written as %s, which is sent as %s", c.sent, writtenInput(c.sent), got)
		}
	}
}

func FuzzScheduleInputsMeanWhatTheyMeant(f *testing.F) {
	f.Add(`{"at":"\u003caws.scheduler.scheduled-time\u003e"}`)
	f.Add(`"\\\\u003caws.scheduler.scheduled-time\u003e"`)
	f.Fuzz(func(t *testing.T, written string) {
		var before, after any
		if json.Unmarshal([]byte(written), &before) != nil {
			return
		}
		if err := json.Unmarshal([]byte(schedulerInput(written)), &after); err != nil {
			t.Fatalf("%s is sent as %s, which is not JSON", written, schedulerInput(written))
		}
		if a, b := encoded(before), encoded(after); a != b {
			t.Errorf("%s is sent as %s, which means something else", written, schedulerInput(written))
		}
	})
}

func TestStartThatHasPassedIsNotedInstead(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		start time.Time
		noted bool
	}{
		{now.Add(time.Hour), false},
		{now.Add(-3 * time.Minute), false},
		{now.Add(-5 * time.Minute), true},
		{now.Add(-time.Hour * 24 * 365), true},
	} {
		f := &scheduleFacts{start: c.start.Unix()}
		start, description := f.startDate(now)
		if (start == nil) != c.noted || (description != nil) != c.noted {
			t.Errorf("a start at %s is sent as start %v and description %v", c.start, start, description)
		}
		read := scheduleFactsOf(&scheduler.GetScheduleOutput{StartDate: start, Description: description})
		if read.start != f.start || read.description != "" {
			t.Errorf("a start at %s is read back as %d and description %q", c.start, read.start, read.description)
		}
	}
	if start, description := (&scheduleFacts{}).startDate(now); start != nil || description != nil {
		t.Errorf("no start is sent as start %v and description %v", start, description)
	}
	for _, text := range []string{"start=", "start=tomorrow", "nightly", "Start=2026-01-01T00:00:00Z"} {
		if f := scheduleFactsOf(&scheduler.GetScheduleOutput{Description: aws.String(text)}); f.start != 0 || f.description != text {
			t.Errorf("the description %q is read as start %d and description %q", text, f.start, f.description)
		}
	}
}

func TestEndThatNobodyLivesToSeeIsNone(t *testing.T) {
	for _, c := range []struct {
		prior, want time.Time
		have        int64
	}{
		{prior: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), want: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)},
		{prior: time.Date(2099, 1, 1, 0, 0, 0, 5, time.UTC), have: 4070908800, want: time.Date(2099, 1, 1, 0, 0, 0, 5, time.UTC)},
		{prior: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), have: 4070908800, want: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if got := shownTime(&c.prior, c.have, endInUnix); got == nil || !got.Equal(c.want) {
			t.Errorf("%s, which is %d to Scheduler, is shown as %v, want %s", c.prior, c.have, got, c.want)
		}
	}
	if got := shownTime(nil, 0, endInUnix); got != nil {
		t.Errorf("no end is shown as %s", got)
	}
	if end := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC); shownTime(&end, 0, endInUnix) != nil {
		t.Error("an end that was taken away is still shown")
	}
}

// reportsStack has schedules with everything and with nothing.
func reportsStack() stack.Stack {
	start, end := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2099, 12, 31, 23, 59, 59, 0, time.FixedZone("", 3600))
	plain, full := stack.NewScheduleItem(), stack.NewScheduleItem()
	plain.Function, plain.Expression = "report", "rate(5 minutes)"
	full.Function, full.Expression, full.Timezone = "clean", "cron(0 2 * * ? *)", "Europe/Berlin"
	full.Input = `{"at": "\u003caws.scheduler.scheduled-time\u003e"}`
	full.FlexibleWindow, full.Start, full.End = seconds(600), &start, &end
	full.Retry = stack.ScheduleRetry{Attempts: 0, MaxAge: seconds(3600)}
	full.DeadLetter, full.Enabled = "arn:aws:sqs:us-east-1:123456789012:dead", false
	return stack.Stack{
		Name: "reports", Tags: map[string]string{"team": "shop", "empty": ""},
		Trigger:   stack.Trigger{Schedule: &stack.Schedule{Schedules: map[string]stack.ScheduleItem{"nightly": full, "often": plain}}},
		Functions: map[string]stack.Function{"report": stack.NewFunction(), "clean": stack.NewFunction()},
	}
}

// scheduleInventory has the parts of a stack's schedules, which nobody was asked for.
func scheduleInventory(s stack.Stack) *inventory {
	at := place{partition: "aws", domain: "amazonaws.com", region: "us-east-1", account: "123456789012"}
	return newInventory(&session{place: at, pace: quickPace}, shapeOf(s))
}

func TestScheduleDriftSaysWhatNoAttributeShows(t *testing.T) {
	s := reportsStack()
	i := scheduleInventory(s)
	i.want(s)
	each := i.schedules.schedules["often"]
	for want, change := range map[string]func(*scheduleFacts){
		"": func(*scheduleFacts) {},
		"invokes arn:aws:lambda:us-east-1:123456789012:function:reports-report:7 instead of arn:aws:lambda:us-east-1:123456789012:function:reports-report:live": func(f *scheduleFacts) {
			f.target = "arn:aws:lambda:us-east-1:123456789012:function:reports-report:7"
		},
		"has the role arn:aws:iam::123456789012:role/other":                func(f *scheduleFacts) { f.role = "arn:aws:iam::123456789012:role/other" },
		`has the description "mine"; deletes itself after its last firing`: func(f *scheduleFacts) { f.description, f.deletesItself = "mine", true },
		"is encrypted with the key k":                                      func(f *scheduleFacts) { f.kmsKey = "k" },
	} {
		have := *each.wish
		change(&have)
		each.have = &have
		if got := each.drift(); got != want {
			t.Errorf("the drift is %q, want %q", got, want)
		}
	}
}

func TestScheduleShowsAnotherTargetAsNoFunctionOfTheStack(t *testing.T) {
	s := reportsStack()
	i := scheduleInventory(s)
	i.want(s)
	each := i.schedules.schedules["often"]
	have := *each.wish
	each.have = &have
	for target, want := range map[string]string{
		"arn:aws:lambda:us-east-1:123456789012:function:reports-clean:live": "clean",
		"arn:aws:lambda:us-east-1:123456789012:function:reports-clean":      "clean",
		"arn:aws:lambda:us-east-1:123456789012:function:other-clean:live":   "report",
		"arn:aws:sqs:us-east-1:123456789012:orders":                         "report",
	} {
		have.target = target
		d := i.describe(s)
		if got := d.Stack.Trigger.Schedule.Schedules["often"].Function; got != want {
			t.Errorf("a schedule of %s shows the function %q, want %q", target, got, want)
		}
		if want == "report" && d.Components["schedules/often"] == stack.Ready {
			t.Errorf("a schedule of %s is said to be ready", target)
		}
	}
}

func TestComponentsOfSchedulesCanBeNamedWithoutAnAccount(t *testing.T) {
	names := (&Target{}).Components(reportsStack())
	for _, want := range []string{"schedule_group", "schedule_role", "schedule_policy", "schedules/nightly", "schedules/often"} {
		found := false
		for _, name := range names {
			found = found || name == want
		}
		if !found {
			t.Errorf("%s is not among the components %v", want, names)
		}
	}
}

// A fakeScheduler does what no emulator does: it is slow to know and to forget.
type fakeScheduler struct {
	schedulerAPI
	// deleting is how often the group is still said to be being deleted.
	deleting int
	// unassumable is how often the role cannot be assumed yet.
	unassumable int
	// held is how often the group cannot be deleted yet, and active whether it is there as
	// before.
	held   int
	active bool
	calls  []string
}

func (f *fakeScheduler) called(call string) { f.calls = append(f.calls, call) }

func (f *fakeScheduler) CreateScheduleGroup(context.Context, *scheduler.CreateScheduleGroupInput, ...func(*scheduler.Options)) (*scheduler.CreateScheduleGroupOutput, error) {
	f.called("CreateScheduleGroup")
	if f.deleting > 0 {
		f.deleting--
		return nil, &types.ConflictException{Message: aws.String("Schedule group reports already exists.")}
	}
	return &scheduler.CreateScheduleGroupOutput{}, nil
}

func (f *fakeScheduler) GetScheduleGroup(context.Context, *scheduler.GetScheduleGroupInput, ...func(*scheduler.Options)) (*scheduler.GetScheduleGroupOutput, error) {
	if f.active {
		return &scheduler.GetScheduleGroupOutput{State: types.ScheduleGroupStateActive}, nil
	}
	if f.deleting > 0 {
		f.deleting--
		return &scheduler.GetScheduleGroupOutput{State: types.ScheduleGroupStateDeleting}, nil
	}
	return nil, &types.ResourceNotFoundException{Message: aws.String("Schedule group reports does not exist.")}
}

func (f *fakeScheduler) ListTagsForResource(context.Context, *scheduler.ListTagsForResourceInput, ...func(*scheduler.Options)) (*scheduler.ListTagsForResourceOutput, error) {
	return &scheduler.ListTagsForResourceOutput{}, nil
}

func (f *fakeScheduler) DeleteScheduleGroup(context.Context, *scheduler.DeleteScheduleGroupInput, ...func(*scheduler.Options)) (*scheduler.DeleteScheduleGroupOutput, error) {
	f.called("DeleteScheduleGroup")
	if f.active = f.held > 0; f.active {
		f.held--
		return nil, &types.ConflictException{Message: aws.String("Schedule group reports is being modified.")}
	}
	return &scheduler.DeleteScheduleGroupOutput{}, nil
}

func (f *fakeScheduler) CreateSchedule(context.Context, *scheduler.CreateScheduleInput, ...func(*scheduler.Options)) (*scheduler.CreateScheduleOutput, error) {
	f.called("CreateSchedule")
	if f.unassumable > 0 {
		f.unassumable--
		return nil, &types.ValidationException{Message: aws.String("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")}
	}
	return &scheduler.CreateScheduleOutput{}, nil
}

func TestScheduleGroupWaitsForOneThatIsBeingDeleted(t *testing.T) {
	i := scheduleInventory(reportsStack())
	fake := &fakeScheduler{deleting: 7}
	i.clients.scheduler = fake
	i.want(reportsStack())
	g := i.schedules.group
	if err := g.read(t.Context()); err != nil || g.exists() {
		t.Fatalf("a group that is being deleted exists: %v, error %v", g.exists(), err)
	}
	if err := g.apply(t.Context()); err != nil || !g.exists() || g.foreign() {
		t.Fatalf("the group was not made: %v", err)
	}
	fake.deleting = 3
	if err := g.remove(t.Context()); err != nil || fake.deleting != 0 || g.exists() {
		t.Errorf("removing did not wait until the group was gone, error %v", err)
	}
}

func TestScheduleGroupIsDeletedOnceSchedulerIsDoneWithItsSchedules(t *testing.T) {
	i := scheduleInventory(reportsStack())
	fake := &fakeScheduler{held: 2, deleting: 3}
	i.clients.scheduler = fake
	g := i.schedules.group
	g.have = map[string]string{tagStack: "reports"}
	err := g.remove(t.Context())
	if want := []string{"DeleteScheduleGroup", "DeleteScheduleGroup", "DeleteScheduleGroup"}; err != nil || g.exists() || fake.deleting != 0 || !slices.Equal(fake.calls, want) {
		t.Errorf("the group exists: %v, after %v, error %v", g.exists(), fake.calls, err)
	}
}

func TestScheduleWaitsForItsRole(t *testing.T) {
	i := scheduleInventory(reportsStack())
	fake := &fakeScheduler{unassumable: 3}
	i.clients.scheduler = fake
	i.want(reportsStack())
	each := i.schedules.schedules["often"]
	if err := each.apply(t.Context()); err != nil || len(fake.calls) != 4 || !each.exists() {
		t.Errorf("the schedule was not made after %v, error %v", fake.calls, err)
	}
	fake.unassumable = 1 << 30
	i.pace.propagation = 20 * time.Millisecond
	each.have = nil
	err := each.apply(t.Context())
	var refused *types.ValidationException
	if !errors.As(err, &refused) {
		t.Errorf("the error does not say that the role cannot be assumed: %v", err)
	}
}
