package conformance_test

import (
	"strings"
	"testing"
)

func errors(t *testing.T, f *function) {
	a := f.do("main", "fail", map[string]any{"text": "nicht möglich ☃"}, "X-Amz-Log-Type", "Tail")
	all := f.fails(a, failure{f.failure, "nicht möglich ☃"})
	shape := map[string]string{
		"go":     "[errorMessage errorType]",
		"rust":   "[errorMessage errorType]",
		"python": "[errorMessage errorType requestId stackTrace]",
		"node":   "[errorMessage errorType trace]",
		"java":   "[errorMessage errorType stackTrace]",
	}[f.name]
	if keys(all) != shape {
		t.Errorf("the error has %s, not %s", keys(all), shape)
	}
	for _, line := range []string{"START RequestId: " + a.id, "END RequestId: " + a.id, "REPORT RequestId: " + a.id} {
		if !strings.Contains(a.log, line) {
			t.Errorf("%q is not in the log:\n%s", line, a.log)
		}
	}

	// What was printed before the answer is in the log when the answer is there.
	if a := f.do("main", "print", map[string]any{"text": "gedruckt ☃"}, "X-Amz-Log-Type", "Tail"); !strings.Contains(a.log, "gedruckt ☃\n") || string(a.payload) != "null" {
		t.Errorf("it answers %s, and the log is\n%s", a.payload, a.log)
	}

	// Some clients send the error a second time, in a header of up to 1 MB. This comes last:
	// Node writes what does not fit into a pipe later, perhaps into the next one's log.
	for _, size := range []int{10 << 10, 100 << 10, 500 << 10, 2 << 20} {
		if size > 1<<20 && f.name == "node" {
			continue // this client's header has no bound, and larger ones are refused
		}
		long := strings.Repeat("x", size)
		f.fails(f.do("main", "fail", map[string]any{"number": size}), failure{f.failure, long})
	}
}

// crashes ends the only instance of a function in every way. The next event is for a
// new one.
func crashes(t *testing.T, f *function) {
	var got struct{ Count int }
	for _, c := range []struct {
		what    string
		more    map[string]any
		message string
	}{
		{"exit", map[string]any{"number": 3}, "Runtime exited with error: exit status 3"},
		{"exit", map[string]any{"number": 0}, "Runtime exited without providing a reason"},
		{"kill", nil, "Runtime exited with error: signal: killed"},
	} {
		a := f.do("crashes", c.what, c.more, "X-Amz-Log-Type", "Tail")
		f.fails(a, failure{"Runtime.ExitError", "RequestId: " + a.id + " Error: " + c.message})
		if !strings.Contains(a.log, c.message) {
			t.Errorf("%q is not in the log:\n%s", c.message, a.log)
		}
		if f.succeeds(f.do("crashes", "count", nil), &got); got.Count != 1 {
			t.Errorf("after %s the next event is the instance's number %d", c.what, got.Count)
		}
	}
	switch f.name {
	case "go": // reports the panic, and ends
		a := f.do("crashes", "panic", map[string]any{"text": "keine Panik"})
		if all := f.fails(a, failure{"string", "keine Panik"}); keys(all) != "[errorMessage errorType stackTrace]" {
			t.Errorf("the error has %s", keys(all))
		}
		if f.succeeds(f.do("crashes", "count", nil), &got); got.Count != 1 {
			t.Errorf("after a panic the next event is the instance's number %d", got.Count)
		}
	case "rust": // catches the panic, and goes on
		a := f.do("crashes", "panic", map[string]any{"text": "keine Panik"})
		if all := f.fails(a, failure{"&alloc::boxed::Box<dyn core::any::Any + core::marker::Send>", "Lambda panicked: keine Panik"}); keys(all) != "[errorMessage errorType]" {
			t.Errorf("the error has %s", keys(all))
		}
		if f.succeeds(f.do("crashes", "count", nil), &got); got.Count != 3 {
			t.Errorf("after a panic the next event is the instance's number %d", got.Count)
		}
	}
}

func timeouts(t *testing.T, f *function) {
	a := f.do("slow", "sleep", map[string]any{"number": 600_000}, "X-Amz-Log-Type", "Tail")
	f.fails(a, failure{"Sandbox.Timedout", "RequestId: " + a.id + " Error: Task timed out after 1.00 seconds"})
	if !strings.Contains(a.log, "Task timed out after 1.00 seconds") || !strings.Contains(a.log, "Status: timeout") {
		t.Errorf("the log is\n%s", a.log)
	}
	var got struct{ Count int }
	if f.succeeds(f.do("slow", "count", nil), &got); got.Count != 1 {
		t.Errorf("after a timeout the next event is the instance's number %d", got.Count)
	}
}

func failuresAtStart(t *testing.T, f *function) {
	for range 2 {
		a := f.do("broken", "count", nil, "X-Amz-Log-Type", "Tail")
		message := f.startError
		if message == unreported {
			message = "RequestId: " + a.id + " Error: " + message
		}
		f.fails(a, failure{f.atStart, message})
		f.logs("broken", "told to fail")
	}
}
