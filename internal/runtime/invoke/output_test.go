package invoke

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestAnInvocationsLogIsLambdas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			p.print("importing\n")
			p.sleep(120 * time.Millisecond)
			for {
				e := p.next()
				p.print("hel")
				p.print("lo\r\nno line break")
				p.sleep(30*time.Millisecond + 400*time.Microsecond)
				p.respond(e.id, "1")
			}
		})
		first := h.must(Request{ID: "one", Qualifier: "live", LogTail: true})
		h.must(Request{ID: "two", Qualifier: "live"})
		synctest.Wait()
		want := []string{
			"INIT_START Runtime Version: provided:fake",
			"importing",
			"START RequestId: one Version: 1",
			"hello",
			"no line break",
			"END RequestId: one",
			"REPORT RequestId: one\tDuration: 30.40 ms\tBilled Duration: 151 ms\tMemory Size: 128 MB\tMax Memory Used: 42 MB\tInit Duration: 120.00 ms\t",
			"START RequestId: two Version: 1",
			"hello",
			"no line break",
			"END RequestId: two",
			"REPORT RequestId: two\tDuration: 30.40 ms\tBilled Duration: 31 ms\tMemory Size: 128 MB\tMax Memory Used: 42 MB\t",
		}
		if got := h.logs.lines(); !slices.Equal(got, want) {
			t.Errorf("the log is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if got := string(first.LogTail); got != strings.Join(want[2:7], "\n")+"\n" {
			t.Errorf("the tail is\n%s", got)
		}
		for i, e := range h.logs.all() {
			request := []string{"", "one", "two"}[(i+3)/5]
			if e.RequestID != request || e.Version != "1" || e.Instance == "" {
				t.Errorf("line %q is request %q's, version %q's, want %q's and 1's", e.Line, e.RequestID, e.Version, request)
			}
		}
	})
}

func TestATimeoutsLogSaysWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			p.next()
			p.print("working\n")
			p.hang()
		})
		r := h.must(Request{ID: "id", LogTail: true})
		want := []string{
			"START RequestId: id Version: $LATEST",
			"working",
			"2000-01-01T00:00:03.000Z id Task timed out after 3.00 seconds",
			"",
			"END RequestId: id",
			"REPORT RequestId: id\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 42 MB\tStatus: timeout",
			"",
		}
		if got := string(r.LogTail); got != strings.Join(want, "\n") {
			t.Errorf("the log is\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
	})
}

func TestAnExitsLogSaysHow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			p.next()
			p.stop(sandbox.Exit{Code: 1})
		})
		r := h.must(Request{ID: "id", LogTail: true})
		want := []string{
			"START RequestId: id Version: $LATEST",
			"RequestId: id Error: Runtime exited with error: exit status 1",
			"Runtime.ExitError",
			"END RequestId: id",
			"REPORT RequestId: id\tDuration: 0.00 ms\tBilled Duration: 0 ms\tMemory Size: 128 MB\tMax Memory Used: 42 MB\tStatus: error\tError Type: Runtime.ExitError",
			"",
		}
		if got := string(r.LogTail); got != strings.Join(want, "\n") {
			t.Errorf("the log is\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
	})
}

func TestATailIsTheLast4KBAndHoldsLinesThatWereStillInThePipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			e := p.next()
			for i := range 10_000 {
				p.print(fmt.Sprintf("line %d\n", i))
			}
			p.unread = "the pipe was slow\n"
			p.respond(e.id, "1")
			p.next()
		})
		tail := string(h.must(Request{LogTail: true}).LogTail)
		if len(tail) != 4096 || !strings.Contains(tail, "line 9999\nthe pipe was slow\nEND ") {
			t.Errorf("the tail has %d bytes and ends in %q", len(tail), tail[len(tail)-200:])
		}
	})
}

func TestLinesAfterTheEndAreTheLastRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			e := p.next()
			p.respond(e.id, "1")
			time.AfterFunc(time.Second, func() { p.print("a timer\n") })
			p.next()
		})
		h.must(Request{ID: "id"})
		pass(2 * time.Second)
		entries := h.logs.all()
		last := entries[len(entries)-1]
		if last.Line != "a timer" || last.RequestID != "id" {
			t.Errorf("the last line is %q, of request %q", last.Line, last.RequestID)
		}
	})
}

func TestADeletedFunctionLogsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, busy(time.Second))
		go h.must(Request{})
		synctest.Wait()
		before := len(h.logs.lines())
		h.apply("shop", nil)
		pass(2 * time.Second)
		if after := len(h.logs.lines()); after != before {
			t.Errorf("%d lines were added after the deletion", after-before)
		}
	})
}

func TestLogsHaveTheFunctionsRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo)
		h.apply("shop", shop(changeCart(func(f *stack.Function) { f.Logs.RetentionDays = 14 })))
		got := h.functions["shop-cart"].settings.Load().log
		want := telemetry.Group{Stack: "shop", Incarnation: "first", Function: "cart", Retention: 14 * 24 * time.Hour}
		if got != want {
			t.Errorf("the log group is %+v, want %+v", got, want)
		}
	})
}

// FuzzOutput writes a text in pieces: its lines are the same as in one.
func FuzzOutput(f *testing.F) {
	f.Add("one\ntwo\r\n\nthree", 3)
	f.Add(strings.Repeat("x", 3*telemetry.MaxLine)+"\ny", telemetry.MaxLine+1)
	f.Fuzz(func(t *testing.T, text string, size int) {
		lines := func(pieces ...string) []string {
			var got []string
			o := &output{append: func(e telemetry.Entry) { got = append(got, e.Line) }}
			for _, p := range pieces {
				if n, err := o.Write([]byte(p)); n != len(p) || err != nil {
					t.Fatalf("Write took %d of %d bytes: %v", n, len(p), err)
				}
			}
			o.end()
			return got
		}
		var pieces []string
		for i := 0; size > 0 && i < len(text); i += size {
			pieces = append(pieces, text[i:min(i+size, len(text))])
			if size > len(text) {
				break
			}
		}
		if size <= 0 {
			pieces = []string{text}
		}
		whole := lines(text)
		if !slices.Equal(whole, lines(pieces...)) {
			t.Errorf("the lines depend on the pieces")
		}
		for _, line := range whole {
			if len(line) > telemetry.MaxLine || strings.Contains(line, "\n") {
				t.Errorf("a line has %d bytes", len(line))
			}
		}
	})
}
