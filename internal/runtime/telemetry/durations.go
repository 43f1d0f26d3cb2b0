package telemetry

import (
	"maps"
	"math"
	"slices"
	"time"
)

// The buckets of Durations: each reaches an eighth of an octave (9 %) further than
// the one before, from below the quickest function to beyond Lambda's longest timeout
// and its cold start. What is longer is in the last. They never change: nodes of
// different versions merge their counts.
const (
	bucketsPerOctave = 8
	shortestBucket   = 16 * time.Microsecond
	bucketOctaves    = 26 // up to 1074 s
	bucketCount      = bucketsPerOctave*bucketOctaves + 1
)

// Durations is how many invocations took how long, by the numbers of buckets. Those
// of several nodes are merged by adding.
type Durations map[int]uint64

// bucketOf is the number of the bucket that a duration belongs to.
func bucketOf(d time.Duration) int {
	if d <= shortestBucket {
		return 0
	}
	octaves := math.Log2(float64(d) / float64(shortestBucket))
	return min(int(math.Ceil(octaves*bucketsPerOctave)), bucketCount-1)
}

// Quantile is the duration within which that share of the invocations (0.95) was
// done, at most 4.5 % off; 0 if there are none.
func (d Durations) Quantile(share float64) time.Duration {
	var all uint64
	for _, n := range d {
		all += n
	}
	if all == 0 {
		return 0
	}
	rank := max(1, uint64(math.Ceil(share*float64(all))))
	for _, bucket := range slices.Sorted(maps.Keys(d)) {
		if n := d[bucket]; n < rank {
			rank -= n
			continue
		}
		return middle(bucket)
	}
	return middle(bucketCount - 1)
}

// middle of a bucket is as far from its beginning as from its end, as a ratio.
func middle(bucket int) time.Duration {
	octaves := (float64(min(max(bucket, 0), bucketCount-1)) - 0.5) / bucketsPerOctave
	return time.Duration(float64(shortestBucket) * math.Exp2(octaves))
}

// plus and minus combine bucket by bucket; what would be negative is left out.
func (d Durations) plus(other Durations) Durations {
	sum := maps.Clone(d)
	if sum == nil {
		sum = Durations{}
	}
	for bucket, n := range other {
		sum[bucket] += n
	}
	return sum
}

func (d Durations) minus(earlier Durations) Durations {
	rest := Durations{}
	for bucket, n := range d {
		if before := earlier[bucket]; n > before {
			rest[bucket] = n - before
		}
	}
	return rest
}
