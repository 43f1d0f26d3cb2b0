package invoke

import (
	"testing"
	"time"
)

func TestThePaceGrowsWhileThereIsMoreAndTheHostIsNotBusy(t *testing.T) {
	busy := false
	p, now := newPace(func() bool { return busy }), time.Unix(0, 0)
	first := p.room(1000, now)
	if again := p.room(1, now); again != 1 {
		t.Errorf("a limit of 1 leaves room for %d", again)
	}
	fill := func() {
		for range p.room(1000, now) {
			p.begin()
		}
	}
	fill()
	if n := p.room(1000, now.Add(paceInterval/2)); n != 0 {
		t.Errorf("there is room for %d more at once", n)
	}
	busy, now = true, now.Add(paceInterval)
	if n := p.room(1000, now); n != 0 {
		t.Errorf("there is room for %d more on a busy host", n)
	}
	busy, now = false, now.Add(paceInterval)
	if n := p.room(1000, now); n != first {
		t.Errorf("after a while there is room for %d more, want %d", n, first)
	}
	for range 100 {
		fill()
		now = now.Add(paceInterval)
	}
	if p.handling != first/pacePerCPU*maxPacePerCPU {
		t.Errorf("in the end %d are handled at once", p.handling)
	}
	for p.handling > 0 {
		p.end()
	}
	if n := p.room(1000, now); n != first {
		t.Errorf("after all there is room for %d, want %d again", n, first)
	}
}

func TestTheHostsProcessorTimeIsRead(t *testing.T) {
	total, idle, ok := processorTime([]byte("cpu  10 1 5 70 4 1 2 7 3 1\ncpu0 5 1 5 30 4 1 2 7 3 1\n"))
	if total != 100 || idle != 74 || !ok {
		t.Errorf("got %d of which %d idle, %t; want 100 and 74", total, idle, ok)
	}
	for _, text := range []string{"", "cpu 1 2 3", "intr 1 2 3 4 5 6 7 8", "cpu a b c d e f g h"} {
		if _, _, ok := processorTime([]byte(text)); ok {
			t.Errorf("%q was understood", text)
		}
	}
}
