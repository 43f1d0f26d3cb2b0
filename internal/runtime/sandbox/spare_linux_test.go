package sandbox

import (
	"fmt"
	"testing"
)

func TestWhatAHostCanSpareForSandboxesThatNobodyAskedFor(t *testing.T) {
	for _, c := range []struct{ total, available, cpus, want int }{
		{24000, 23000, 2, 31}, // a sixteenth of the memory
		{64000, 60000, 2, 32}, // what two processors may keep
		{24000, 4000, 2, 20},  // a quarter of what is available
		{24000, 2000, 2, 0},   // the memory is short
		{512, 400, 1, 1},
		{512, 100, 1, 0},
	} {
		meminfo := fmt.Sprintf("MemTotal:       %d kB\nMemFree:         1 kB\nMemAvailable:   %d kB\n", c.total<<10, c.available<<10)
		if got := spareIn([]byte(meminfo), c.cpus); got != c.want {
			t.Errorf("with %d of %d MB and %d processors it is %d, want %d", c.available, c.total, c.cpus, got, c.want)
		}
	}
	if got := spareIn([]byte("MemTotal: many kB\n"), 4); got != 1 {
		t.Errorf("where the memory is not known it is %d, want 1", got)
	}
	if spareSandboxes() < 1 {
		t.Error("this host can spare none")
	}
}
