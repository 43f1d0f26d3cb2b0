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
		"a descriptor for each of 90 starts": {series("descriptors", 100, 190, 280, 370, 460), true},
		"some descriptors come and go":       {series("descriptors", 815, 875, 814, 873, 874), false},
		"as many as before":                  {series("descriptors", 100, 100, 100, 100, 100), false},
		"more and fewer":                     {series("descriptors", 100, 108, 97, 109, 99), false},
		"one count that is off":              {series("descriptors", 100, 100, 100, 100, 400), false},
		"more at first, and then no more":    {series("cgroups", 0, 30, 30, 30, 30, 30), false},
		"a megabyte of heap more in the end": {series("live heap", 40<<20, 40<<20, 41<<20, 41<<20), false},
		"40 MiB of heap in each cycle":       {series("live heap", 40<<20, 80<<20, 120<<20, 160<<20), true},
		"heap that comes and goes":           {series("live heap", 29<<20, 32<<20, 68<<20, 56<<20, 59<<20), false},
		"more prepared sandboxes": {[]Counts{
			{"processes": 20, "descriptors": 500},
			{"processes": 20, "descriptors": 501},
			{"processes": 24, "descriptors": 600},
			{"processes": 24, "descriptors": 600},
			{"processes": 27, "descriptors": 700},
			{"processes": 27, "descriptors": 700},
		}, false},
		"more and more of them": {[]Counts{
			{"processes": 47, "descriptors": 625, "cgroups": 68, "mounts": 1161},
			{"processes": 49, "descriptors": 657, "cgroups": 71, "mounts": 1207},
			{"processes": 49, "descriptors": 656, "cgroups": 71, "mounts": 1207},
			{"processes": 53, "descriptors": 688, "cgroups": 77, "mounts": 1307},
			{"processes": 61, "descriptors": 774, "cgroups": 89, "mounts": 1503},
		}, false},
		"more and more of them, and cgroups that stay": {[]Counts{
			{"processes": 47, "cgroups": 68},
			{"processes": 49, "cgroups": 161},
			{"processes": 50, "cgroups": 251},
			{"processes": 53, "cgroups": 347},
			{"processes": 61, "cgroups": 449},
		}, true},
		"more of them, and more of each": {[]Counts{
			{"processes": 20, "descriptors": 500},
			{"processes": 20, "descriptors": 590},
			{"processes": 24, "descriptors": 700},
			{"processes": 24, "descriptors": 790},
			{"processes": 27, "descriptors": 900},
			{"processes": 27, "descriptors": 990},
		}, true},
		"a sandbox for each of many starts": {series("network namespaces", 100, 200, 300, 1000), true},
		"a process for each start":          {series("processes", 30, 500, 600, 800, 1000, 1200), true},
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
