package load_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/bench/load"
)

// period is how long a test's load goes on: for some requests, on a machine with other
// things to do.
const period = time.Second

func TestEveryAnswerIsCountedOnce(t *testing.T) {
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		_, _ = io.Copy(w, r.Body)
	}))
	defer server.Close()
	target, err := load.Post(server.URL+"/echo", http.Header{"X-A": {"b"}}, []byte(`{"a":1}`), http.StatusOK)
	if err != nil {
		t.Fatal(err)
	}
	result, err := target.Run(t.Context(), 3, period)
	if err != nil || int64(result.Requests) != served.Load() || result.Requests == 0 {
		t.Errorf("%d requests were served, and %+v counted: %v", served.Load(), result, err)
	}
	if result.P50 <= 0 || result.P99 < result.P50 || result.Rate <= 0 {
		t.Errorf("the result is %+v", result)
	}
	before := served.Load()
	if result, err = target.RunAsProgram(t.Context(), period); err != nil || int64(result.Requests) != served.Load()-before || result.Requests == 0 {
		t.Errorf("of a program's %d requests %+v were counted: %v", served.Load()-before, result, err)
	}
	if _, body, err := target.Once(t.Context()); err != nil || string(body) != `{"a":1}` {
		t.Errorf("one request gets %q, %v", body, err)
	}
}

func TestAConnectionThatTheServerClosesIsMadeAgain(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }))
	defer server.Close()
	target, err := load.Post(server.URL, nil, nil, http.StatusOK)
	if err != nil {
		t.Fatal(err)
	}
	if result, err := target.Run(t.Context(), 2, period); err != nil || result.Requests < 4 {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestAnUnexpectedAnswerIsAnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "too many", http.StatusTooManyRequests) }))
	defer server.Close()
	target, err := load.Post(server.URL, nil, nil, http.StatusOK)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := target.Run(t.Context(), 1, time.Minute); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("the error is %v", err)
	}
}

func TestPercentilesAreOfTheSortedTimes(t *testing.T) {
	var times []time.Duration
	for i := range 101 {
		times = append(times, time.Duration(i))
	}
	if p50, p99 := load.Percentile(times, 50), load.Percentile(times, 99); p50 != 50 || p99 != 99 {
		t.Errorf("of 0 to 100 they are %d and %d", p50, p99)
	}
	if p := load.Percentile(nil, 50); p != 0 {
		t.Errorf("of nothing it is %d", p)
	}
}
