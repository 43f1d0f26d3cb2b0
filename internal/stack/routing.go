package stack

import (
	"fmt"
	"maps"
	"slices"
)

// RouteTo sends all traffic to one version.
func RouteTo(version int) Routing { return Routing{version: 100} }

// Validate says what is wrong with a routing: it has one or two versions, each
// with 1 to 100 percent, 100 in all.
func (r Routing) Validate() error {
	if len(r) == 0 || len(r) > 2 {
		return fmt.Errorf("a routing has one or two versions, not %d", len(r))
	}
	sum := 0
	for _, version := range r.versions() {
		if version < 1 {
			return fmt.Errorf("a routing names published versions, numbered from 1, and %d is none", version)
		}
		if p := r[version]; p < 1 || p > 100 {
			return fmt.Errorf("version %d has %d percent of the traffic; give it 1 to 100", version, p)
		}
		sum += r[version]
	}
	if sum != 100 {
		return fmt.Errorf("the percentages of a routing add up to %d; make it 100", sum)
	}
	return nil
}

// Main is the version with more traffic, the lower number of two alike, and 0
// of an empty routing.
func (r Routing) Main() int {
	main := 0
	for _, version := range r.versions() {
		if main == 0 || r[version] > r[main] {
			main = version
		}
	}
	return main
}

// Pick chooses a version for one invocation, given a random number in [0, 1).
// It returns 0 of an empty routing.
func (r Routing) Pick(random float64) int {
	percent := random * 100
	version := 0
	for _, version = range r.versions() {
		percent -= float64(r[version])
		if percent < 0 {
			break
		}
	}
	return version
}

func (r Routing) versions() []int { return slices.Sorted(maps.Keys(r)) }
