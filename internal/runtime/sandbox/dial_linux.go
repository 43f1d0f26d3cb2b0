package sandbox

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Dial connects to a port of 127.0.0.1 as the instance sees it: it opens the socket in
// the instance's network namespace. An ordinary user may not do that.
func Dial(ctx context.Context, i Instance, port int) (net.Conn, error) {
	own, err := unix.Open("/proc/self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open this process's network namespace: %w", err)
	}
	defer unix.Close(own)
	theirs, err := unix.Open(fmt.Sprintf("/proc/%d/ns/net", i.PID()), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the instance's network namespace: %w", err)
	}
	defer unix.Close(theirs)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	var dialer net.Dialer
	var mine, its unix.Stat_t
	if unix.Fstat(own, &mine) == nil && unix.Fstat(theirs, &its) == nil && mine.Ino == its.Ino && mine.Dev == its.Dev {
		return dialer.DialContext(ctx, "tcp4", address)
	}
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		// The thread is not given back: it ends with this goroutine, in the namespace that
		// nothing else is to be in.
		runtime.LockOSThread()
		if err := unix.Setns(theirs, unix.CLONE_NEWNET); err != nil {
			done <- result{err: fmt.Errorf("enter the instance's network namespace: %w", err)}
			return
		}
		conn, err := dialer.DialContext(ctx, "tcp4", address)
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}
