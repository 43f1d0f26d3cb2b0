package sandbox

import (
	"strconv"

	"github.com/opencontainers/cgroups"
)

// Values of cpu.shares: what a process has by default, and the least.
const (
	defaultShares = 1024
	leastShares   = 2
	leastWeight   = 1
)

// weigh implements group.
func (g *group1) weigh(least bool) error {
	dir, ok := g.dirs[cpuController]
	if !ok {
		return nil
	}
	shares := defaultShares
	if least {
		shares = leastShares
	}
	return cgroups.WriteFile(dir, "cpu.shares", strconv.Itoa(shares))
}

// weigh implements group.
func (g *group2) weigh(least bool) error {
	if !g.enabled[cpuController] {
		return nil
	}
	weight := defaultWeight
	if least {
		weight = leastWeight
	}
	return cgroups.WriteFile(g.dir, "cpu.weight", strconv.Itoa(weight))
}
