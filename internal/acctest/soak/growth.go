package soak

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A growth says how much of something may be more at the end than at the beginning: a
// part of it, and so many on top, for what comes and goes.
type growth struct{ part, slack float64 }

var allowed = map[string]growth{
	// What the store knows of log lines grows until their retention is over.
	"live heap":          {0.15, 8 << 20},
	"goroutines":         {0.05, 12},
	"descriptors":        {0.05, 12},
	"processes":          {0, 4},
	"cgroups":            {0, 12},
	"mounts":             {0.05, 30},
	"network namespaces": {0, 4},
	"files":              {0, 24},
}

// Grown compares what was counted when the runtime was quiet, and returns what has grown,
// each in a sentence. What counts is the slope that half of all pairs of counts exceed
// (Theil and Sen's), over the whole time: one count that is off changes nothing.
func Grown(quiet []Counts) (sentences []string) {
	for _, name := range names {
		values := make([]float64, len(quiet))
		for i, c := range quiet {
			values[i] = c[name]
		}
		more := slope(values) * float64(len(values)-1)
		if limit := allowed[name]; more > limit.part*median(values)+limit.slack {
			sentences = append(sentences, fmt.Sprintf("%s grow: %s", name, numbers(values)))
		}
	}
	return sentences
}

// slope is the median of the slopes of all pairs of values, each one step apart.
func slope(values []float64) float64 {
	var all []float64
	for i := range values {
		for j := i + 1; j < len(values); j++ {
			all = append(all, (values[j]-values[i])/float64(j-i))
		}
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
