package soak

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// A growth says how much of something may be more at the end than at the beginning: a
// part of it, and so many on top, for what comes and goes.
type growth struct{ part, slack float64 }

var allowed = map[string]growth{
	// What the store knows of log lines grows until their retention is over.
	"live heap":   {0.15, 8 << 20},
	"goroutines":  {0.05, 12},
	"descriptors": {0.05, 12},
	"processes":   {0, 4},
	"cgroups":     {0, 12},
	"mounts":      {0.05, 30},
	"files":       {0, 24},
}

// maxPrepared is how many sandboxes per processor the runtime keeps prepared at most when
// it is quiet, each with a network namespace; a few are the runtime's own.
const (
	maxPrepared   = 16
	ownNamespaces = 8
)

// sandboxes is what is counted once for each sandbox that is prepared.
const sandboxes = "network namespaces"

// Grown compares what was counted when the runtime was quiet, and returns what has grown,
// each in a sentence.
//
// How many sandboxes are prepared follows demand, so only counts with equally many are
// compared. What counts is the slope that half of all such pairs exceed (Theil and Sen's):
// one count that is off changes nothing. Sandboxes themselves have a bound.
func Grown(quiet []Counts) (sentences []string) {
	for _, name := range names {
		values := make([]float64, len(quiet))
		for i, c := range quiet {
			values[i] = c[name]
		}
		more := slope(quiet, name) * float64(len(values)-1)
		limit := allowed[name]
		if more > limit.part*median(values)+limit.slack ||
			name == sandboxes && slices.Max(values) > float64(maxPrepared*runtime.NumCPU()+ownNamespaces) {
			sentences = append(sentences, fmt.Sprintf("%s grow: %s", name, numbers(values)))
		}
	}
	return sentences
}

// slope is the median of the slopes of all pairs of comparable counts, or of all pairs
// if hardly any are comparable.
func slope(quiet []Counts, name string) float64 {
	var comparable, all []float64
	for i, one := range quiet {
		for j := i + 1; j < len(quiet); j++ {
			other := quiet[j]
			slope := (other[name] - one[name]) / float64(j-i)
			all = append(all, slope)
			if one[sandboxes] == other[sandboxes] {
				comparable = append(comparable, slope)
			}
		}
	}
	switch {
	case name == sandboxes:
		return 0
	case len(comparable) > 1:
		return median(comparable)
	}
	return median(all)
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
