package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// logStream is the stream of all log lines; its subjects are
// TIDEGATE_LOGS.<stack>.<function>.<incarnation>. A message holds entries of
// one group, a JSON object per line.
const logStream = "TIDEGATE_LOGS"

const (
	// flushInterval is how long a line waits for others to share a message with.
	flushInterval = 50 * time.Millisecond
	// maxBatch is the most bytes of entries in a message. JSON makes a byte at most
	// six, and NATS servers allow messages of 1 MB unless told otherwise.
	maxBatch = 128 << 10
	// publishTimeout is how long an acknowledgement of JetStream may take.
	publishTimeout = 5 * time.Second
	// republishWait is the pause after JetStream refused lines.
	republishWait = 250 * time.Millisecond
)

// LogsOptions configure NewLogs.
type LogsOptions struct {
	JetStream jetstream.JetStream
	// Replicas of the stream, default 1.
	Replicas int
	// MaxBytes of the whole stream, default 1 GiB. Beyond it the oldest lines go.
	MaxBytes int64
	// Rate and Burst bound what one function may write on this node, in bytes per
	// second and at once; defaults 1 MiB and 8 MiB. Lines beyond are dropped, and
	// the log says how many.
	Rate, Burst int
	// MaxPending is the most bytes of all functions that wait for JetStream,
	// default 32 MiB. Lines beyond are dropped likewise.
	MaxPending int
	// Metrics counts dropped lines; may be nil.
	Metrics *Metrics
	// Log gets the logs' own troubles; nil means none.
	Log *slog.Logger
}

func (o LogsOptions) withDefaults() LogsOptions {
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 30
	}
	if o.Rate == 0 {
		o.Rate = 1 << 20
	}
	if o.Burst == 0 {
		o.Burst = 8 << 20
	}
	if o.MaxPending == 0 {
		o.MaxPending = 32 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Logs are the functions' logs. Append never waits: lines gather in memory, at
// most for a moment and within bounds, and one goroutine takes them to JetStream.
type Logs struct {
	opts   LogsOptions
	js     jetstream.JetStream
	stream jetstream.Stream

	// mu is held for reading by those who append, and otherwise by the writer.
	mu      sync.RWMutex
	buffers map[Group]*buffer
	closed  bool
	// pending bytes of all buffers, and of the messages on their way.
	pending atomic.Int64

	wake    chan struct{}      // a buffer has something to publish
	flushes chan chan struct{} // asks for a flush at once, closed when it is done
	closing chan struct{}
	done    chan struct{}
	// stop gives up what JetStream has not taken.
	stop context.CancelFunc
}

// NewLogs makes or finds the stream and starts writing to it.
func NewLogs(ctx context.Context, opts LogsOptions) (*Logs, error) {
	opts = opts.withDefaults()
	stream, err := opts.JetStream.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:        logStream,
		Description: "Log lines of Tidegate's functions",
		Subjects:    []string{logStream + ".>"},
		Storage:     jetstream.FileStorage,
		Compression: jetstream.S2Compression,
		Replicas:    opts.Replicas,
		MaxBytes:    opts.MaxBytes,
		Discard:     jetstream.DiscardOld,
		AllowMsgTTL: true,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot make the stream %s for logs: %w", logStream, err)
	}
	publishing, stop := context.WithCancel(context.Background())
	l := &Logs{
		opts:    opts,
		js:      opts.JetStream,
		stream:  stream,
		buffers: map[Group]*buffer{},
		wake:    make(chan struct{}, 1),
		flushes: make(chan chan struct{}),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		stop:    stop,
	}
	go l.write(publishing)
	return l, nil
}

// Append adds a line to a group's log. Stack and Function of the entry are the
// group's. It never blocks; after Close it does nothing.
func (l *Logs) Append(g Group, e Entry) {
	e.Stack, e.Function, e.Line = g.Stack, g.Function, cleanLine(e.Line)
	l.mu.RLock()
	defer l.mu.RUnlock()
	b := l.buffers[g]
	for b == nil {
		l.mu.RUnlock()
		l.begin(g)
		l.mu.RLock()
		b = l.buffers[g] // unless the writer has removed it already
	}
	if l.closed {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	size := e.size()
	if l.pending.Load()+int64(size) > int64(l.opts.MaxPending) || !b.limiter.AllowN(e.Time, size) {
		b.drop(e)
	} else {
		b.entries = append(b.entries, e)
		l.pending.Add(int64(size))
	}
	if !b.told {
		b.told = true
		l.wakeWriter()
	}
}

// begin makes a buffer for a group.
func (l *Logs) begin(g Group) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buffers[g] == nil {
		l.buffers[g] = newBuffer(l.opts.Rate, l.opts.Burst)
	}
}

// wakeWriter tells the writer that there is something to take.
func (l *Logs) wakeWriter() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Flush returns when everything appended before is in the stream.
func (l *Logs) Flush(ctx context.Context) error {
	flushed := make(chan struct{})
	select {
	case l.flushes <- flushed:
	case <-l.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-flushed:
		return nil
	case <-l.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Remove deletes a function's log.
func (l *Logs) Remove(ctx context.Context, stack, incarnation, function string) error {
	subject := Group{Stack: stack, Incarnation: incarnation, Function: function}.subject()
	if err := l.stream.Purge(ctx, jetstream.WithPurgeSubject(subject)); err != nil {
		return fmt.Errorf("cannot remove the log of function %s of stack %s: %w", function, stack, err)
	}
	return nil
}

// Groups lists the groups that have lines, by what their subjects tell of them.
func (l *Logs) Groups(ctx context.Context) ([]Group, error) {
	info, err := l.stream.Info(ctx, jetstream.WithSubjectFilter(logStream+".>"))
	if err != nil {
		return nil, fmt.Errorf("cannot list the functions' logs: %w", err)
	}
	var groups []Group
	for subject := range info.State.Subjects {
		if parts := strings.Split(subject, "."); len(parts) == 4 {
			groups = append(groups, Group{Stack: parts[1], Function: parts[2], Incarnation: parts[3]})
		}
	}
	return groups, nil
}

// Close takes what was appended to the stream and stops. What JetStream has
// not taken when ctx ends is lost.
func (l *Logs) Close(ctx context.Context) error {
	l.mu.Lock()
	already := l.closed
	l.closed = true
	l.mu.Unlock()
	if !already {
		close(l.closing)
	}
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		l.stop()
		<-l.done
		return fmt.Errorf("log lines were lost: %w", ctx.Err())
	}
}

// write publishes what gathers, a flushInterval after its first line, until Close.
func (l *Logs) write(ctx context.Context) {
	defer close(l.done)
	defer l.stop()
	for {
		select {
		case <-l.wake:
			select {
			case <-time.After(flushInterval):
				l.publish(ctx, l.take(false))
			case flushed := <-l.flushes:
				l.publish(ctx, l.take(true))
				close(flushed)
			case <-l.closing:
			}
		case flushed := <-l.flushes:
			l.publish(ctx, l.take(true))
			close(flushed)
		case <-l.closing:
			l.publish(ctx, l.take(true))
			return
		}
	}
}

// A batch is what becomes one message.
type batch struct {
	group Group
	data  []byte
	id    string
	// size is what the batch's entries counted for in Logs.pending.
	size int
}

// take empties the buffers into batches. Notices of dropped lines come at most
// once a second, and at once if final.
func (l *Logs) take(final bool) []batch {
	l.mu.Lock()
	now := time.Now()
	taken := make(map[Group][]Entry)
	for g, b := range l.buffers {
		l.opts.Metrics.logLinesDropped(g, b.uncounted)
		b.uncounted = 0
		if entries := b.take(now, final); len(entries) > 0 {
			taken[g] = entries
		}
		if b.dropped > 0 {
			time.AfterFunc(noticeInterval, l.wakeWriter)
		}
		if b.idle(now) {
			delete(l.buffers, g)
		}
	}
	l.mu.Unlock()

	var batches []batch
	for g, entries := range taken {
		batches = append(batches, encode(g, entries)...)
	}
	return batches
}

func encode(g Group, entries []Entry) []batch {
	var batches []batch
	current := batch{group: g, id: nuid.Next()}
	var line []byte
	for _, e := range entries {
		line = e.appendTo(line[:0])
		if len(current.data) > 0 && len(current.data)+len(line) > maxBatch {
			batches = append(batches, current)
			current = batch{group: g, id: nuid.Next()}
		}
		current.data = append(append(current.data, line...), '\n')
		current.size += e.size()
	}
	return append(batches, current)
}

// publish returns when JetStream has every batch, or ctx has ended. Lines of a
// group stay in order, as nothing of the next flush is sent before.
func (l *Logs) publish(ctx context.Context, batches []batch) {
	for len(batches) > 0 {
		refused, err := l.attempt(ctx, batches)
		if len(refused) == 0 {
			return
		}
		if !errors.Is(err, context.Canceled) {
			l.opts.Log.Warn("cannot write functions' logs; trying again", "messages", len(refused), "error", err)
		}
		batches = refused
		select {
		case <-time.After(republishWait):
		case <-ctx.Done():
			return
		}
	}
}

// attempt sends the batches and returns those that were not acknowledged.
func (l *Logs) attempt(ctx context.Context, batches []batch) (refused []batch, err error) {
	futures := make([]jetstream.PubAckFuture, len(batches))
	for i, b := range batches {
		opts := []jetstream.PublishOpt{
			jetstream.WithMsgID(b.id),
			jetstream.WithStallWait(publishTimeout),
		}
		if b.group.Retention > 0 {
			opts = append(opts, jetstream.WithMsgTTL(b.group.Retention))
		}
		futures[i], err = l.js.PublishMsgAsync(&nats.Msg{Subject: b.group.subject(), Data: b.data}, opts...)
		if err != nil {
			refused = append(refused, batches[i:]...)
			futures, batches = futures[:i], batches[:i]
			break
		}
	}
	timeout := time.After(publishTimeout)
	for i, b := range batches {
		select {
		case <-futures[i].Ok():
			l.pending.Add(-int64(b.size))
			continue
		case err = <-futures[i].Err():
		case <-timeout:
			err = nats.ErrTimeout
			timeout = time.After(0)
		case <-ctx.Done():
			err = ctx.Err()
		}
		refused = append(refused, b)
	}
	return refused, err
}

func (g Group) subject() string {
	return strings.Join([]string{logStream, g.Stack, g.Function, g.Incarnation}, ".")
}
