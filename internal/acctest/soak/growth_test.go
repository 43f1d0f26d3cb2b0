package soak

import (
	"strings"
	"testing"
)

// series are counts of one thing; of the others there is nothing.
func series(name string, values ...float64) (all []Counts) {
	for _, v := range values {
		all = append(all, Counts{name: v})
	}
	return all
}

func TestGrowthIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		counts []Counts
		grown  bool
	}{
		"a descriptor for each of 20 starts":  {series("descriptors", 100, 120, 140, 160, 180), true},
		"as many as before":                   {series("descriptors", 100, 100, 100, 100, 100), false},
		"more and fewer":                      {series("descriptors", 100, 108, 97, 109, 99), false},
		"one count that is off":               {series("descriptors", 100, 100, 100, 100, 400), false},
		"more at first, and then no more":     {series("cgroups", 0, 30, 30, 30, 30, 30), false},
		"a megabyte of heap more in the end":  {series("live heap", 40<<20, 40<<20, 41<<20, 41<<20), false},
		"ten megabytes of heap in each cycle": {series("live heap", 40<<20, 50<<20, 60<<20, 70<<20), true},
		"more prepared sandboxes": {[]Counts{
			{"network namespaces": 20, "descriptors": 500},
			{"network namespaces": 20, "descriptors": 501},
			{"network namespaces": 24, "descriptors": 600},
			{"network namespaces": 24, "descriptors": 600},
			{"network namespaces": 27, "descriptors": 700},
			{"network namespaces": 27, "descriptors": 700},
		}, false},
		"more of them, and more of each": {[]Counts{
			{"network namespaces": 20, "descriptors": 500},
			{"network namespaces": 20, "descriptors": 520},
			{"network namespaces": 24, "descriptors": 600},
			{"network namespaces": 24, "descriptors": 620},
			{"network namespaces": 27, "descriptors": 700},
			{"network namespaces": 27, "descriptors": 720},
		}, true},
		"a sandbox for each of many starts": {series("network namespaces", 100, 200, 300, 1000), true},
		"a process for each cycle":          {series("processes", 3, 5, 6, 8, 10, 12), true},
	} {
		t.Run(name, func(t *testing.T) {
			sentences := Grown(c.counts)
			if grown := len(sentences) > 0; grown != c.grown {
				t.Errorf("it says %q", sentences)
			}
			if c.grown && !strings.Contains(sentences[0], "grow: ") {
				t.Errorf("it says %q", sentences)
			}
		})
	}
}
