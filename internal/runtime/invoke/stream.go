package invoke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// MaxStream is Lambda's limit on a streamed answer, in bytes.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
const MaxStream = 200 << 20

// streamChunk is how much of a streamed answer is handed over at once, at most.
const streamChunk = 64 << 10

// A Sink takes a function's answer as the function writes it. The goroutine that
// called Invoke calls it, and nobody else.
type Sink interface {
	// Begin is called once, before the first Write, when the function has begun to
	// answer. It is not called if the function fails before.
	Begin(head StreamHead)
	// Write takes what the function has written since. The function waits until it
	// returns. An error says that nobody reads any more: the function then runs to
	// its end unheard, as on Lambda.
	Write(p []byte) (int, error)
}

// StreamHead is what is known of an answer when it begins.
type StreamHead struct {
	// ContentType as the function's runtime gave it; may be empty.
	ContentType string
	// ExecutedVersion is the number of the version that answers, or "$LATEST".
	ExecutedVersion string
	// Init is the instance's, if this is its first event.
	Init Initialization
	// Streamed is false if the function gave its answer as a whole.
	Streamed bool
}

// errUnheard ends the reading side of a stream whose invocation is over.
var errUnheard = errors.New("the invocation is over")

// A stream hands a function's answer from its instance to the one who invoked it.
// Each side may end it at any time.
type stream struct {
	in  *io.PipeWriter
	out *io.PipeReader
	// begun gets the type of the content when the function begins to answer.
	begun chan string
	once  sync.Once
}

func newStream() *stream {
	s := &stream{begun: make(chan string, 1)}
	s.out, s.in = io.Pipe()
	return s
}

// close tells the reading side that nothing more comes.
func (s *stream) close() {
	if s != nil {
		_ = s.in.Close()
	}
}

// deafen tells the writing side that nobody reads.
func (s *stream) deafen() { _ = s.out.CloseWithError(errUnheard) }

// begin announces the answer.
func (s *stream) begin(contentType string) {
	s.once.Do(func() { s.begun <- contentType })
}

// take hands over what comes from the instance, at the pace of who reads it, or of
// the function alone if nobody does any more. It returns errStreamTooLarge, or the
// error of reading.
func (s *stream) take(body io.Reader) error {
	buffer := make([]byte, streamChunk)
	heard := true
	for total := 0; ; {
		n, err := body.Read(buffer)
		if total += n; total > MaxStream {
			return errStreamTooLarge
		}
		if n > 0 && heard {
			_, gone := s.in.Write(buffer[:n])
			heard = gone == nil
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

var errStreamTooLarge = errors.New("the streamed answer is too large")

// tooLargeStream is the error of an invocation whose streamed answer is over the
// limit.
func tooLargeStream() functionError {
	return functionError{
		Type:    errorTooLarge,
		Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", MaxStream),
	}
}

// truncated is the error of an invocation whose runtime stopped in the middle of a
// streamed answer, and goes on living.
func truncated() functionError {
	return functionError{Type: errorTruncated, Message: "Response was truncated: the runtime closed its connection before the end"}
}

// deliver gives a sink the invocation's answer until it is over, one way or the
// other, and returns what is known then.
func (inv *invocation) deliver(ctx context.Context, sink Sink, version string) (Response, error) {
	stop := context.AfterFunc(ctx, inv.stream.deafen)
	defer stop()
	select {
	case contentType := <-inv.stream.begun:
		sink.Begin(StreamHead{ContentType: contentType, ExecutedVersion: version, Init: inv.init, Streamed: true})
		inv.stream.drainTo(sink)
	case <-inv.answered:
		select {
		case contentType := <-inv.stream.begun: // and ended at once
			sink.Begin(StreamHead{ContentType: contentType, ExecutedVersion: version, Init: inv.init, Streamed: true})
		default:
		}
	case <-ctx.Done():
	}
	done := inv.answered
	if inv.logTail {
		done = inv.finished
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // it may have missed some
		return Response{}, asError(ctx.Err())
	}
	response, err := inv.response(version)
	if err == nil && response.FunctionError == "" && !inv.streamed {
		sink.Begin(StreamHead{ContentType: "application/json", ExecutedVersion: version, Init: inv.init})
		_, _ = sink.Write(response.Payload)
		response.Payload = nil
	}
	return response, err
}

// drainTo writes what comes to the sink until nothing more comes or nobody reads.
func (s *stream) drainTo(sink Sink) {
	buffer := make([]byte, streamChunk)
	for {
		n, err := s.out.Read(buffer)
		if err != nil {
			return
		}
		if _, err := sink.Write(buffer[:n]); err != nil {
			s.deafen()
			return
		}
	}
}
