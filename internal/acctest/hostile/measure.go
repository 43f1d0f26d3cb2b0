package hostile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A Disturbance is what a neighbour felt of an attack.
type Disturbance struct {
	Attack string
	// Calm and Attacked are the neighbour's p99, the medians of all rounds.
	Calm, Attacked time.Duration
	// Ratio is the median of the rounds' own ratios: a machine is not equally fast from
	// one minute to the next.
	Ratio float64
	// Failed is how many of the neighbour's invocations did not succeed, of Asked.
	Failed, Asked int
}

// attacks are those that use up what neighbours need: processors, memory, disk, the kernel
// and the runtime itself.
var attacks = []struct {
	who, name string
	told      map[string]any
}{
	{"any", "spin", map[string]any{}},
	{"any", "calls", map[string]any{}},
	{"any", "fork_bomb", map[string]any{}},
	{"small", "memory_bomb", map[string]any{}},
	{"any", "fill_disk", map[string]any{}},
	{"any", "flood", map[string]any{}},
	{"any", "many_connections", map[string]any{"children": 4}},
	{"any", "huge_answer", map[string]any{"chunked": true}},
	{"any", "byte_by_byte", map[string]any{"bytes": 6 << 20}},
	{"any", "broken_answers", map[string]any{}},
	{"any", "refused_requests", map[string]any{}},
	{"any", "same_event", map[string]any{}},
	{"any", "short_connections", map[string]any{}},
	{"any", "empty_lines", map[string]any{}},
	{"any", "packets", map[string]any{}},
	{"any", "refused_connections", map[string]any{}},
	{"any", "threads", map[string]any{}},
}

// neighbourRate is how many invocations a second the neighbour gets: enough for a p99 in a
// few seconds, and too few to be what keeps the machine busy.
const neighbourRate = 100

// Attacks are the names of those that Measure knows.
func Attacks() (names []string) {
	for _, attack := range attacks {
		names = append(names, attack.name)
	}
	return names
}

// Measure has the neighbour invoked at a steady rate, in turns without and with each
// attack going on, for a period each. Of the attacks only those named, all if none is.
func (h *House) Measure(ctx context.Context, rounds int, period time.Duration, only ...string) ([]Disturbance, error) {
	var all []Disturbance
	for _, attack := range attacks {
		if len(only) > 0 && !slices.Contains(only, attack.name) {
			continue
		}
		d := Disturbance{Attack: attack.name}
		var calm, attacked []time.Duration
		var ratios []float64
		for range rounds {
			before, failed, asked := h.load(ctx, period)
			d.Failed, d.Asked = d.Failed+failed, d.Asked+asked
			stop := h.keepUp(ctx, attack.who, attack.name, attack.told, period)
			during, failed, asked := h.load(ctx, period)
			stop()
			d.Failed, d.Asked = d.Failed+failed, d.Asked+asked
			if len(before) == 0 || len(during) == 0 {
				return nil, errors.Join(ctx.Err(), fmt.Errorf("the neighbour answered nothing while %s went on", attack.name))
			}
			calm, attacked = append(calm, p99(before)), append(attacked, p99(during))
			ratios = append(ratios, float64(p99(during))/float64(p99(before)))
		}
		d.Calm, d.Attacked, d.Ratio = median(calm), median(attacked), median(ratios)
		all = append(all, d)
	}
	return all, ctx.Err()
}

// keepUp attacks again and again until it is stopped.
func (h *House) keepUp(ctx context.Context, who, attack string, told map[string]any, period time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	told["seconds"] = period.Seconds()
	var attacking sync.WaitGroup
	attacking.Go(func() {
		for ctx.Err() == nil {
			if _, err := h.Attack(ctx, who, attack, told); err != nil {
				return
			}
		}
	})
	return func() {
		cancel()
		attacking.Wait()
	}
}

// load invokes the neighbour at the rate, however long an answer takes. What was asked for
// in a period is waited for.
func (h *House) load(ctx context.Context, period time.Duration) (took []time.Duration, failed, asked int) {
	var mu sync.Mutex
	var asking sync.WaitGroup
	tick := time.NewTicker(time.Second / neighbourRate)
	defer tick.Stop()
	for range int(period.Seconds() * neighbourRate) {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		asked++
		asking.Go(func() {
			d, err := h.Neighbour(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed++
				return
			}
			took = append(took, d)
		})
	}
	asking.Wait()
	return took, failed, asked
}

func p99(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[(len(took)*99-1)/100]
}

func median[T float64 | time.Duration](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}
