package acctest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// A Point is one of the calls that an operation on a stack makes: the n-th of those to
// the same operation of AWS, by which it is found again when calls are made in parallel.
type Point struct {
	// Call is service and operation, "lambda:CreateFunction".
	Call string
	// N counts from 1.
	N int
}

func (p Point) String() string { return fmt.Sprintf("%s#%d", p.Call, p.N) }

// Changes tells whether the call may change anything on AWS.
func (p Point) Changes() bool { return changes(p.Call) }

func changes(call string) bool {
	_, operation, _ := strings.Cut(call, ":")
	return !slices.ContainsFunc([]string{"Get", "List", "Describe"}, func(prefix string) bool { return strings.HasPrefix(operation, prefix) })
}

// An Owner tells which stack a request is made for; "" if that cannot be told.
type Owner func(*awswire.Request) string

// PointsOf are the points of a stack among requests, in their order.
func PointsOf(requests []*awswire.Request, owner Owner, stack string) []Point {
	seen := map[string]int{}
	var points []Point
	for _, r := range requests {
		if owner(r) == stack {
			seen[r.Call()]++
			points = append(points, Point{r.Call(), seen[r.Call()]})
		}
	}
	return points
}

// A Halt stops many stacks at once, each after a call of its own: AWS has carried that
// out, the answer is held back, and no later call for the stack reaches AWS. When all
// stand still their process can be killed, which then is for each of them as if it had
// been killed right after its call.
//
// Stacks that are to stop nowhere can read, and stop before the first call that may
// change anything.
type Halt struct {
	owner  Owner
	at     map[string]Point
	remove []func()

	mu      sync.Mutex
	seen    map[string]map[string]int
	passed  map[*awswire.Request]bool // whether their stacks stop after them
	stopped map[string]bool
	frozen  bool
	running int // calls that the emulator is carrying out
	all     chan struct{}
	over    chan struct{}
}

// HaltAfter begins to stop stacks whose calls go through a proxy, each after its point.
func HaltAfter(proxy *awswire.Proxy, owner Owner, at map[string]Point) *Halt {
	h := &Halt{
		owner: owner, at: at,
		seen: map[string]map[string]int{}, passed: map[*awswire.Request]bool{}, stopped: map[string]bool{},
		all: make(chan struct{}), over: make(chan struct{}),
	}
	h.remove = []func(){proxy.Answer(awswire.On("*"), h.arrived), proxy.After(awswire.On("*"), h.done)}
	return h
}

// arrived lets a request pass, or holds it up for ever.
func (h *Halt) arrived(r *awswire.Request) *awswire.Answer {
	stack := h.owner(r)
	point, stops := h.at[stack]
	h.mu.Lock()
	if h.frozen || h.stopped[stack] || !stops && changes(r.Call()) {
		h.mu.Unlock()
		<-h.over
		return &awswire.Answer{Hangup: true}
	}
	defer h.mu.Unlock()
	h.running++
	if h.seen[stack] == nil {
		h.seen[stack] = map[string]int{}
	}
	h.seen[stack][r.Call()]++
	h.passed[r] = stops && point == Point{r.Call(), h.seen[stack][r.Call()]}
	return nil
}

// done holds back the answer after which a stack stops.
func (h *Halt) done(r *awswire.Request, a *awswire.Answer) {
	h.mu.Lock()
	last, passed := h.passed[r]
	if !passed { // It was held up, or came before all this began.
		h.mu.Unlock()
		return
	}
	h.running--
	if last {
		h.stopped[h.owner(r)] = true
		if len(h.stopped) == len(h.at) {
			close(h.all)
		}
	}
	h.mu.Unlock()
	if last {
		<-h.over
		a.Hangup = true
	}
}

// All is closed when every stack has stopped.
func (h *Halt) All() <-chan struct{} { return h.all }

// Freeze stops whatever still runs, and returns when AWS is no longer doing anything.
func (h *Halt) Freeze(ctx context.Context) error {
	h.mu.Lock()
	h.frozen = true
	h.mu.Unlock()
	return harness.Wait(ctx, "the emulator to be done with what it was asked", func() (bool, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.running == 0, nil
	})
}

// End lets go of the calls that were held up, which get no answers, and returns the
// stacks that have not come to their points.
func (h *Halt) End() (missed []string) {
	for _, remove := range h.remove {
		remove()
	}
	close(h.over)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, stack := range slices.Sorted(maps.Keys(h.at)) {
		if !h.stopped[stack] {
			missed = append(missed, fmt.Sprintf("%s at %v, having made the calls %v", stack, h.at[stack], h.seen[stack]))
		}
	}
	return missed
}
