package sandbox

import (
	"io"
	"os"
	"time"
)

// outputGrace is how long output is still read when the tree is gone. Its end
// comes at once, unless somebody the tree handed the pipe to holds it open.
const outputGrace = time.Second

// An outputReader copies what a tree writes to a writer, as fast as that takes
// it: a tree that writes faster waits, and nothing piles up in memory.
type outputReader struct {
	pipe *os.File
	done chan struct{}
}

// newOutput returns a reader and the end the tree writes to.
func newOutput(to io.Writer) (*outputReader, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	o := &outputReader{pipe: r, done: make(chan struct{})}
	go o.copy(to)
	return o, w, nil
}

func (o *outputReader) copy(to io.Writer) {
	defer close(o.done)
	buffer := make([]byte, 16<<10)
	for {
		n, err := o.pipe.Read(buffer)
		if n > 0 && to != nil {
			if _, err := to.Write(buffer[:n]); err != nil {
				to = nil // go on reading: the tree must not wait for nobody
			}
		}
		if err != nil {
			return
		}
	}
}

// finish reads what is left and closes the pipe. The tree must be gone.
func (o *outputReader) finish() {
	o.pipe.SetReadDeadline(time.Now().Add(outputGrace)) //nolint:errcheck // pipes have deadlines
	<-o.done
	o.pipe.Close()
}
