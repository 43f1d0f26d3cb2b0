package sandbox

import (
	"os/exec"
	"runtime"
)

// A spawner starts processes from one operating-system thread that lives as
// long as the spawner: the kernel sends a child its parent-death signal when the
// thread that forked it ends, and Go ends threads whenever it likes.
type spawner struct {
	requests chan spawnRequest
}

type spawnRequest struct {
	cmd  *exec.Cmd
	done chan error
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan spawnRequest)}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		for r := range s.requests {
			r.done <- r.cmd.Start()
		}
	}()
	return s
}

func (s *spawner) start(cmd *exec.Cmd) error {
	r := spawnRequest{cmd, make(chan error, 1)}
	s.requests <- r
	return <-r.done
}

// close ends the thread. Children that still run get their parent-death signal.
func (s *spawner) close() { close(s.requests) }
