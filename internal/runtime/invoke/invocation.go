package invoke

import (
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// An invocation is one event on its way through one instance. It is answered
// once, by the function, its end or a timeout, and finished once after that,
// when the instance is ready for another event or gone and the invocation's log
// is complete.
type invocation struct {
	id            string
	arn           string
	payload       []byte
	clientContext string
	traceID       string
	timeout       time.Duration
	logTail       bool

	// stream hands the answer over as it comes; nil if who invoked wants it whole.
	// streamed tells whether the function used it, and may be read once answered is
	// closed.
	stream   *stream
	streamed bool

	// pool whose version runs.
	pool *pool

	// started is when the function's time began to run. Written before any other
	// goroutine sees the invocation's timer or event.
	started time.Time
	timer   *time.Timer
	// init is the instance's, if this is its first event.
	init Initialization

	// span is nil unless there are traces.
	span *telemetry.Span
	// done, unless nil, is told the answer.
	done func(Response, error)
	// outcome may be read once answered is closed.
	outcome  outcome
	answered chan struct{}
	// tail may be read once finished is closed.
	tail     []byte
	finished chan struct{}
}

// An outcome is how an invocation ended.
type outcome struct {
	payload []byte
	// contentType of an answer in streaming mode that was taken as a whole.
	contentType string
	// failure is why the function failed; nil if it did not.
	failure *functionError
	// err is why the invocation did not run to an end; nil if it did.
	err error
	// duration is without what the invocation waited for its instance.
	duration time.Duration
}

func (o outcome) String() string {
	switch {
	case o.failure == nil:
		return telemetry.OutcomeSuccess
	case o.failure.Type == errorTimeout:
		return telemetry.OutcomeTimeout
	}
	return telemetry.OutcomeError
}

// answer ends the invocation's run. The caller sees to it that it is called once.
func (inv *invocation) answer(o outcome) {
	now := time.Now()
	o.duration = now.Sub(inv.started)
	if o.failure != nil {
		o.payload = o.failure.body(inv.id)
	}
	inv.outcome = o
	inv.pool.settle(inv, now)
	inv.endSpan()
	inv.stream.close()
	close(inv.answered)
	if inv.done != nil {
		inv.done(inv.response(inv.pool.version.name))
	}
}

// billed is the time that is billed, in whole milliseconds. Since August 2025 the time to
// initialise is billed with an instance's first invocation.
func (inv *invocation) billed() time.Duration {
	took := inv.outcome.duration + inv.init.Took
	return (took + time.Millisecond - 1).Truncate(time.Millisecond)
}
