package trigger

import (
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"testing"

	"pgregory.net/rapid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Each check writes to a disk a few hundred times, so the default is fewer of
// them than rapid's; -rapid.checks asks for more.
func init() {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
}

// TestFIFOOrderHoldsWhoeverLeads: several leaders at once, none of which knows
// that it is not alone, come and go while messages come and fail. Still no group
// ever has two batches at once, and no message comes before an earlier one of its
// group is done.
func TestFIFOOrderHoldsWhoeverLeads(t *testing.T) {
	check := &orderCheck{t: t, running: map[string]bool{}, done: map[string]map[int]bool{}}
	config := fifoOf(func(q *stack.Queue) {
		q.VisibilityTimeout = 1 // a nanosecond: what failed comes again at once
		q.Consumer.PartialFailures = true
		q.Consumer.BatchSize = 4
		q.Consumer.MaxConcurrency = 4
		q.Consumer.Enabled = false
	})
	q := openQueue(t, config, Env{Invoker: check})
	next := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint32().Draw(rt, "failures")
		check.mu.Lock()
		check.fail = func(r record) bool {
			h := fnv.New32a()
			_, _ = fmt.Fprint(h, seed, r.Body, r.Attributes["ApproximateReceiveCount"])
			return h.Sum32()%5 == 0
		}
		check.mu.Unlock()
		leaders := rapid.IntRange(1, 3).Draw(rt, "leaders")
		groups := rapid.SliceOfN(rapid.IntRange(0, 2), 5, 25).Draw(rt, "groups")
		changes := rapid.SliceOfN(rapid.IntRange(1, 10), 0, 3).Draw(rt, "changes of leader")

		goal := check.handled() + len(groups)
		var stops []func()
		for range leaders {
			stops = append(stops, q.startLeader(&config))
		}
		for _, g := range groups {
			group := fmt.Sprintf("g%d", g)
			q.sendTo(fmt.Sprintf("%s:%d", group, next[group]))
			next[group]++
		}
		for i, after := range changes {
			reached := min(goal, check.handled()+after)
			eventually(t, "progress", func() bool { return check.handled() >= reached })
			stops[i%leaders]()
			stops[i%leaders] = q.startLeader(&config)
		}
		eventually(t, "the end", func() bool { return check.handled() >= goal })
		for _, stop := range stops {
			stop()
		}
	})
	q.wantStats(QueueStats{})
}

// startLeader starts a leader that is told by nothing that there are others, and
// returns what ends it.
func (q *queueTest) startLeader(config *stack.Queue) (stop func()) {
	r, err := q.queues.record("orders")
	if err != nil {
		q.Fatal(err)
	}
	runner := newQueueRunner(q.queues, namesOf(r))
	c, err := runner.consumer(config)
	if err != nil {
		q.Fatal(err)
	}
	runner.current.Store(c)
	ctx, cancel := context.WithCancel(q.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		wait, err := leadFIFO(ctx, &runner.current, nil, zombie{})
		wait()
		if err != nil && ctx.Err() == nil {
			q.Error(err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
