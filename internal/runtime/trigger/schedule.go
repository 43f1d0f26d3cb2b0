package trigger

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Schedules invokes functions at set times, as EventBridge Scheduler does.
//
// Of every schedule the store remembers when it is due next. Each node waits for
// that time, and one of them claims the firing by compare-and-set, queues the
// invocation and writes down the next time. The invocation's id follows from the
// schedule and the time, and the queue of invocations takes an id once, so that
// what a crash in between leads to is done again without being done twice.
type Schedules struct {
	env Env
	// sendDead sends firings that are given up to a queue.
	sendDead func(ctx context.Context, queueARN string, body []byte, onceID string) error

	ctx    context.Context
	cancel context.CancelFunc
	// running are the loop and the firings.
	running sync.WaitGroup
	// slots bound how many firings are on their way at once.
	slots chan struct{}

	mu     sync.Mutex
	closed bool
	bucket jetstream.KeyValue // nil until it is needed
	known  map[string]*schedule
	// begun are the records that Reconcile set out to bring into effect, by stack,
	// even if it failed half-way; stacks without schedules are left out.
	begun  map[string]*store.Record
	alarms alarms
	// changed wakes the loop.
	changed chan struct{}
}

var _ Trigger = (*Schedules)(nil)

// parallelFirings is how many firings are on their way at once.
const parallelFirings = 16

// alarmLimit is the longest time to wait without looking at the clock, which may
// be set, or stand still while the machine sleeps.
const alarmLimit = time.Minute

// NewSchedules returns the trigger of schedules. Firings that are given up go to
// a queue through queues.
func NewSchedules(env Env, queues *Queues) *Schedules {
	s := &Schedules{
		env: env.withDefaults(),
		sendDead: func(ctx context.Context, arn string, body []byte, onceID string) error {
			return queues.Send(ctx, arn, body, onceID, "")
		},
		slots:   make(chan struct{}, parallelFirings),
		known:   map[string]*schedule{},
		begun:   map[string]*store.Record{},
		changed: make(chan struct{}, 1),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// A schedule is one schedule of one stack on this node.
type schedule struct {
	stack, incarnation, name string
	item                     stack.ScheduleItem
	// revision of the stack's record that says so.
	revision uint64
	// alarm is when to look at it next; nil if never.
	alarm *alarm
}

// key is where the store remembers the schedule.
func (s *schedule) key() string { return s.stack + "." + s.incarnation + "." + s.name }

// Kind is schedules'.
func (s *Schedules) Kind() stack.Kind { return stack.KindSchedule }

// Mount has nothing to add: schedules have no address.
func (s *Schedules) Mount(*http.ServeMux) {}

// Start begins to fire, and forgets the schedules of stacks that were deleted
// while no node ran.
func (s *Schedules) Start(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.running.Go(s.run)
	}
	s.mu.Unlock()
	return s.collect(ctx)
}

// Close waits for the firings on their way.
func (s *Schedules) Close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.wake()
	waitOrCancel(ctx, &s.running, s.cancel)
}

// schedulesOf returns a record's schedules by key.
func schedulesOf(r *store.Record) map[string]*schedule {
	all := map[string]*schedule{}
	if r == nil || r.Stack.Trigger.Schedule == nil {
		return all
	}
	for name, item := range r.Stack.Trigger.Schedule.Schedules {
		each := &schedule{stack: r.Stack.Name, incarnation: r.Incarnation, name: name, item: item, revision: r.Revision}
		all[each.key()] = each
	}
	return all
}

// Reconcile makes the stack's schedules what the record says, at once.
func (s *Schedules) Reconcile(ctx context.Context, old, new *store.Record) error {
	name := stackOf(old, new)
	s.mu.Lock()
	before, after := schedulesOf(s.begun[name]), schedulesOf(new)
	s.mu.Unlock()
	maps.Copy(before, schedulesOf(old))
	if len(before) == 0 && len(after) == 0 {
		return nil
	}
	for key, each := range before {
		if after[key] != nil {
			continue
		}
		s.forget(key)
		revision := each.revision
		if new != nil {
			revision = new.Revision
		}
		if err := s.remove(ctx, key, revision); err != nil {
			return fmt.Errorf("schedule %q of stack %q: %w", each.name, each.stack, err)
		}
	}
	s.mu.Lock()
	if len(after) > 0 {
		s.begun[name] = new
	} else {
		delete(s.begun, name)
	}
	s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(after)) {
		each := after[key]
		state, err := s.define(ctx, each)
		if err != nil {
			return fmt.Errorf("schedule %q of stack %q: %w", each.name, each.stack, err)
		}
		s.know(each, state.alarm(each))
	}
	return nil
}

// Components has the schedules.
func (s *Schedules) Components(ctx context.Context, r *store.Record) map[string]string {
	components := map[string]string{}
	for key, each := range schedulesOf(r) {
		_, _, err := s.read(ctx, key)
		state := stack.Ready
		switch {
		case errors.Is(err, jetstream.ErrKeyNotFound):
			state = "missing"
		case err != nil:
			s.env.Log.Warn("a schedule cannot be checked", "stack", r.Stack.Name, "schedule", each.name, "error", err)
			state = "not known, because JetStream does not answer"
		}
		components[stack.ScheduleComponent(each.name)] = state
	}
	return components
}

// know takes a schedule as it is now, to be looked at then; a zero time means
// never.
func (s *Schedules) know(each *schedule, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(each.key())
	s.known[each.key()] = each
	s.set(each, at)
}

// again sees to it that a schedule that is still known is looked at then.
func (s *Schedules) again(each *schedule, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[each.key()] == each && each.alarm == nil {
		s.set(each, at)
	}
}

func (s *Schedules) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(key)
}

func (s *Schedules) drop(key string) {
	if each, ok := s.known[key]; ok {
		if each.alarm != nil {
			heap.Remove(&s.alarms, each.alarm.index)
			each.alarm = nil
		}
		delete(s.known, key)
	}
}

func (s *Schedules) set(each *schedule, at time.Time) {
	if at.IsZero() {
		return
	}
	each.alarm = &alarm{at: at, schedule: each}
	heap.Push(&s.alarms, each.alarm)
	s.wake()
}

func (s *Schedules) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// run looks at schedules when their time comes.
func (s *Schedules) run() {
	for {
		wait, ok := s.ring()
		if !ok {
			return
		}
		timer := s.env.Clock.NewTimer(wait)
		select {
		case <-timer.C():
		case <-s.changed:
		}
		timer.Stop()
	}
}

// ring starts what is due and tells how long there is nothing more; false means
// that nothing starts any more.
func (s *Schedules) ring() (wait time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, false
	}
	now := s.env.Clock.Now()
	for len(s.alarms) > 0 {
		next := s.alarms[0]
		if next.at.After(now) {
			return min(alarmLimit, next.at.Sub(now)), true
		}
		heap.Pop(&s.alarms)
		next.schedule.alarm = nil
		s.running.Go(func() {
			s.slots <- struct{}{}
			defer func() { <-s.slots }()
			s.again(next.schedule, s.look(s.ctx, next.schedule))
		})
	}
	return alarmLimit, true
}

// An alarm is a time at which to look at a schedule.
type alarm struct {
	at       time.Time
	schedule *schedule
	index    int // in alarms
}

type alarms []*alarm

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a alarms) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].index, a[j].index = i, j
}

func (a *alarms) Push(x any) {
	added := x.(*alarm)
	added.index = len(*a)
	*a = append(*a, added)
}

func (a *alarms) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
