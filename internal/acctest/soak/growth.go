package soak

import (
	"fmt"
	"strings"
	"time"
)

const (
	// heapSlack is how much larger than at first the live heap may be, in bytes, beside
	// what there is for each event of the last memory minutes. JetStream remembers the
	// ids of messages for two minutes, which are the log's above all, and the runtime what
	// each version was billed for longer.
	heapSlack = 4 << 20
	// heapOfEvent is what JetStream takes to remember an event's id, in bytes.
	heapOfEvent = 250
	// memory is for how long it does.
	memory = 10 * time.Minute
)

const (
	// maxNamespaces are kept at most, for instances to come, of which the sandboxes that
	// are prepared have theirs.
	maxNamespaces = 64 + languages
	// descriptorsOfNamespace are kept with each: of itself, and of its network interface.
	descriptorsOfNamespace = 2
)

// Grown says what there is more of than there was at first, each in a sentence. Both are
// counts of a runtime that is at rest, so that there is no more of anything.
//
// The exceptions are the heap, which may have a little more, and network namespaces: as
// many are kept for instances to come as were once in use at a time, up to a limit.
func Grown(first, now Counts) (sentences []string) {
	for _, name := range names {
		limit := first[name]
		switch name {
		case anonymous:
			continue
		case liveHeap:
			limit += heapSlack + heapOfEvent*now[remembered]
		case namespaces:
			limit = max(limit, maxNamespaces)
		case "descriptors":
			limit += descriptorsOfNamespace * max(now[namespaces]-first[namespaces], 0)
		}
		if now[name] > limit {
			sentences = append(sentences, fmt.Sprintf("%s grow: there are %.0f of at most %.0f", name, now[name], limit))
		}
	}
	return sentences
}

// Table writes the counts, a line for each name.
func Table(all []Counts) string {
	var b strings.Builder
	for _, name := range names {
		texts := make([]string, len(all))
		for i, c := range all {
			if texts[i] = fmt.Sprintf("%.0f", c[name]); name == liveHeap || name == anonymous {
				texts[i] = fmt.Sprintf("%.1f MiB", c[name]/(1<<20))
			}
		}
		fmt.Fprintf(&b, "%-20s %s\n", name, strings.Join(texts, ", "))
	}
	return b.String()
}
