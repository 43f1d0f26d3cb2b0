package invoke

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A memorySink keeps what it is given, as long as it is willing to.
type memorySink struct {
	mu     sync.Mutex
	heads  []StreamHead
	chunks []string
	size   int
	// wait, unless nil, is asked before each chunk is taken.
	wait func() error
}

func (s *memorySink) Begin(head StreamHead) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heads = append(s.heads, head)
}

func (s *memorySink) Write(p []byte) (int, error) {
	if s.wait != nil {
		if err := s.wait(); err != nil {
			return 0, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size += len(p)
	if len(s.chunks) < 100 {
		s.chunks = append(s.chunks, string(p))
	}
	return len(p), nil
}

func (s *memorySink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.chunks, "|")
}

func TestAStreamedAnswerArrivesAsItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := make(chan struct{})
		h := newHouse(t, once(func(p *process, e fakeEvent) {
			p.stream(e.id, "text/html", nil, func(w io.Writer) {
				_, _ = io.WriteString(w, "first")
				<-read // the first is with its reader before there is a second
				_, _ = io.WriteString(w, "second")
			})
		}))
		sink := &memorySink{}
		first := sync.OnceFunc(func() { close(read) })
		go func() {
			synctest.Wait()
			if got := sink.text(); got != "first" {
				t.Errorf("before the second chunk was written there was %q", got)
			}
			first()
		}()
		r := h.must(Request{Qualifier: "live", Sink: sink})
		if got := sink.text(); got != "first|second" || r.FunctionError != "" || r.Payload != nil {
			t.Errorf("got %q and %+v", got, r)
		}
		want := StreamHead{ContentType: "text/html", ExecutedVersion: "1", Streamed: true}
		if len(sink.heads) != 1 || sink.heads[0] != want {
			t.Errorf("the answer began with %+v, want %+v", sink.heads, want)
		}
	})
}

func TestAnAnswerThatIsNotStreamedComesAsAWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo)
		sink := &memorySink{}
		r := h.must(Request{Payload: []byte(`"whole"`), Sink: sink})
		if got := sink.text(); got != `"whole"` || r.FunctionError != "" || len(sink.heads) != 1 || sink.heads[0].Streamed {
			t.Errorf("got %q, %+v and %+v", got, sink.heads, r)
		}
	})
}

func TestWhoWantsNoStreamGetsAStreamedAnswerWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, once(func(p *process, e fakeEvent) {
			p.stream(e.id, "text/plain", nil, func(w io.Writer) {
				_, _ = io.WriteString(w, "first ")
				_, _ = io.WriteString(w, "second")
			})
		}))
		if r := h.must(Request{}); string(r.Payload) != "first second" || r.ContentType != "text/plain" {
			t.Errorf("got %q of type %q", r.Payload, r.ContentType)
		}
	})
}

func TestAWholeAnswerOfAStreamIsLimited(t *testing.T) {
	h := newHouse(t, once(func(p *process, e fakeEvent) {
		p.stream(e.id, "text/plain", nil, func(w io.Writer) { _, _ = w.Write(make([]byte, maxAnswer+1)) })
	}))
	if r := h.must(Request{}); !strings.Contains(string(r.Payload), errorTooLarge) {
		t.Errorf("got %.200q", r.Payload)
	}
}

func TestAFunctionThatFailsInTheMiddleOfItsStreamSaysSoInTrailers(t *testing.T) {
	fails := func(p *process, e fakeEvent) {
		p.stream(e.id, "text/plain", map[string]string{
			"Lambda-Runtime-Function-Error-Type": "Runtime.BadFunctionCode",
			"Lambda-Runtime-Function-Error-Body": base64.StdEncoding.EncodeToString([]byte(`{"errorMessage":"no more"}`)),
		}, func(w io.Writer) { _, _ = io.WriteString(w, "half") })
	}
	for name, sink := range map[string]*memorySink{"with a stream": {}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, once(fails))
				req := Request{}
				if sink != nil {
					req.Sink = sink
				}
				r := h.must(req)
				if r.FunctionError != "Unhandled" || string(r.Payload) != `{"errorMessage":"no more"}` {
					t.Errorf("got %+v with %s", r, r.Payload)
				}
				if sink != nil && sink.text() != "half" {
					t.Errorf("of the stream there was %q", sink.text())
				}
			})
		})
	}
}

func TestAFunctionThatFailsBeforeItStreamsBeginsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, once(func(p *process, e fakeEvent) { p.fail(e.id, `{"errorMessage":"no"}`) }))
		sink := &memorySink{}
		r := h.must(Request{Sink: sink})
		if r.FunctionError != "Unhandled" || string(r.Payload) != `{"errorMessage":"no"}` || len(sink.heads) != 0 {
			t.Errorf("got %+v with %s and %+v", r, r.Payload, sink.heads)
		}
	})
}

func TestAStreamEndsWithItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, once(func(p *process, e fakeEvent) {
			p.stream(e.id, "text/plain", nil, func(w io.Writer) {
				_, _ = io.WriteString(w, "half")
				p.hang()
			})
		}))
		sink := &memorySink{}
		began := time.Now()
		r := h.must(Request{Sink: sink})
		if !strings.Contains(string(r.Payload), "Task timed out after 3.00 seconds") || sink.text() != "half" {
			t.Errorf("got %s after %q", r.Payload, sink.text())
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestASlowReaderHoldsTheFunctionBackAndTheTimeoutEndsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var written atomic.Int64
		h := newHouse(t, once(func(p *process, e fakeEvent) {
			p.stream(e.id, "text/plain", nil, func(w io.Writer) {
				for range 100 {
					n, err := w.Write(make([]byte, 1<<20))
					written.Add(int64(n))
					if err != nil {
						return
					}
				}
			})
		}))
		over := make(chan struct{})
		sink := &memorySink{wait: func() error { <-over; return nil }}
		var unread atomic.Int64
		time.AfterFunc(2*time.Second, func() { unread.Store(written.Load()) })
		time.AfterFunc(10*time.Second, func() { close(over) })
		r := h.must(Request{Sink: sink})
		if !strings.Contains(string(r.Payload), "Task timed out") {
			t.Errorf("got %s", r.Payload)
		}
		if unread := unread.Load(); unread > 2<<20 {
			t.Errorf("the function could write %d bytes that nobody read", unread)
		}
	})
}

func TestAFunctionWhoseReaderGoesAwayRunsToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		program := once(func(p *process, e fakeEvent) {
			p.stream(e.id, "text/plain", nil, func(w io.Writer) {
				for range 64 {
					_, _ = w.Write(make([]byte, 64<<10))
				}
			})
			close(ended)
		})
		h := newHouse(t, program)
		sink := &memorySink{wait: func() error { return errors.New("gone") }}
		if r := h.must(Request{Sink: sink}); r.FunctionError != "" {
			t.Errorf("got %+v", r)
		}
		<-ended
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		h := newHouse(t, once(func(p *process, e fakeEvent) {
			p.stream(e.id, "text/plain", nil, func(w io.Writer) {
				_, _ = io.WriteString(w, "half")
				cancel()
				for range 64 {
					_, _ = w.Write(make([]byte, 64<<10))
				}
			})
			close(ended)
		}))
		if _, err := h.invoke(ctx, Request{Sink: &memorySink{}}); err == nil {
			t.Error("a caller that gave up got an answer")
		}
		<-ended
		pass(time.Second)
		if n := h.limits.shared.running; n != 0 {
			t.Errorf("%d invocations are still counted", n)
		}
	})
}

func TestAStreamIsLimited(t *testing.T) {
	h := newHouse(t, once(func(p *process, e fakeEvent) {
		p.stream(e.id, "text/plain", nil, func(w io.Writer) {
			chunk := make([]byte, 1<<20)
			for range MaxStream>>20 + 1 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		})
	}), func(o *Options) {})
	h.apply("shop", shop(changeCart(func(f *stack.Function) { f.Timeout = stack.Duration(time.Minute) })))
	sink := &memorySink{}
	if r := h.must(Request{Sink: sink}); !strings.Contains(string(r.Payload), errorTooLarge) || sink.size > MaxStream {
		t.Errorf("got %.200q after %d bytes", r.Payload, sink.size)
	}
}

func TestAProcessThatEndsInTheMiddleOfItsStreamFailsWithItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, once(func(p *process, e fakeEvent) {
			p.stream(e.id, "text/plain", nil, func(w io.Writer) {
				_, _ = io.WriteString(w, "half")
				synctest.Wait()
				p.stop(sandbox.Exit{Code: 3})
			})
		}))
		sink := &memorySink{}
		r := h.must(Request{Sink: sink})
		if !strings.Contains(string(r.Payload), "exit status 3") || sink.text() != "half" {
			t.Errorf("got %s after %q", r.Payload, sink.text())
		}
	})
}

func TestAStreamThatBreaksOffIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, once(func(p *process, e fakeEvent) {
			p.stream(e.id, "text/plain", nil, func(w io.Writer) {
				_, _ = io.WriteString(w, "half")
				_ = w.(*io.PipeWriter).CloseWithError(io.ErrUnexpectedEOF)
			})
		}))
		r := h.must(Request{Sink: &memorySink{}})
		if !bytes.Contains(r.Payload, []byte(errorTruncated)) {
			t.Errorf("got %s", r.Payload)
		}
	})
}
