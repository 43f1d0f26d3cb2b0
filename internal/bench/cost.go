package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A cost is what a command took.
type cost struct {
	// took is the wall time.
	took time.Duration
	// memory is the provider's peak resident memory in bytes; 0 if it was not measured.
	memory int64
	// calls to AWS, by operation; none without AWS.
	calls map[string]int
}

// A row is one line of the table.
type row struct {
	what string
	// cost is the median's, base that of what it is measured beside.
	cost
	base   cost
	beside string
	// Limits; 0 is none. fasterBy is how many times faster than base it must be,
	// slowerBy how many times as slow it may be.
	atMost             time.Duration
	fasterBy, slowerBy float64
	memoryAtMost       int64
}

// over tells whether the row exceeds a limit.
func (r row) over() bool {
	return r.atMost > 0 && r.took > r.atMost ||
		r.fasterBy > 0 && r.took.Seconds()*r.fasterBy > r.base.took.Seconds() ||
		r.slowerBy > 0 && r.took.Seconds() > r.base.took.Seconds()*r.slowerBy ||
		r.memoryAtMost > 0 && r.memory > r.memoryAtMost
}

// ratio says how the row compares with its base.
func (r row) ratio() string {
	switch {
	case r.fasterBy > 0:
		return fmt.Sprintf("%.1f times as fast (%.0f)", r.base.took.Seconds()/r.took.Seconds(), r.fasterBy)
	case r.slowerBy > 0:
		return fmt.Sprintf("%.2f times as long (%.1f)", r.took.Seconds()/r.base.took.Seconds(), r.slowerBy)
	}
	return fmt.Sprintf("%.1f times as long (-)", r.took.Seconds()/r.base.took.Seconds())
}

// allCalls is how many calls to AWS there were.
func (c cost) allCalls() (all int) {
	for _, n := range c.calls {
		all += n
	}
	return all
}

// medianCost is the cost of median time, with the most memory of all.
func medianCost(costs []cost) cost {
	slices.SortFunc(costs, func(a, b cost) int { return cmp.Compare(a.took, b.took) })
	c := costs[len(costs)/2]
	for _, other := range costs {
		c.memory = max(c.memory, other.memory)
	}
	return c
}
