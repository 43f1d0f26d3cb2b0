package soak

import (
	"slices"
	"strings"
	"testing"
)

func TestGrowthIsTold(t *testing.T) {
	first := Counts{
		liveHeap: 12 << 20, "goroutines": 100, "descriptors": 250, "processes": 7, "cgroups": 8, "mounts": 120,
		namespaces: 20, "files": 2, anonymous: 90 << 20,
	}
	for name, c := range map[string]struct {
		more  Counts
		grown []string
	}{
		"as much as before":                {Counts{}, nil},
		"less than before":                 {Counts{"descriptors": -3, "goroutines": -2, liveHeap: -1 << 20}, nil},
		"one descriptor":                   {Counts{"descriptors": 1}, []string{"descriptors"}},
		"one goroutine":                    {Counts{"goroutines": 1}, []string{"goroutines"}},
		"a cgroup and the mounts of one":   {Counts{"cgroups": 1, "mounts": 11}, []string{"cgroups", "mounts"}},
		"a process and a file":             {Counts{"processes": 1, "files": 1}, []string{"processes", "files"}},
		"what JetStream has of the log":    {Counts{liveHeap: 3 << 20}, nil},
		"ids that JetStream remembers":     {Counts{liveHeap: 8 << 20, remembered: 20_000}, nil},
		"a heap that grows":                {Counts{liveHeap: 8 << 20}, []string{liveHeap}},
		"memory that was not given back":   {Counts{anonymous: 30 << 20}, nil},
		"network namespaces that are kept": {Counts{namespaces: 5, "descriptors": 10}, nil},
		"and something else with each":     {Counts{namespaces: 5, "descriptors": 15}, []string{"descriptors"}},
		"one for each start":               {Counts{namespaces: 90, "descriptors": 180}, []string{namespaces}},
	} {
		t.Run(name, func(t *testing.T) {
			now := Counts{remembered: c.more[remembered]}
			for _, what := range names {
				now[what] = first[what] + c.more[what]
			}
			var grown []string
			for _, sentence := range Grown(first, now) {
				what, _, _ := strings.Cut(sentence, " grow: ")
				grown = append(grown, what)
			}
			if !slices.Equal(grown, c.grown) {
				t.Errorf("it says that there is more of %q", grown)
			}
		})
	}
}
