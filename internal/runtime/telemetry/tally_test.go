package telemetry

import (
	"reflect"
	"sync"
	"testing"
	"time"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// ran counts n invocations of 10 ms.
func ran(t *Tally, n int, now time.Time, failed bool) {
	for range n {
		t.Begin()
		t.Ran(now, 10*time.Millisecond, failed)
	}
}

func TestATallyCountsWhatBecomesOfInvocations(t *testing.T) {
	var tally Tally
	for range 5 {
		tally.Begin()
	}
	tally.Ran(noon, 10*time.Millisecond, false)
	tally.Ran(noon, time.Second, true)
	tally.Unstarted(noon)
	tally.Abandoned()
	tally.Throttle()
	want := Counts{
		Invocations: 3, Errors: 2, Throttles: 1,
		Durations: Durations{bucketOf(10 * time.Millisecond): 1, bucketOf(time.Second): 1},
	}
	if got := tally.Counts(); !reflect.DeepEqual(got, want) {
		t.Errorf("it counted %+v, want %+v", got, want)
	}
	if n := tally.Running(); n != 1 {
		t.Errorf("%d are running, want 1", n)
	}
	if got := tally.Recent(); !reflect.DeepEqual(got, want) {
		t.Errorf("recently it counted %+v, want %+v", got, want)
	}
}

func TestNoTallyHasCountedNothing(t *testing.T) {
	var none *Tally
	if got := none.Counts(); !reflect.DeepEqual(got, Counts{}) {
		t.Errorf("it counted %+v", got)
	}
	if got := none.Recent(); !reflect.DeepEqual(got, Counts{}) {
		t.Errorf("recently it counted %+v", got)
	}
}

func TestCountsAddUpAndTakeOff(t *testing.T) {
	a := Counts{Invocations: 5, Errors: 2, Throttles: 1, Durations: Durations{3: 4, 9: 1}}
	b := Counts{Invocations: 7, Errors: 1, Durations: Durations{3: 1, 4: 6}}
	sum := Counts{Invocations: 12, Errors: 3, Throttles: 1, Durations: Durations{3: 5, 4: 6, 9: 1}}
	if got := a.Plus(b); !reflect.DeepEqual(got, sum) {
		t.Errorf("together they are %+v, want %+v", got, sum)
	}
	if got := (Counts{}).Plus(b); !reflect.DeepEqual(got, b) {
		t.Errorf("nothing and b are %+v, want %+v", got, b)
	}
	if got := sum.Minus(b); !reflect.DeepEqual(got, a) {
		t.Errorf("without b they are %+v, want %+v", got, a)
	}
	if got := b.Minus(sum); !reflect.DeepEqual(got, Counts{Durations: Durations{}}) {
		t.Errorf("less than nothing is %+v", got)
	}
}

// An earlier look may have counted an invocation, and not yet that it failed: there are
// no more errors than invocations after it, either.
func TestErrorsAfterALookAreOfInvocationsAfterIt(t *testing.T) {
	earlier := Counts{Invocations: 10, Errors: 2}
	if got := (Counts{Invocations: 10, Errors: 3}).Minus(earlier); !reflect.DeepEqual(got, Counts{Durations: Durations{}}) {
		t.Errorf("before another invocation there are %+v", got)
	}
	if got := (Counts{Invocations: 11, Errors: 4}).Minus(earlier); got.Invocations != 1 || got.Errors != 1 {
		t.Errorf("after one more there are %+v", got)
	}
}

// Recent counts leave out what is older than ten minutes, as long as a thousand
// invocations are left.
func TestRecentCountsForgetWhatIsLongAgo(t *testing.T) {
	var tally Tally
	ran(&tally, 2000, noon, true)
	for minute := range 60 {
		ran(&tally, 1000, noon.Add(time.Duration(minute)*time.Minute), false)
	}
	recent := tally.Recent()
	if recent.Errors != 0 {
		t.Errorf("%d errors of an hour ago are recent", recent.Errors)
	}
	if recent.Invocations < 10_000 || recent.Invocations > 22_000 {
		t.Errorf("%d invocations are recent, at 1000 a minute", recent.Invocations)
	}
	if all := tally.Counts(); all.Errors != 2000 || all.Invocations != 62_000 {
		t.Errorf("in all it counted %d errors in %d invocations", all.Errors, all.Invocations)
	}

	var quiet Tally
	for day := range 300 {
		ran(&quiet, 3, noon.Add(time.Duration(day)*24*time.Hour), false)
	}
	if recent := quiet.Recent(); recent.Invocations != 900 {
		t.Errorf("%d invocations of a quiet function are recent, want all 900", recent.Invocations)
	}
}

// Nothing is lost, and whoever looks meanwhile sees no more errors than invocations.
func TestATallyIsForMany(t *testing.T) {
	const goroutines, each = 8, 5000
	var tally Tally
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() { ran(&tally, each, noon, true) })
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	for looking := true; looking; {
		select {
		case <-done:
			looking = false
		default:
		}
		if c := tally.Counts(); c.Errors > c.Invocations {
			t.Fatalf("it counted %d errors in %d invocations", c.Errors, c.Invocations)
		}
		_ = tally.Recent()
	}
	c := tally.Counts()
	if c.Invocations != goroutines*each || c.Errors != goroutines*each || c.Durations[bucketOf(10*time.Millisecond)] != goroutines*each {
		t.Errorf("it counted %+v, want %d of each", c, goroutines*each)
	}
	if n := tally.Running(); n != 0 {
		t.Errorf("%d are running at the end", n)
	}
}

// BenchmarkTally is what counting adds to an invocation.
func BenchmarkTally(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		var tally Tally
		b.ReportAllocs()
		for b.Loop() {
			tally.Begin()
			tally.Ran(noon, 180*time.Microsecond, false)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		var tally Tally
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				tally.Begin()
				tally.Ran(noon, 180*time.Microsecond, false)
			}
		})
	})
	b.Run("watched", func(b *testing.B) {
		var tally Tally
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					_ = tally.Counts()
				}
			}
		}()
		b.ReportAllocs()
		for b.Loop() {
			tally.Begin()
			tally.Ran(noon, 180*time.Microsecond, false)
		}
		close(stop)
		<-stopped
	})
}
