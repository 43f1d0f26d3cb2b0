//go:build unix

package sandbox

import (
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// outputGrace is how long output is still read when the tree is gone. Its end
// comes at once, unless somebody the tree handed the pipe to holds it open.
const outputGrace = time.Second

// maxPipe is the most bytes a pipe holds, unless the system's administrator
// allows ordinary users more (pipe(7), /proc/sys/fs/pipe-max-size).
const maxPipe = 1 << 20

// outputBuffer is how many bytes are read at once: as empty lines they take a millisecond.
const outputBuffer = 4 << 10

// An outputReader copies what a tree writes to a writer, as fast as that takes
// it and its pace allows: a tree that writes faster waits, and nothing piles up in memory.
type outputReader struct {
	pipe *os.File
	raw  syscall.RawConn
	done chan struct{}
	// ending is closed when the tree is gone, whose pace does not matter any more.
	ending chan struct{}

	// mu is held from reading bytes until they are written.
	mu     sync.Mutex
	to     io.Writer
	buffer []byte
	pace   pace
}

// newOutput returns a reader and the end the tree writes to.
func newOutput(to io.Writer) (*outputReader, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	o, err := readOutput(r, to)
	if err != nil {
		w.Close()
		return nil, nil, err
	}
	return o, w, nil
}

// readOutput takes the pipe over, which it has closed if there is an error.
func readOutput(pipe *os.File, to io.Writer) (*outputReader, error) {
	raw, err := pipe.SyscallConn()
	if err != nil {
		pipe.Close()
		return nil, err
	}
	o := &outputReader{pipe: pipe, raw: raw, done: make(chan struct{}), ending: make(chan struct{}), to: to, buffer: make([]byte, outputBuffer)}
	go o.copy()
	return o, nil
}

func (o *outputReader) copy() {
	defer close(o.done)
	for {
		var n int
		var err error
		waitErr := o.raw.Read(func(fd uintptr) bool {
			n, err = o.take(int(fd))
			return err != unix.EAGAIN
		})
		if waitErr != nil || err != nil || n == 0 {
			return
		}
		if n == len(o.buffer) {
			// There is more, and so no rest in which the runtime would look at what comes to it
			// from elsewhere: see package rawhttp's giveWay.
			runtime.Gosched()
		}
		o.rest()
	}
}

// rest waits if the tree has had more of the runtime's time than it may.
func (o *outputReader) rest() {
	o.mu.Lock()
	rest := o.pace.rest()
	o.mu.Unlock()
	if rest == 0 {
		return
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-o.ending:
	}
}

// take copies what is in the pipe now, at most a buffer of it. It does not wait.
func (o *outputReader) take(fd int) (n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		if n, err = readNow(fd, o.buffer); err != unix.EINTR {
			break
		}
	}
	if n > 0 && o.to != nil {
		began := time.Now()
		defer func() { o.pace.worked(began, time.Now()) }()
		if _, err := o.to.Write(o.buffer[:n]); err != nil {
			o.to = nil // go on reading: the tree must not wait for nobody
		}
	}
	return n, err
}

// sync returns when everything the tree wrote before the call is written.
func (o *outputReader) sync() {
	_ = o.raw.Control(func(fd uintptr) { // once the pipe is closed there is nothing to read
		for range maxPipe / len(o.buffer) {
			if n, err := o.take(int(fd)); n <= 0 || err != nil {
				return
			}
		}
	})
	o.rest()
}

// finish reads what is left and closes the pipe. The tree must be gone.
func (o *outputReader) finish() {
	close(o.ending)
	o.pipe.SetReadDeadline(time.Now().Add(outputGrace)) //nolint:errcheck // pipes have deadlines
	<-o.done
	o.pipe.Close()
}
