package sandbox

import (
	"fmt"
	"net"
	"os"
	"sync"
)

// As root, instances' users come from 0x70000000 on, which by systemd's list of user ids
// (https://systemd.io/UIDS-GIDS) nobody else uses. Each runtime on a host takes a
// block of its own.
const (
	firstUID  = 0x70000000
	uidBlock  = 1 << 16
	uidBlocks = 1 << 11
)

// users hands out user ids, never one to two instances at a time, and each as
// late again as possible.
type users struct {
	lock       net.Listener // holds the block
	base, size int

	mu    sync.Mutex
	next  int
	taken map[int]bool
}

// newUsers takes a block of user ids that no other runtime on this host has, of those that
// begin with the first.
func newUsers(first, size, blocks int) (*users, error) {
	for i := range blocks {
		base := first + (os.Getpid()+i)%blocks*size
		// An abstract socket is a lock that no crash leaves behind.
		lock, err := net.Listen("unix", fmt.Sprintf("@tidegate-users-%d", base))
		if err == nil {
			return &users{lock: lock, base: base, size: size, taken: map[int]bool{}}, nil
		}
	}
	return nil, fmt.Errorf("every range of user ids is taken by another runtime on this host")
}

func (u *users) take() (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for range u.size {
		uid := u.base + u.next
		u.next = (u.next + 1) % u.size
		if !u.taken[uid] {
			u.taken[uid] = true
			return uid, nil
		}
	}
	return 0, fmt.Errorf("all %d user ids are in use", u.size)
}

func (u *users) give(uid int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.taken, uid)
}

func (u *users) close() { u.lock.Close() }
