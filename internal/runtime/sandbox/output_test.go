//go:build unix

package sandbox

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"testing"
)

func TestATreeThatWritesFasterThanItIsReadLetsOthersHaveTheirTurn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	meanwhile := make(chan struct{})
	inTime, writes := false, 0
	// A pipe holds many times what is read at once.
	output, tree, err := newOutput(writerFunc(func(p []byte) (int, error) {
		switch writes++; writes {
		case 1:
			go close(meanwhile)
		case 4:
			select {
			case <-meanwhile:
				inTime = true
			default:
			}
		}
		return len(p), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Write(make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	if err := tree.Close(); err != nil {
		t.Fatal(err)
	}
	output.finish()
	if !inTime {
		t.Errorf("nobody else had a turn in %d reads", writes)
	}
}

func TestWhatWasWrittenBeforeASyncIsThereAfterIt(t *testing.T) {
	var mu sync.Mutex
	var got bytes.Buffer
	output, tree, err := newOutput(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return got.Write(p)
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for i := range 1000 {
		line := fmt.Sprintln("line", i)
		want += line
		if _, err := tree.WriteString(line); err != nil {
			t.Fatal(err)
		}
		output.sync()
		mu.Lock()
		have := got.String()
		mu.Unlock()
		if have != want {
			t.Fatalf("after line %d there are %d bytes, not %d", i, len(have), len(want))
		}
	}
	if err := tree.Close(); err != nil {
		t.Fatal(err)
	}
	output.finish()
	output.sync() // does nothing once the pipe is closed
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
