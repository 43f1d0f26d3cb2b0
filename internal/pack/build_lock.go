package pack

import (
	"context"
	"fmt"
	"sync"
)

// building has a lock for every output that is being made by this process, so
// that functions which share a source build it once.
var building struct {
	sync.Mutex
	locks map[string]*keyLock
}

type keyLock struct {
	held chan struct{}
	// users hold the lock or wait for it.
	users int
}

// lockKey waits until nobody in this process holds the lock, or ctx ends.
func lockKey(ctx context.Context, key string) (unlock func(), err error) {
	building.Lock()
	if building.locks == nil {
		building.locks = map[string]*keyLock{}
	}
	lock := building.locks[key]
	if lock == nil {
		lock = &keyLock{held: make(chan struct{}, 1)}
		building.locks[key] = lock
	}
	lock.users++
	building.Unlock()

	leave := func() {
		building.Lock()
		defer building.Unlock()
		if lock.users--; lock.users == 0 {
			delete(building.locks, key)
		}
	}
	select {
	case lock.held <- struct{}{}:
		return func() { <-lock.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, fmt.Errorf("a build of the same source did not end in time: %w", context.Cause(ctx))
	}
}
