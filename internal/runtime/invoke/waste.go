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
// refused, events asked for again, bodies that are too large or break off, chunks that hold
// hardly anything. Of that an instance gets so much, and waits for more.
const (
	// wasteRate is how many units an instance may waste in a second, and at once: about
	// a hundredth of a processor's time. A unit is a request, wasteUnit bytes, or
	// wasteChunks chunks.
	wasteRate   = 1000
	wasteUnit   = 64 << 10
	wasteChunks = 64
	// chunkSize is what a chunk has at least that is no waste, in bytes.
	chunkSize = 64
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

// body is the request's, of which chunks that hold hardly anything are waste: each has to be
// looked at, and costs who sends many at once next to nothing.
func (i *instance) body(r *rawhttp.Request) io.Reader {
	if !r.Chunked() {
		return r.Body()
	}
	return &chunkedBody{instance: i, request: r, wasted: r.Chunks()}
}

type chunkedBody struct {
	instance *instance
	request  *rawhttp.Request
	// read is in bytes, wasted in chunks.
	read, wasted int
}

func (b *chunkedBody) Read(p []byte) (int, error) {
	n, err := b.request.Body().Read(p)
	b.read += n
	if units := (b.request.Chunks() - b.wasted - b.read/chunkSize) / wasteChunks; units > 0 {
		b.wasted += units * wasteChunks
		b.instance.waste(min(units, wasteRate))
	}
	return n, err
}

// maxDrained is how many bytes are read of a body that is too large before the connection
// is closed: clients that write without reading would otherwise meet a broken connection.
// Who announces more has it broken at once.
const maxDrained = 16 << 20

// drain takes the rest of a body that is too large, within reason, and slowly.
func (i *instance) drain(r *rawhttp.Request) {
	if r.ContentLength() > maxDrained {
		return
	}
	body, buffer := i.body(r), make([]byte, wasteUnit)
	for left := maxDrained; left > 0; left -= len(buffer) {
		n, err := io.ReadFull(body, buffer)
		i.wasteBytes(n)
		if err != nil {
			return
		}
	}
}
