package trigger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"pgregory.net/rapid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A scheduleTest is the schedules of a stack "ops" on a node whose clock the test
// moves.
type scheduleTest struct {
	*testing.T
	store     *store.Store
	clock     *fakeClock
	invoker   *fakeInvoker
	queues    *Queues
	schedules *Schedules
	record    *store.Record
}

func openSchedules(t *testing.T, items map[string]stack.ScheduleItem) *scheduleTest {
	t.Helper()
	s := &scheduleTest{
		T: t, store: openStore(t), clock: newFakeClock(testStart),
		invoker: &fakeInvoker{handle: func(context.Context, invoke.Request) (invoke.Response, error) { return invoke.Response{}, nil }},
	}
	s.startNode()
	s.deploy(items)
	return s
}

// startNode starts a node in place of the one there is, if any.
func (s *scheduleTest) startNode() {
	s.Helper()
	env := Env{Store: s.store, Invoker: s.invoker, Authorize: allowAll, Clock: s.clock}
	s.queues = NewQueues(env)
	schedules := NewSchedules(env, s.queues)
	s.schedules = schedules
	if s.record != nil {
		s.reconcile(nil, s.record)
	}
	if err := schedules.Start(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { schedules.Close(context.Background()) })
}

func (s *scheduleTest) reconcile(old, new *store.Record) {
	s.Helper()
	if err := s.schedules.Reconcile(s.Context(), old, new); err != nil {
		s.Fatal(err)
	}
}

// deploy makes the stack's schedules these.
func (s *scheduleTest) deploy(items map[string]stack.ScheduleItem) {
	s.Helper()
	r := recordOf("ops", stack.Trigger{Schedule: &stack.Schedule{Schedules: items}})
	r.Revision = 0
	if s.record != nil {
		r.Revision = s.record.Revision
	}
	revision, err := s.store.PutRecord(s.Context(), r)
	if err != nil {
		s.Fatal(err)
	}
	r.Revision = revision
	s.reconcile(s.record, r)
	s.record = r
}

// wantFirings waits until so many firings were queued, and checks that it stays
// at that once every node has looked.
func (s *scheduleTest) wantFirings(n int) []invoke.Request {
	s.Helper()
	eventually(s.T, fmt.Sprintf("firing %d", n), func() bool { return len(s.invoker.seen()) >= n })
	seen := s.invoker.seen()
	if len(seen) != n {
		s.Fatalf("there were %d firings, want %d", len(seen), n)
	}
	return seen
}

// pass moves the clock and waits until the node has looked at what is due.
func (s *scheduleTest) pass(d time.Duration) {
	s.Helper()
	s.clock.advance(d)
	s.settled(s.schedules)
}

// settled waits until nothing is due on a node.
func (s *scheduleTest) settled(node *Schedules) {
	s.Helper()
	eventually(s.T, "quiet", func() bool {
		node.wake() // the clock may have moved after the loop looked at it, and before it made its timer
		node.mu.Lock()
		waiting := map[string]bool{}
		for key, each := range node.known {
			waiting[key] = each.alarm != nil && each.alarm.at.After(s.clock.Now())
		}
		node.mu.Unlock()
		for key, is := range waiting {
			// What never fires again has no alarm.
			if state, _, err := node.read(s.Context(), key); !is && err == nil && !state.Due.IsZero() {
				return false
			}
		}
		return true
	})
}

// every returns a schedule of that expression.
func every(expression string, change func(i *stack.ScheduleItem)) map[string]stack.ScheduleItem {
	i := stack.NewScheduleItem()
	i.Function, i.Expression = "f", expression
	if change != nil {
		change(&i)
	}
	return map[string]stack.ScheduleItem{"tick": i}
}

func TestScheduleInvokesWithSchedulersEvent(t *testing.T) {
	s := openSchedules(t, every("rate(5 minutes)", nil))
	s.pass(5*time.Minute - time.Second)
	s.wantFirings(0)
	s.pass(time.Second)
	r := s.wantFirings(1)[0]
	if r.Function != "ops-f" || r.Qualifier != "live" || r.Source != "schedule" || *r.Retries != 185 || *r.MaxAge != 24*time.Hour || r.DeadLetter != "" {
		t.Errorf("invoked %+v", r)
	}
	wantJSON(t, r.Payload, `{
		"version": "0", "id": "`+r.ID+`", "detail-type": "Scheduled Event", "source": "aws.scheduler", "account": "000000000000",
		"time": "2020-03-12T19:08:58Z", "region": "open-1",
		"resources": ["arn:aws:scheduler:open-1:000000000000:schedule/ops/tick"], "detail": "{}"
	}`)
	s.pass(5 * time.Minute)
	if again := s.wantFirings(2)[1]; again.ID == r.ID {
		t.Error("two firings have the same id")
	}
}

func TestScheduleInputKnowsItsContext(t *testing.T) {
	s := openSchedules(t, every("cron(0 2 * * ? *)", func(i *stack.ScheduleItem) {
		i.Timezone = "Europe/Berlin"
		i.Input = `{"arn":"<aws.scheduler.schedule-arn>","at":"<aws.scheduler.scheduled-time>","try":<aws.scheduler.attempt-number>,` +
			`"id":"\u003caws.scheduler.execution-id\u003e","other":"<aws.scheduler.other>"}`
		i.Retry.Attempts = 3
		i.DeadLetter = "arn:aws:sqs:open-1:000000000000:lost"
	}))
	s.pass(12 * time.Hour)
	r := s.wantFirings(1)[0]
	wantJSON(t, r.Payload, `{"arn":"arn:aws:scheduler:open-1:000000000000:schedule/ops/tick","at":"2020-03-13T01:00:00Z","try":1,
		"id":"`+executionID(r.ID)+`","other":"<aws.scheduler.other>"}`)
	if *r.Retries != 3 || r.DeadLetter != "arn:aws:sqs:open-1:000000000000:lost" || len(executionID(r.ID)) != 16 {
		t.Errorf("invoked %+v", r)
	}
}

func TestSchedulesKeepToStartEndAndEnabled(t *testing.T) {
	at := func(d time.Duration) *time.Time {
		t := testStart.Add(d)
		return &t
	}
	s := openSchedules(t, every("rate(1 minute)", func(i *stack.ScheduleItem) { i.Start, i.End = at(90*time.Second), at(3*time.Minute) }))
	for _, c := range []struct {
		pass time.Duration
		want int
	}{{time.Minute, 0}, {30 * time.Second, 1}, {time.Minute, 2}, {time.Hour, 2}} {
		s.pass(c.pass)
		s.wantFirings(c.want)
	}
	s.deploy(every("rate(1 minute)", func(i *stack.ScheduleItem) { i.Enabled = false }))
	s.pass(time.Hour)
	s.wantFirings(2)
	// What fell into the time while it was off is not made up for.
	s.deploy(every("rate(1 minute)", nil))
	s.wantFirings(2)
	s.pass(time.Minute)
	s.wantFirings(3)
}

func TestOneTimeScheduleFiresOnce(t *testing.T) {
	s := openSchedules(t, every("at(2020-03-12T20:00:00)", nil))
	s.pass(time.Hour)
	s.wantFirings(1)
	s.deploy(every("at(2020-03-12T20:00:00)", func(i *stack.ScheduleItem) { i.Input = "{}" }))
	s.startNode()
	s.pass(24 * time.Hour)
	s.wantFirings(1)
}

func TestChangedScheduleTakesEffectAtOnce(t *testing.T) {
	s := openSchedules(t, every("rate(1 day)", nil))
	s.pass(time.Hour)
	s.deploy(every("rate(10 minutes)", nil))
	s.pass(10 * time.Minute)
	s.wantFirings(1)
	// What does not decide on its times leaves them alone.
	s.pass(9 * time.Minute)
	s.deploy(every("rate(10 minutes)", func(i *stack.ScheduleItem) { i.Input = `{"new":true}` }))
	s.pass(time.Minute)
	if r := s.wantFirings(2)[1]; string(r.Payload) != `{"new":true}` {
		t.Errorf("fired with %s", r.Payload)
	}
	components := s.schedules.Components(t.Context(), s.record)
	if !maps.Equal(components, map[string]string{"schedules/tick": stack.Ready}) {
		t.Errorf("components are %v", components)
	}
	s.reconcile(s.record, nil)
	s.pass(24 * time.Hour)
	s.wantFirings(2)
	if components := s.schedules.Components(t.Context(), s.record); components["schedules/tick"] != "missing" {
		t.Errorf("components are %v", components)
	}
}

func TestOnlyTheLastMissedFiringIsMadeUpFor(t *testing.T) {
	s := openSchedules(t, every("cron(0 * * * ? *)", nil))
	s.pass(time.Hour)
	s.wantFirings(1)
	s.schedules.Close(context.Background())
	s.clock.advance(5*time.Hour + 10*time.Minute)
	s.startNode()
	s.settled(s.schedules)
	r := s.wantFirings(2)[1]
	if !strings.Contains(string(r.Payload), `"time":"2020-03-13T01:00:00Z"`) || *r.MaxAge != 24*time.Hour-(13*time.Minute+58*time.Second+390*time.Millisecond) {
		t.Errorf("made up for %s with %v left", r.Payload, *r.MaxAge)
	}
	s.startNode()
	s.settled(s.schedules)
	s.wantFirings(2)
}

func TestFiringThatIsTooOldGoesToItsDeadLetters(t *testing.T) {
	s := openSchedules(t, every("cron(0 * * * ? *)", func(i *stack.ScheduleItem) {
		i.Retry.MaxAge = stack.Duration(time.Minute)
		i.DeadLetter = "arn:aws:sqs:open-1:000000000000:lost"
	}))
	var sent []string
	s.schedules.sendDead = func(_ context.Context, arn string, body []byte, onceID string) error {
		sent = append(sent, arn+" "+string(body[:12])+fmt.Sprint(len(onceID)))
		return nil
	}
	s.pass(time.Hour + 10*time.Minute)
	s.wantFirings(0)
	if !slices.Equal(sent, []string{`arn:aws:sqs:open-1:000000000000:lost {"account":"36`}) {
		t.Errorf("dead letters got %q", sent)
	}
}

func TestFiringThatCannotBeQueuedIsTriedAgain(t *testing.T) {
	s := openSchedules(t, every("rate(1 hour)", nil))
	var mu sync.Mutex
	failure := errors.New("no quorum")
	s.invoker.handle = func(context.Context, invoke.Request) (invoke.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		return invoke.Response{}, failure
	}
	s.pass(time.Hour)
	s.pass(scheduleRetry)
	seen := s.wantFirings(2)
	if seen[0].ID != seen[1].ID {
		t.Error("another attempt has another id, and could be done twice")
	}
	mu.Lock()
	failure = nil
	mu.Unlock()
	s.pass(scheduleRetry)
	s.wantFirings(3)
	s.pass(10 * time.Minute)
	s.wantFirings(3)
	// What cannot succeed is not tried again.
	mu.Lock()
	failure = &invoke.Error{Status: 404, Type: "ResourceNotFoundException"}
	mu.Unlock()
	s.pass(50 * time.Minute)
	s.wantFirings(4)
	s.pass(10 * time.Minute)
	s.wantFirings(4)
}

func TestTwoNodesFireOnce(t *testing.T) {
	items := map[string]stack.ScheduleItem{}
	for i := range 10 {
		items[fmt.Sprintf("s%d", i)] = every("rate(1 minute)", nil)["tick"]
	}
	s := openSchedules(t, items)
	first := s.schedules
	s.startNode()
	for round := range 5 {
		s.pass(time.Minute)
		s.settled(first)
		s.wantFirings(10 * (round + 1))
	}
	first.Close(context.Background())
	s.pass(time.Minute)
	s.wantFirings(60)
}

func TestAnotherNodeTakesOverWhatWasClaimed(t *testing.T) {
	s := openSchedules(t, every("rate(1 hour)", nil))
	key := schedulesOf(s.record)["ops.1.tick"].key()
	s.clock.advance(time.Hour - time.Second)
	// A node claims the firing, and dies.
	state, revision, err := s.schedules.read(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	state.Claimed, state.Node = s.clock.Now().Add(time.Second), "dead"
	if _, err := s.schedules.write(t.Context(), key, state, revision); err != nil {
		t.Fatal(err)
	}
	s.pass(time.Second)
	s.wantFirings(0)
	s.pass(claimTime)
	if r := s.wantFirings(1)[0]; !strings.Contains(string(r.Payload), "20:03:58Z") {
		t.Errorf("fired with %s", r.Payload)
	}
}

func TestFlexibleWindowSpreadsTheSameWayEverywhere(t *testing.T) {
	i := every("rate(1 hour)", func(i *stack.ScheduleItem) { i.FlexibleWindow = stack.Duration(10 * time.Minute) })["tick"]
	one := &schedule{stack: "ops", incarnation: "1", name: "tick", item: i}
	other := &schedule{stack: "ops", incarnation: "1", name: "tick", item: i, revision: 5}
	offsets := map[time.Duration]bool{}
	for n := range 100 {
		due := testStart.Add(time.Duration(n) * time.Hour)
		offset := one.fires(testStart, due).Sub(due)
		if offset < 0 || offset >= 10*time.Minute || !other.fires(testStart, due).Equal(one.fires(testStart, due)) {
			t.Fatalf("fires %v after its time", offset)
		}
		offsets[offset] = true
	}
	if len(offsets) < 50 {
		t.Errorf("100 firings have only %d different offsets", len(offsets))
	}
	s := openSchedules(t, map[string]stack.ScheduleItem{"tick": i})
	due := testStart.Add(time.Hour)
	s.pass(one.fires(testStart, due).Sub(testStart) - time.Second)
	s.wantFirings(0)
	s.pass(time.Second)
	if r := s.wantFirings(1)[0]; !strings.Contains(string(r.Payload), `"time":"2020-03-12T20:03:58Z"`) {
		t.Errorf("fired with %s", r.Payload)
	}
}

func TestSchedulesOfDeletedStacksAreCollected(t *testing.T) {
	s := openSchedules(t, every("rate(1 minute)", nil))
	left := recordOf("gone", stack.Trigger{Schedule: &stack.Schedule{Schedules: every("rate(1 minute)", nil)}})
	old := recordOf("ops", left.Stack.Trigger)
	old.Incarnation = "0"
	for _, r := range []*store.Record{left, old} {
		s.reconcile(nil, r)
	}
	s.startNode()
	kv, err := s.schedules.kv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.Keys(t.Context())
	if err != nil || !slices.Equal(keys, []string{"ops.1.tick"}) {
		t.Errorf("the store remembers %v: %v", keys, err)
	}
	s.pass(time.Minute)
	s.wantFirings(1)
}

// A record that takes effect in part, and is replaced then, leaves nothing: what it
// began is no part of the record that took effect last.
func TestSchedulesThatWereMadeInPartGoWithTheNextRecord(t *testing.T) {
	s := openSchedules(t, nil)
	broken := every("rate(1 minute)", nil)
	broken["wrong"] = stack.ScheduleItem{Expression: "rate(never)", Enabled: true}
	half := recordOf("ops", stack.Trigger{Schedule: &stack.Schedule{Schedules: broken}})
	half.Revision = s.record.Revision + 1
	if err := s.schedules.Reconcile(t.Context(), s.record, half); err == nil {
		t.Fatal("a wrong expression was taken")
	}
	if _, _, err := s.schedules.read(t.Context(), "ops.1.tick"); err != nil {
		t.Fatalf("the first schedule was not made: %v", err)
	}
	fixed := recordOf("ops", stack.Trigger{})
	fixed.Revision = half.Revision + 1
	s.reconcile(s.record, fixed)
	if _, _, err := s.schedules.read(t.Context(), "ops.1.tick"); !errors.Is(err, jetstream.ErrKeyNotFound) {
		t.Errorf("the schedule is still in the store: %v", err)
	}
	s.pass(time.Minute)
	s.wantFirings(0)
}

// TestLatestIsTheLastOfAll compares the look back with going through every time.
func TestLatestIsTheLastOfAll(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		expression := rapid.SampledFrom([]string{
			"rate(1 minute)", "rate(7 hours)", "cron(0/10 0-3 * * ? *)", "cron(0 2 1 * ? *)", "cron(0 12 ? * MON-FRI *)",
		}).Draw(rt, "expression")
		window := rapid.SampledFrom([]int{0, 1, 15}).Draw(rt, "window")
		gone := time.Duration(rapid.IntRange(0, 60*24*40).Draw(rt, "minutes")) * time.Minute
		each := &schedule{stack: "ops", incarnation: "1", name: "tick", item: every(expression, func(i *stack.ScheduleItem) {
			i.FlexibleWindow = stack.Duration(time.Duration(window) * time.Minute)
		})["tick"]}
		due, err := each.next(testStart, testStart)
		if err != nil {
			rt.Fatal(err)
		}
		now := due.Add(gone)
		if each.fires(testStart, due).After(now) {
			now = each.fires(testStart, due)
		}
		got, err := each.latest(testStart, due, now)
		if err != nil {
			rt.Fatal(err)
		}
		want := due
		for {
			next, err := each.next(testStart, want)
			if err != nil {
				rt.Fatal(err)
			}
			if each.fires(testStart, next).After(now) {
				break
			}
			want = next
		}
		if !got.Equal(want) {
			rt.Fatalf("at %v the last is %v, not %v", now, want, got)
		}
	})
}
