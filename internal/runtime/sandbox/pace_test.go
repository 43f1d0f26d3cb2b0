//go:build unix

package sandbox

import (
	"testing"
	"time"
)

func TestAPaceIsAShareOfTheTime(t *testing.T) {
	var p pace
	now := time.Now()
	work := func(d time.Duration) {
		p.worked(now, now.Add(d))
		now = now.Add(d)
	}
	for range 100 { // a hundredth of the time
		work(time.Millisecond)
		now = now.Add(99 * time.Millisecond)
		if rest := p.rest(); rest != 0 {
			t.Fatalf("who does little has to rest for %v", rest)
		}
	}
	// All the time, but for what it has to rest.
	began, worked := now, time.Duration(0)
	for range 1000 {
		work(time.Millisecond)
		worked += time.Millisecond
		now = now.Add(p.rest())
	}
	if most := paceBurst + now.Sub(began)/paceShare + time.Millisecond; worked > most {
		t.Errorf("%v of %v were worked, more than %v", worked, now.Sub(began), most)
	}
	if least := now.Sub(began) / paceShare / 2; worked < least {
		t.Errorf("%v of %v were worked, less than %v", worked, now.Sub(began), least)
	}
}
