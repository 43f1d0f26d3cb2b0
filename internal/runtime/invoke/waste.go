package invoke

import (
	"io"
	"time"

	"golang.org/x/time/rate"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rawhttp"
)

// What an instance's processes do is limited to their share of the processors. What they
// have the runtime do is its own time, and their neighbours wait for it. A function that
// answers its events costs what its callers ask for; all else is waste: requests that are
// refused, events asked for again, bodies that are too large or break off. Of that an
// instance gets so much, and waits for more.
const (
	// wasteRate is how many units an instance may waste in a second, and at once: about
	// a hundredth of a processor's time. A unit is a request, or wasteUnit bytes.
	wasteRate = 1000
	wasteUnit = 64 << 10
)

func newWaste() *rate.Limiter { return rate.NewLimiter(wasteRate, wasteRate) }

// waste counts units, at most wasteRate, and waits while there were too many.
func (i *instance) waste(units int) {
	wait := i.wasted.ReserveN(time.Now(), units).Delay()
	if wait == 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-i.gone:
	}
}

// wasteBytes is waste by what was moved, rounded up.
func (i *instance) wasteBytes(n int) { i.waste((n + wasteUnit - 1) / wasteUnit) }

// maxDrained is how many bytes are read of a body that is too large before the connection
// is closed: clients that write without reading would otherwise meet a broken connection.
// Who announces more has it broken at once.
const maxDrained = 16 << 20

// drain takes the rest of a body that is too large, within reason, and slowly.
func (i *instance) drain(r *rawhttp.Request) {
	if r.ContentLength() > maxDrained {
		return
	}
	buffer := make([]byte, wasteUnit)
	for left := maxDrained; left > 0; left -= len(buffer) {
		n, err := io.ReadFull(r.Body(), buffer)
		i.wasteBytes(n)
		if err != nil {
			return
		}
	}
}
