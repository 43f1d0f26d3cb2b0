package invoke

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"
)

// minSpare is the part of the host's processor time that must be idle for it
// not to be busy.
const minSpare = 0.2

// A host tells whether the machine has processor time to spare. The zero value
// is ready.
type host struct {
	mu sync.Mutex
	// total and idle are the counters at the time of the last sample.
	total, idle uint64
	sampled     time.Time
	isBusy      bool
}

// busy is about the time since the last sample, of which there is at most one
// each half paceInterval. Where the system does not tell, it is never busy.
func (h *host) busy() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.sampled) < paceInterval/2 {
		return h.isBusy
	}
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return false
	}
	total, idle, ok := processorTime(stat)
	if !ok || total <= h.total {
		return false
	}
	h.isBusy = float64(idle-h.idle) < minSpare*float64(total-h.total)
	h.total, h.idle, h.sampled = total, idle, time.Now()
	return h.isBusy
}

// processorTime reads the first line of /proc/stat (proc_stat(5)): "cpu  user
// nice system idle iowait irq softirq steal guest guest_nice".
func processorTime(stat []byte) (total, idle uint64, ok bool) {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return 0, 0, false
	}
	for i, field := range fields[1:9] { // guests' time is part of user's
		n, err := strconv.ParseUint(string(field), 10, 64)
		if err != nil {
			return 0, 0, false
		}
		total += n
		if i == 3 || i == 4 {
			idle += n
		}
	}
	return total, idle, true
}
