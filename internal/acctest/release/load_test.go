package release_test

import (
	"context"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A load sends requests to URLs in turn, and remembers what became of each.
type load struct {
	t       *testing.T
	client  *http.Client
	end     context.CancelFunc
	senders sync.WaitGroup

	mu      sync.Mutex
	answers []answer
}

// An answer to one request.
type answer struct {
	sent, came time.Time
	// version that was executed, 0 if none was.
	version int
	// status of HTTP, 0 if there was no answer.
	status int
}

// failed tells whether a user would have noticed.
func (a answer) failed() bool { return a.status != http.StatusOK }

// gaveUp tells whether the ingress answered in place of a function that it had waited for
// as long as API Gateway does.
func (a answer) gaveUp() bool {
	return a.status == http.StatusServiceUnavailable && a.came.Sub(a.sent) >= 30*time.Second
}

// beginLoad sends rate requests a second at most, and as many at a time as there are
// senders, until the load's stop or the test's end.
func beginLoad(t *testing.T, rate, senders int, urls ...string) *load {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	transport := &http.Transport{MaxIdleConnsPerHost: senders}
	l := &load{t: t, client: &http.Client{Transport: transport, Timeout: patience}, end: end}
	turns := make(chan string)
	l.senders.Go(func() {
		defer close(turns)
		const ticks = 50 // a second
		tick := time.NewTicker(time.Second / ticks)
		defer tick.Stop()
		for n := 0; ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for range rate / ticks {
				select {
				case turns <- urls[n%len(urls)]:
					n++
				case <-ctx.Done():
					return
				}
			}
		}
	})
	for range senders {
		l.senders.Go(func() {
			for url := range turns {
				l.send(url)
			}
		})
	}
	t.Cleanup(func() {
		l.stop()
		transport.CloseIdleConnections()
	})
	return l
}

// stop ends the load and returns all answers, in no order.
func (l *load) stop() []answer {
	l.end()
	l.senders.Wait()
	return l.so()
}

// so are the answers until now.
func (l *load) so() []answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.answers)
}

// send outlives the end of the load: what was sent is answered.
func (l *load) send(url string) {
	a := answer{sent: time.Now()}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		l.t.Error(err)
		return
	}
	if response, err := l.client.Do(request); err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		a.status = response.StatusCode
		a.version, _ = strconv.Atoi(response.Header.Get("X-Amz-Executed-Version"))
	}
	a.came = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers = append(l.answers, a)
}

// byVersion counts the answers of a kind.
func byVersion(answers []answer, is func(answer) bool) map[int]int {
	counts := map[int]int{}
	for _, a := range answers {
		if is(a) {
			counts[a.version]++
		}
	}
	return counts
}

// chiSquared is how far counts are from what weights lead one to expect.
func chiSquared(counts map[int]int, routing stack.Routing) (x float64) {
	n := 0
	for version := range counts {
		if routing[version] == 0 {
			return math.Inf(1)
		}
		n += counts[version]
	}
	for _, version := range slices.Sorted(maps.Keys(routing)) {
		want := float64(n) * float64(routing[version]) / 100
		off := float64(counts[version]) - want
		x += off * off / want
	}
	return x
}
