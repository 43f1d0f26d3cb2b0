package invoke

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// maxTail is how much of an invocation's log comes with its answer, as on
// Lambda.
const maxTail = 4 << 10

// An output turns what an instance writes, and what Lambda writes about it, into
// lines of its function's log.
type output struct {
	append  func(telemetry.Entry)
	version string
	// instance is its id.
	instance string

	// told, unless nil, gets each line that the instance's processes write.
	told func(line string)

	mu sync.Mutex
	// partial is the beginning of a line whose end has not come.
	partial []byte
	// request is the last invocation; what comes after its end is still its.
	request string
	// tail is the end of its log, or nil if nobody asked for it.
	tail []byte
}

// another is for an invocation that the instance never got.
func (o *output) another() *output {
	return &output{append: o.append, version: o.version, instance: o.instance}
}

// Write takes what the instance's processes write to standard output and error.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for line := range bytes.Lines(p) {
		if line[len(line)-1] != '\n' {
			o.gather(line)
			break
		}
		o.gather(line[:len(line)-1])
		o.flush()
	}
	return len(p), nil
}

// gather adds to the line under way; a line that grows too long is cut.
func (o *output) gather(text []byte) {
	for len(o.partial)+len(text) > telemetry.MaxLine {
		n := telemetry.MaxLine - len(o.partial)
		o.partial = append(o.partial, text[:n]...)
		text = text[n:]
		o.flush()
	}
	o.partial = append(o.partial, text...)
}

func (o *output) flush() {
	text := string(bytes.TrimSuffix(o.partial, []byte("\r")))
	o.line(text)
	if o.told != nil {
		o.told(text)
	}
	o.partial = o.partial[:0]
}

func (o *output) line(text string) {
	o.append(telemetry.Entry{
		Time: time.Now(), Version: o.version, Instance: o.instance, RequestID: o.request, Line: text,
	})
	if o.tail == nil {
		return
	}
	o.tail = append(append(o.tail, text...), '\n')
	if len(o.tail) > 4*maxTail {
		o.tail = append(o.tail[:0], o.tail[len(o.tail)-maxTail:]...)
	}
}

// note writes a line about the instance.
func (o *output) note(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.complete()
	o.line(text)
}

// complete ends the line under way.
func (o *output) complete() {
	if len(o.partial) > 0 {
		o.flush()
	}
}

// start begins an invocation's log.
func (o *output) start(inv *invocation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.complete()
	o.request, o.tail = inv.id, nil
	if inv.logTail {
		o.tail = make([]byte, 0, maxTail)
	}
	o.line("START RequestId: " + inv.id + " Version: " + o.version)
}

// end completes an invocation's log with the lines given and returns its tail.
func (o *output) end(lines ...string) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.complete()
	for _, line := range lines {
		o.line(line)
	}
	tail := o.tail
	o.tail = nil
	return tail[max(0, len(tail)-maxTail):]
}

// report is what Lambda writes when an invocation is over.
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html describes it;
// "Status" and "Error Type" are there since 2024.
func report(inv *invocation, memory int, peak int64) []string {
	o := inv.outcome
	var lines []string
	end := "END RequestId: " + inv.id
	var b strings.Builder
	fmt.Fprintf(&b, "REPORT RequestId: %s\tDuration: %s\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		inv.id, milliseconds(o.duration), inv.billed().Milliseconds(), memory, megabytes(peak, memory))
	if inv.init.Took > 0 {
		fmt.Fprintf(&b, "Init Duration: %s\t", milliseconds(inv.init.Took))
	}
	if o.failure == nil {
		return append(lines, end, b.String())
	}
	switch o.failure.Type {
	case errorTimeout:
		at := inv.started.Add(o.duration).UTC().Format("2006-01-02T15:04:05.000Z")
		lines = append(lines, fmt.Sprintf("%s %s %s", at, inv.id, o.failure.Message), "")
		b.WriteString("Status: timeout")
	case errorExit, errorOutOfMemory, errorEntrypoint:
		lines = append(lines, fmt.Sprintf("RequestId: %s Error: %s", inv.id, o.failure.Message), o.failure.Type)
		fallthrough
	default:
		b.WriteString("Status: error\tError Type: " + o.failure.Type)
	}
	return append(lines, end, b.String())
}

// initReport is what Lambda writes when an instance could not be initialised.
// The phase is "init", or "invoke" when it is tried again with an event waiting.
func initReport(took time.Duration, phase string, failure functionError) string {
	status := "error\tError Type: " + failure.Type
	if failure.Type == errorTimeout {
		status = "timeout"
	}
	return fmt.Sprintf("INIT_REPORT Init Duration: %s\tPhase: %s\tStatus: %s", milliseconds(took), phase, status)
}

func milliseconds(d time.Duration) string {
	return string(append(strconv.AppendFloat(make([]byte, 0, 24), float64(d)/1e6, 'f', 2, 64), " ms"...))
}

// megabytes rounds up, and never says more than the limit.
func megabytes(bytes int64, limit int) int {
	return min(int((bytes+1<<20-1)>>20), limit)
}
