package invoke

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// onOneConnection sends a request so often, and returns how long that took.
func onOneConnection(t *testing.T, p *process, request string, times int) time.Duration {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	go p.spec.RuntimeAPI.ServeConn(theirs)
	answers := bufio.NewReader(ours)
	began := time.Now()
	for range times {
		if _, err := io.WriteString(ours, request); err != nil {
			t.Error(err)
			return 0
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Error(err)
			return 0
		}
		_, _ = io.Copy(io.Discard, answer.Body)
	}
	return time.Since(began)
}

func TestWhatAFunctionHasTheRuntimeDoInVainHasItsPace(t *testing.T) {
	// Both have the runtime do what it does at once and what takes another second.
	for name, c := range map[string]struct {
		request string
		times   int
	}{
		"what is refused": {"GET /none HTTP/1.1\r\nHost: x\r\n\r\n", 2 * wasteRate},
		"its event again": {"GET " + apiPrefix + "invocation/next HTTP/1.1\r\nHost: x\r\n\r\n", wasteRate},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, func(p *process) {
					for {
						e := p.next()
						p.respond(e.id, fmt.Sprint(onOneConnection(t, p, c.request, c.times).Milliseconds()))
					}
				})
				response := h.must(Request{Function: "shop-cart", Payload: []byte("1")})
				var took int64
				if _, err := fmt.Sscan(string(response.Payload), &took); err != nil {
					t.Fatal(err)
				}
				if d := time.Duration(took) * time.Millisecond; d < 990*time.Millisecond || d > 1010*time.Millisecond {
					t.Errorf("%d requests took %v", c.times, d)
				}
			})
		})
	}
}

func TestChunksThatHoldHardlyAnythingHaveTheirPace(t *testing.T) {
	// As many as are read at once, and what takes another second.
	for size, want := range map[int]time.Duration{1: time.Second, chunkSize: 0} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, func(p *process) {
					e := p.next()
					chunk := fmt.Sprintf("%x\r\n%s\r\n", size, strings.Repeat("x", size))
					// What was read a byte at a time is not all waste.
					many := 2 * wasteRate * wasteChunks * chunkSize / (chunkSize - 1)
					if size > 1 {
						many = maxAnswer / size
					}
					onOneConnection(t, p, "POST "+apiPrefix+"invocation/"+e.id+"/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+
						strings.Repeat(chunk, many)+"0\r\n\r\n", 1)
					p.next()
				})
				began := time.Now()
				response := h.must(Request{Function: "shop-cart", Payload: []byte("1")})
				if took := time.Since(began); response.FunctionError != "" || took < want-10*time.Millisecond || took > want+10*time.Millisecond {
					t.Errorf("an answer in chunks of %d bytes took %v, not %v: %s", size, took, want, response.FunctionError)
				}
			})
		})
	}
}

func TestACallerOfAnAnswerThatIsTooLargeWaitsForItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rest := make(chan struct{})
		h := newHouse(t, func(p *process) {
			e := p.next()
			ours, theirs := net.Pipe()
			defer ours.Close()
			go p.spec.RuntimeAPI.ServeConn(theirs)
			_, _ = io.WriteString(ours, fmt.Sprintf("POST %sinvocation/%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
				apiPrefix, e.id, maxAnswer+2, strings.Repeat("x", maxAnswer+1)))
			<-rest
			_, _ = io.WriteString(ours, "x")
			if answer, err := http.ReadResponse(bufio.NewReader(ours), nil); err != nil || answer.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("the answer was answered with %v, %v", answer, err)
			}
		})
		answered := make(chan Response, 1)
		go func() { answered <- h.must(Request{Function: "shop-cart", Payload: []byte("1")}) }()
		synctest.Wait()
		select {
		case <-answered:
			t.Error("the invocation was over while the instance was busy with its answer")
		default:
		}
		close(rest)
		if r := <-answered; !strings.Contains(string(r.Payload), errorTooLarge) {
			t.Errorf("the invocation ended with %s", r.Payload)
		}
	})
}

func TestWorkHasNoPaceButItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo)
		large := `"` + strings.Repeat("x", 2*wasteUnit) + `"`
		began := time.Now()
		for range wasteRate + 100 {
			if response := h.must(Request{Function: "shop-cart", Payload: []byte(large)}); len(response.Payload) != len(large) {
				t.Fatalf("the answer has %d bytes", len(response.Payload))
			}
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("answers were waited for, %v", took)
		}
	})
}
