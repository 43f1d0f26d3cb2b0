package soak

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
)

// A growth says how much of something may be more at the end than at the beginning: a
// part of it, and so many on top, for what comes and goes.
type growth struct{ part, slack float64 }

var allowed = map[string]growth{
	// What the store knows of log lines grows until their retention is over, and what it
	// has in its caches comes and goes.
	"live heap":  {0.15, 64 << 20},
	"goroutines": {0.05, 24},
	// A few sandboxes more or fewer come and go within a count. What each start left
	// behind would be hundreds.
	"descriptors": {0.05, 120},
	"cgroups":     {0, 36},
	"mounts":      {0.05, 150},
	"files":       {0, 24},
}

// maxPrepared is how many sandboxes per processor the runtime keeps prepared at most when
// it is quiet, and how many network namespaces and processes are the runtime's own or
// about to be used again.
const (
	maxPrepared = 16
	ownOnes     = 24
)

// atMost is how many there may be at all of what follows demand.
func atMost(name string) float64 {
	switch prepared := float64(maxPrepared * runtime.NumCPU()); name {
	case "processes":
		return 2*prepared + ownOnes
	case "network namespaces":
		return prepared + ownOnes
	}
	return math.Inf(1)
}

// prepared follows the number of sandboxes that are prepared when the runtime is quiet.
const prepared = "processes"

// Grown compares what was counted when the runtime was quiet, and returns what has grown,
// each in a sentence.
//
// How many sandboxes are prepared follows demand, so only counts with equally many are
// compared. What counts is the slope that half of all such pairs exceed (Theil and Sen's):
// one count that is off changes nothing. Where hardly any counts have equally many, all are
// compared, and what the sandboxes that came to be have by their share is no growth.
// Sandboxes themselves have a bound, and the heap is compared all the time.
func Grown(quiet []Counts) (sentences []string) {
	for _, name := range names {
		values := make([]float64, len(quiet))
		for i, c := range quiet {
			values[i] = c[name]
		}
		slope, comparable := slope(quiet, name)
		if !comparable && name != "live heap" {
			more, _ := slopeOfAll(quiet, prepared)
			slope -= max(more, 0) * share(quiet, name)
		}
		more := slope * float64(len(values)-1)
		limit := allowed[name]
		if more > limit.part*median(values)+limit.slack ||
			slices.Max(values) > atMost(name) {
			sentences = append(sentences, fmt.Sprintf("%s grow: %s", name, numbers(values)))
		}
	}
	return sentences
}

// slope is the median of the slopes of all pairs of comparable counts, or of all pairs
// if hardly any are comparable.
func slope(quiet []Counts, name string) (_ float64, comparable bool) {
	all, alike := slopeOfAll(quiet, name)
	switch {
	case !math.IsInf(atMost(name), 1):
		return 0, true
	case len(alike) > 1 && name != "live heap":
		return median(alike), true
	}
	return all, false
}

// slopeOfAll is the median of the slopes of all pairs. Alike are those of comparable ones.
func slopeOfAll(quiet []Counts, name string) (_ float64, alike []float64) {
	var all []float64
	for i, one := range quiet {
		for j := i + 1; j < len(quiet); j++ {
			other := quiet[j]
			slope := (other[name] - one[name]) / float64(j-i)
			all = append(all, slope)
			if one[prepared] == other[prepared] {
				alike = append(alike, slope)
			}
		}
	}
	return median(all), alike
}

// share is how many of something there are to one process.
func share(quiet []Counts, name string) float64 {
	var shares []float64
	for _, c := range quiet {
		if c[prepared] > 0 {
			shares = append(shares, c[name]/c[prepared])
		}
	}
	return median(shares)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(values), cmp.Compare)
	return sorted[len(sorted)/2]
}

func numbers(values []float64) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprintf("%.0f", v)
	}
	return strings.Join(texts, ", ")
}

// Table writes the counts, a line for each name.
func Table(quiet []Counts) string {
	var b strings.Builder
	for _, name := range names {
		values := make([]float64, len(quiet))
		for i, c := range quiet {
			values[i] = c[name]
		}
		fmt.Fprintf(&b, "%-20s %s\n", name, numbers(values))
	}
	return b.String()
}
