package trigger

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
)

// A fifoJob is one batch on its way. It takes the groups of its parts, invokes
// the function, deletes what was handled and gives the groups back.
type fifoJob struct {
	*queueConsumer
	states groupStates
	id     string
	held   func() bool // whether the leader still leads
	parts  []*fifoPart
	// handled: when messages that were handled were sent, by deduplication id.
	handled map[string]time.Time
}

// A fifoPart is what a job has of one group: its first messages.
type fifoPart struct {
	group    *fifoGroup
	messages []fifoCandidate
	// stored is the group's state as it was seen or written last.
	stored storedGroup
	// lost: somebody else has written it. reloaded: it was read again.
	lost, reloaded bool
	// blocked: the group is not to be looked at before.
	blocked time.Time
}

// A fifoCandidate is a message that a job decides on.
type fifoCandidate struct {
	*fifoMessage
	duplicate bool
	// dead: received too often, it goes to the dead letters.
	dead bool
	// delivered: it is in the batch.
	delivered bool
	// done: it is to be deleted; gone: it is.
	done, gone bool
}

// run never fails as a whole: what it could not do is done again later.
func (j *fifoJob) run() {
	received := j.env.Clock.Now()
	b := newBatch(j.names.arn(), j.filters, j.queue.Consumer.BatchSize)
	for _, p := range j.parts {
		j.take(p, b, received)
	}
	visible := received.Add(j.queue.VisibilityTimeout.Std())
	var outcome batchOutcome
	if !b.empty() {
		renewing, stop := context.WithCancel(j.handling)
		var renewal sync.WaitGroup
		renewal.Go(func() { j.renew(renewing) })
		outcome = j.invoker.invoke(j.handling, b, visible)
		stop()
		renewal.Wait()
	}
	if j.handling.Err() != nil {
		visible = time.Time{} // the node stops: what it had is visible at once
	}
	j.settle(outcome, visible)
	switch {
	case outcome.throttled:
		j.pace.throttled()
	case outcome.all:
		j.pace.leave()
	default:
		j.pace.succeeded()
	}
}

// take takes a group and puts its messages into the batch, but for those that
// are not for the function. What has no room stays as it is.
func (j *fifoJob) take(p *fifoPart, b *batch, now time.Time) {
	before := *b
	notes := maps.Clone(p.stored.Received)
	if notes == nil {
		notes = map[uint64]receiptNote{}
	}
	for i := range p.messages {
		c := &p.messages[i]
		note := notes[c.sequence]
		if note.Count == 0 {
			note.First = now
		}
		note.Count++
		switch {
		case c.duplicate, now.Sub(c.Sent) > j.queue.Retention.Std():
			c.done = true
			continue
		case j.queue.DeadLetter != nil && note.Count > j.queue.DeadLetter.MaxReceives:
			c.dead, c.done = true, true
			continue
		}
		result, err := b.add(c.message, receipt{sequence: c.sequence, count: note.Count, first: note.First, at: now})
		if err != nil {
			j.log.Error("a message cannot be described", "message", c.ID, "error", err)
		}
		if err != nil || result == overflow {
			break
		}
		c.done, c.delivered = result == unwanted, result == wanted
		notes[c.sequence] = note
	}
	if j.held() && j.write(p, groupState{Holder: j.id, Received: notes}) {
		return
	}
	// Nothing of it was ours to decide.
	*b = before
	p.lost = true
	for i := range p.messages {
		p.messages[i] = fifoCandidate{fifoMessage: p.messages[i].fifoMessage}
	}
}

// stateTimeout bounds one write of a group's state.
const stateTimeout = 5 * time.Second

// write writes the group's state, and tells whether the group is still the
// job's. When it is not known whether the state was written, the group counts as
// lost: whoever looks again sees.
func (j *fifoJob) write(p *fifoPart, state groupState) bool {
	ttl := groupMemory
	if state.Holder != "" || len(state.Received) > 0 {
		ttl += j.queue.Retention.Std() // by then its messages have expired
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(j.handling), stateTimeout)
	defer cancel()
	revision, err := j.states.put(ctx, p.group.hash, state, p.stored.revision, ttl)
	if err != nil {
		if !errors.Is(err, errGroupLost) {
			j.complain("a message group's state was not written", err)
		}
		p.lost = true
		return false
	}
	p.stored = storedGroup{state, revision}
	return true
}

// renew shows that the job is alive, until ctx ends.
func (j *fifoJob) renew(ctx context.Context) {
	for {
		timer := j.env.Clock.NewTimer(leaseOf(j.queue) / 4)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return
		}
		for _, p := range j.parts {
			if !p.lost {
				j.write(p, p.stored.groupState)
			}
		}
	}
}

// settle deletes what is done and gives the groups back; what failed is visible
// again at the given time. It goes on when the context of batches has ended:
// what was done is done.
func (j *fifoJob) settle(outcome batchOutcome, visible time.Time) {
	j.handled = map[string]time.Time{}
	now := j.env.Clock.Now()
	for _, p := range j.parts {
		for i := range p.messages {
			c := &p.messages[i]
			if c.delivered {
				c.done = outcome.done(c.ID)
			}
			if c.dead {
				c.done = j.bury(c)
			}
			if c.done && !c.duplicate && now.Sub(c.Sent) < deduplicationTime {
				j.handled[c.Deduplication] = c.Sent
			}
		}
	}
	j.remember()
	for _, p := range j.parts {
		j.remove(p)
		if !p.lost {
			j.giveBack(p, visible)
		}
	}
}

func (j *fifoJob) bury(c *fifoCandidate) bool {
	err := j.persist(func(ctx context.Context) error { return publishDead(ctx, j.env, j.names, c.message, c.sequence) })
	if err != nil {
		j.complain("a message cannot be moved to the dead letters; it is tried again", err)
	}
	return err == nil
}

// remember notes what was handled before it is deleted.
func (j *fifoJob) remember() {
	if len(j.handled) == 0 {
		return
	}
	id := uuid.NewString()
	if err := j.persist(func(ctx context.Context) error { return j.states.noteHandled(ctx, id, j.handled) }); err != nil {
		j.complain("duplicates of messages that were handled may be handled too", err)
	}
}

// remove deletes what is done: at once, if that is the beginning of the group.
func (j *fifoJob) remove(p *fifoPart) {
	done, prefix := 0, true
	for i, c := range p.messages {
		if c.done {
			prefix = prefix && done == i
			done++
		}
	}
	if done == 0 {
		return
	}
	stream, err := j.env.Store.JetStream().Stream(context.WithoutCancel(j.handling), j.names.messages())
	if err == nil && prefix {
		end := p.messages[done-1].sequence + 1
		err = j.persist(func(ctx context.Context) error {
			return stream.Purge(ctx, jetstream.WithPurgeSubject(j.names.group(p.group.hash)), jetstream.WithPurgeSequence(end))
		})
	}
	for i := range p.messages {
		c := &p.messages[i]
		if !c.done || err != nil {
			continue
		}
		if !prefix {
			err = j.persist(func(ctx context.Context) error {
				if err := stream.DeleteMsg(ctx, c.sequence); !errors.Is(err, jetstream.ErrMsgNotFound) {
					return err
				}
				return nil
			})
		}
		c.gone = err == nil
	}
	if err != nil {
		j.complain("messages that were handled cannot be deleted; they are delivered again", err)
	}
}

// giveBack ends the job's part in a group.
func (j *fifoJob) giveBack(p *fifoPart, visible time.Time) {
	state := groupState{Received: maps.Clone(p.stored.Received)}
	for _, c := range p.messages {
		switch {
		case c.gone:
			delete(state.Received, c.sequence)
		case c.delivered:
			state.Until = visible
		case c.dead:
			state.Until = j.env.Clock.Now().Add(pollRetry)
		}
	}
	if j.write(p, state) {
		p.blocked = state.Until
	}
}

// persist tries something a few times: a short absence of JetStream is nothing
// that is to be seen by functions.
func (j *fifoJob) persist(what func(ctx context.Context) error) error {
	var err error
	for wait := 100 * time.Millisecond; wait < 2*time.Second; wait *= 2 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(j.handling), stateTimeout)
		err = what(ctx)
		cancel()
		if err == nil {
			return nil
		}
		time.Sleep(wait)
	}
	return err
}

// complain logs what went wrong, quietly if the queue is being deleted or the
// node stops.
func (j *fifoJob) complain(what string, err error) {
	level := slog.LevelError
	if j.handling.Err() != nil {
		level = slog.LevelDebug
	}
	j.log.Log(context.Background(), level, what, "error", err)
}

// reload looks at a group that was lost: who has it now, and which of the
// messages are still there.
func (j *fifoJob) reload(p *fifoPart) {
	ctx, cancel := context.WithTimeout(j.handling, time.Minute)
	defer cancel()
	if err := j.look(ctx, p); err != nil {
		j.complain("a message group cannot be read; it is tried again", err)
		p.lost = true
		select {
		case <-time.After(pollRetry):
		case <-j.handling.Done():
		}
	}
}

func (j *fifoJob) look(ctx context.Context, p *fifoPart) error {
	stored, err := j.states.get(ctx, p.group.hash)
	if err != nil {
		return err
	}
	// The state first: who gives the group back has deleted before.
	stream, err := j.env.Store.JetStream().Stream(ctx, j.names.messages())
	if err != nil {
		return err
	}
	for i := range p.messages {
		_, err := stream.GetMsg(ctx, p.messages[i].sequence)
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return err
		}
		p.messages[i].gone = err != nil
	}
	p.stored, p.reloaded = stored, true
	return nil
}
