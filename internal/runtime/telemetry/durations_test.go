package telemetry

import (
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A 95th percentile of what nodes counted apart is that of all durations, but for the
// width of a bucket.
func TestQuantilesAreCloseToTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for run := range 300 {
		median := math.Exp(math.Log(20e3) + random.Float64()*math.Log(1e9/20e3)) // 20 µs to 1 s
		spread := random.Float64() * 2
		var all []time.Duration
		nodes := []Durations{{}, {}, {}}
		for range 1 + random.IntN(3000) {
			d := time.Duration(median * math.Exp(spread*random.NormFloat64()))
			d = min(max(d, shortestBucket), 1000*time.Second)
			all = append(all, d)
			nodes[random.IntN(len(nodes))][bucketOf(d)]++
		}
		merged := nodes[0].plus(nodes[1]).plus(nodes[2])
		slices.Sort(all)
		for _, share := range []float64{0, 0.5, 0.95, 0.99, 1} {
			truth := all[max(1, int(math.Ceil(share*float64(len(all)))))-1]
			got := merged.Quantile(share)
			if ratio := float64(got) / float64(truth); ratio < 1/1.045 || ratio > 1.045 {
				t.Fatalf("run %d: the quantile %g of %d durations is %s, want %s", run, share, len(all), got, truth)
			}
		}
	}
}

func TestTheShortestAndTheLongestHaveABucket(t *testing.T) {
	for d, want := range map[time.Duration]int{
		-1: 0, 0: 0, shortestBucket: 0, shortestBucket + 1: 1, 2 * shortestBucket: bucketsPerOctave,
		910 * time.Second: 207, 24 * time.Hour: bucketCount - 1, math.MaxInt64: bucketCount - 1,
	} {
		if got := bucketOf(d); got != want {
			t.Errorf("%s is in bucket %d, want %d", d, got, want)
		}
	}
	if got := (Durations{-3: 1}).Quantile(1); got > shortestBucket || got <= 0 {
		t.Errorf("a bucket that there is not is %s", got)
	}
	if got := (Durations{1 << 40: 1}).Quantile(1); got < 1000*time.Second || got > 1100*time.Second {
		t.Errorf("a bucket beyond the last is %s", got)
	}
	if got := (Durations{}).Quantile(0.95); got != 0 {
		t.Errorf("a quantile of nothing is %s", got)
	}
}

func TestDurationsGoThroughJSON(t *testing.T) {
	want := Durations{0: 1, 17: 2, bucketCount - 1: 3}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Durations
	if err := json.Unmarshal(text, &got); err != nil || !maps.Equal(got, want) {
		t.Errorf("%s became %v (%v)", text, got, err)
	}
}
