package trigger

import (
	"container/heap"
	"context"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
)

// A FIFO queue is led by one node at a time. The leader reads the messages in
// order, remembers which groups are free, and hands over batches that take groups
// from their beginning. What was handled is deleted before the group is free
// again, so a message is never overtaken by another of its group, whichever node
// leads next. Leading is no more than a way not to get into each other's way:
// that no two nodes work on one group is guarded by the group's state (see
// groupState).

// leadership is what a leader needs of a store.Lease.
type leadership interface {
	Held() bool
	Lost() <-chan struct{}
}

// A fifoLeader is one term of leadership. Its fields belong to the goroutine
// that runs lead.
type fifoLeader struct {
	// config is what the consumer is now; it may change at any time.
	config *atomic.Pointer[queueConsumer]
	term   leadership
	id     string // what it writes as the holder of groups
	states groupStates

	groups map[string]*fifoGroup
	// ready groups, in the order in which they became so.
	ready []*fifoGroup
	// wakeups are the times at which to look at groups again.
	wakeups wakeups
	// handled messages of the last minutes: when each was sent, by deduplication id.
	handled map[string]time.Time
	pruned  time.Time // when handled was tidied last
	// purged: messages up to that sequence are gone.
	purged uint64
	// buffered messages, and their bytes.
	buffered, bytes int

	jobs    int
	results chan *fifoJob
}

// The most messages that a leader holds in memory. As on SQS, which looks at a
// part of a queue too, messages of groups that are blocked can keep others from
// being seen.
const (
	maxBuffered      = 20_000
	maxBufferedBytes = 16 << 20
)

// A fifoGroup is a message group.
type fifoGroup struct {
	hash string
	// pending messages in order, without those that a job works on.
	pending []*fifoMessage
	// busy: a job has the group. queued: it is in ready.
	busy, queued bool
	// blocked until then.
	blocked time.Time
	// stored is the state as this leader saw or wrote it last.
	stored storedGroup
	// heldSince is when somebody else was first seen to hold the group at that
	// revision; zero if nobody does.
	heldSince time.Time
}

type fifoMessage struct {
	*message
	sequence uint64
}

func (m *fifoMessage) bytes() int { return len(m.Body) }

// leadFIFO leads until ctx ends or the leadership is lost, and returns as soon as
// it begins nothing more. Batches on their way are finished meanwhile; wait
// returns when they are.
func leadFIFO(ctx context.Context, config *atomic.Pointer[queueConsumer], changed <-chan struct{}, term leadership) (wait func(), err error) {
	c := config.Load()
	l := &fifoLeader{
		config: config, term: term, id: uuid.NewString(),
		states:  groupStates{c.env.Store.JetStream(), c.names},
		groups:  map[string]*fifoGroup{},
		results: make(chan *fifoJob),
	}
	purges, err := c.listenForPurges()
	if err != nil {
		return func() {}, err
	}
	defer purges.stop()
	stored, handled, err := l.states.all(ctx)
	if err != nil {
		return func() {}, err
	}
	l.handled = handled
	for hash, state := range stored {
		l.adopt(l.group(hash), state)
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	messages := readFIFO(reading, c)
	l.run(ctx, messages, changed, purges.sequences)
	jobs := l.jobs
	return func() {
		for range jobs {
			<-l.results
		}
	}, nil
}

// run is the leader's loop.
func (l *fifoLeader) run(ctx context.Context, messages <-chan *fifoMessage, changed <-chan struct{}, purges <-chan uint64) {
	for {
		l.dispatch()
		incoming := messages
		if l.buffered >= maxBuffered || l.bytes >= maxBufferedBytes {
			incoming = nil
		}
		timer := l.nextWakeup()
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-l.term.Lost():
			timer.Stop()
			return
		case m := <-incoming:
			l.receive(m)
		case job := <-l.results:
			l.finish(job)
		case sequence := <-purges:
			l.purge(sequence)
		case <-changed:
		case <-timer.C():
		}
		timer.Stop()
		l.wakeUp()
	}
}

func (l *fifoLeader) now() time.Time { return l.config.Load().env.Clock.Now() }

// group returns the group of that hash, a new one if need be.
func (l *fifoLeader) group(hash string) *fifoGroup {
	g, ok := l.groups[hash]
	if !ok {
		g = &fifoGroup{hash: hash}
		l.groups[hash] = g
	}
	return g
}

// adopt takes a state that somebody else wrote. Who holds the group has the time
// of a lease, from when this leader sees it, to show that it is alive: its clock
// may be another. Until then the group is looked at now and then.
func (l *fifoLeader) adopt(g *fifoGroup, stored storedGroup) {
	now, lease := l.now(), leaseOf(l.config.Load().queue)
	news := stored.revision != g.stored.revision
	g.stored, g.blocked = stored, stored.Until
	switch {
	case stored.Holder == "":
		g.heldSince = time.Time{}
	case g.heldSince.IsZero() || news:
		g.heldSince = now
	}
	if l.isHeld(g) {
		g.blocked = now.Add(lease / 8)
	}
}

// isHeld tells whether somebody else, who may be alive, holds the group.
func (l *fifoLeader) isHeld(g *fifoGroup) bool {
	return !g.heldSince.IsZero() && l.now().Sub(g.heldSince) < leaseOf(l.config.Load().queue)
}

// receive takes a message that was read.
func (l *fifoLeader) receive(m *fifoMessage) {
	if m.sequence <= l.purged {
		return
	}
	l.buffered++
	l.bytes += m.bytes()
	g := l.group(groupHash(m.Group))
	g.pending = append(g.pending, m)
	l.schedule(g)
}

// forget takes a message out of the account.
func (l *fifoLeader) forget(m *fifoMessage) {
	l.buffered--
	l.bytes -= m.bytes()
}

// schedule makes a group ready, or sees to it that it is looked at when it may
// be.
func (l *fifoLeader) schedule(g *fifoGroup) {
	if g.busy || g.queued {
		return
	}
	now := l.now()
	if len(g.pending) == 0 {
		// The revision saves a conflict if the group is used again soon.
		l.wakeAt(g, now.Add(groupMemory))
		return
	}
	due := g.pending[0].Sent.Add(l.config.Load().queue.Delay.Std())
	if g.blocked.After(due) {
		due = g.blocked
	}
	switch {
	case due.After(now):
		l.wakeAt(g, due)
		return
	case l.isHeld(g):
		l.reload(g)
		return
	}
	g.queued = true
	l.ready = append(l.ready, g)
}

// groupMemory is how long the state of a group stays that has no messages, in
// the store and here.
const groupMemory = deduplicationTime

// dispatch hands over batches while there are ready groups and room for more.
func (l *fifoLeader) dispatch() {
	c := l.config.Load()
	for len(l.ready) > 0 && c.pace.take() {
		job := &fifoJob{queueConsumer: c, states: l.states, id: l.id, held: l.term.Held}
		for room := c.queue.Consumer.BatchSize; room > 0 && len(l.ready) > 0; {
			g := l.ready[0]
			l.ready = l.ready[1:]
			g.queued, g.busy = false, true
			part := l.part(g, room)
			room -= len(part.messages)
			job.parts = append(job.parts, part)
		}
		l.jobs++
		go func() {
			job.run()
			l.results <- job
		}()
	}
}

// part takes up to that many messages from the beginning of a group.
func (l *fifoLeader) part(g *fifoGroup, room int) *fifoPart {
	p := &fifoPart{group: g, stored: g.stored}
	now, delay := l.now(), l.config.Load().queue.Delay.Std()
	for _, m := range g.pending {
		if room == 0 || m.Sent.Add(delay).After(now) {
			break
		}
		sent, known := l.handled[m.Deduplication]
		p.messages = append(p.messages, fifoCandidate{
			fifoMessage: m,
			duplicate:   known && m.Sent.Sub(sent) < deduplicationTime,
		})
		room--
	}
	g.pending = g.pending[len(p.messages):]
	return p
}

// finish takes a job's result.
func (l *fifoLeader) finish(job *fifoJob) {
	l.jobs--
	for id, sent := range job.handled {
		l.handled[id] = sent
	}
	for _, p := range job.parts {
		g := p.group
		g.busy = false
		if p.reloaded {
			l.adopt(g, p.stored)
		} else if !p.lost {
			g.stored, g.blocked, g.heldSince = p.stored, p.blocked, time.Time{}
		}
		var back []*fifoMessage
		for _, m := range p.messages {
			if m.gone || m.sequence <= l.purged {
				l.forget(m.fifoMessage)
			} else {
				back = append(back, m.fifoMessage)
			}
		}
		g.pending = append(back, g.pending...)
		if p.lost {
			l.reload(g)
		} else {
			l.schedule(g)
		}
	}
}

// reload asks for the group's state and looks which of its messages are still
// there, after another node was found to have worked on it.
func (l *fifoLeader) reload(g *fifoGroup) {
	g.busy = true
	p := &fifoPart{group: g, stored: g.stored}
	for _, m := range g.pending {
		p.messages = append(p.messages, fifoCandidate{fifoMessage: m})
	}
	g.pending = nil
	job := &fifoJob{queueConsumer: l.config.Load(), states: l.states, id: l.id, held: l.term.Held, parts: []*fifoPart{p}}
	l.jobs++
	go func() {
		job.reload(p)
		l.results <- job
	}()
}

// purge drops the messages that were purged.
func (l *fifoLeader) purge(sequence uint64) {
	l.purged = max(l.purged, sequence)
	for _, g := range l.groups {
		g.pending = slices.DeleteFunc(g.pending, func(m *fifoMessage) bool {
			if m.sequence > l.purged {
				return false
			}
			l.forget(m)
			return true
		})
		if g.queued && len(g.pending) == 0 {
			g.queued = false
			l.ready = slices.DeleteFunc(l.ready, func(r *fifoGroup) bool { return r == g })
		}
	}
}

// A wakeup is a time at which to look at a group again.
type wakeup struct {
	at    time.Time
	group *fifoGroup
}

type wakeups []wakeup

func (w wakeups) Len() int           { return len(w) }
func (w wakeups) Less(i, j int) bool { return w[i].at.Before(w[j].at) }
func (w wakeups) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *wakeups) Push(x any)        { *w = append(*w, x.(wakeup)) }
func (w *wakeups) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}

func (l *fifoLeader) wakeAt(g *fifoGroup, at time.Time) { heap.Push(&l.wakeups, wakeup{at, g}) }

// nextWakeup fires when there is something to look at, and in any case now and
// then, since the number of batches that may run depends on more than what
// happens here.
func (l *fifoLeader) nextWakeup() Timer {
	wait := paceCheck
	if len(l.ready) == 0 {
		wait = time.Hour
	}
	if len(l.wakeups) > 0 {
		wait = min(wait, max(0, l.wakeups[0].at.Sub(l.now())))
	}
	return l.config.Load().env.Clock.NewTimer(wait)
}

// wakeUp looks at the groups whose time has come.
func (l *fifoLeader) wakeUp() {
	now := l.now()
	for len(l.wakeups) > 0 && !l.wakeups[0].at.After(now) {
		w := heap.Pop(&l.wakeups).(wakeup)
		if len(w.group.pending) > 0 || w.group.busy {
			l.schedule(w.group)
		} else if l.groups[w.group.hash] == w.group {
			delete(l.groups, w.group.hash)
		}
	}
	if now.Sub(l.pruned) > deduplicationTime/4 {
		l.pruned = now
		maps.DeleteFunc(l.handled, func(_ string, sent time.Time) bool { return now.Sub(sent) > deduplicationTime })
	}
}

// purges tells of purges of the queue, by any node.
type purges struct {
	subscription *nats.Subscription
	sequences    chan uint64
	done         chan struct{}
}

func (c *queueConsumer) listenForPurges() (*purges, error) {
	p := &purges{sequences: make(chan uint64), done: make(chan struct{})}
	var err error
	p.subscription, err = c.env.Store.Conn().Subscribe(c.names.purged(), func(msg *nats.Msg) {
		sequence, err := strconv.ParseUint(string(msg.Data), 10, 64)
		if err != nil {
			return
		}
		select {
		case p.sequences <- sequence:
		case <-p.done:
		}
	})
	return p, err
}

func (p *purges) stop() {
	close(p.done)
	_ = p.subscription.Unsubscribe() // the connection may be closed
}
