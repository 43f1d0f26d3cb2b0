package harness

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// The ports that are handed out lie below the range that outgoing connections take
// theirs from (32768 and up on Linux).
const firstPort, lastPort = 16000, 31999

// FreePort returns a port of 127.0.0.1 that nothing listens on, and that no other call
// returns, of this process or another one on this tree, until this process ends: a
// server may take its time to listen, and finds its port free again when it is
// restarted.
func FreePort() (int, error) {
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		mine, err := ports.reserve(port)
		if err != nil {
			return 0, err
		}
		if !mine {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return 0, fmt.Errorf("no free port on 127.0.0.1 between %d and %d", firstPort, lastPort)
}

// ports are those of this process.
var ports reservations

// A reservations holds locks on bytes of a file in .cache/, the byte at an offset for the
// port of that number. The kernel gives them up when the process ends.
type reservations struct {
	mu   sync.Mutex
	file *os.File
	mine map[int]bool
}

func (r *reservations) reserve(port int) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		dir, err := cacheDir()
		if err != nil {
			return false, err
		}
		// Never closed, which would give up every lock.
		if r.file, err = os.OpenFile(filepath.Join(dir, "ports.lock"), os.O_CREATE|os.O_RDWR, 0o644); err != nil {
			return false, err
		}
		r.mine = map[int]bool{}
	}
	// A process never refuses a lock to itself.
	if r.mine[port] {
		return false, nil
	}
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: int64(port), Len: 1}
	err := syscall.FcntlFlock(r.file.Fd(), syscall.F_SETLK, &lock)
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reserve port %d in %s: %w", port, r.file.Name(), err)
	}
	r.mine[port] = true
	return true, nil
}
