package gateway

import "golang.org/x/sys/unix"

// oldCalls are those that newer architectures never had.
var oldCalls = []uint32{unix.SYS_EPOLL_WAIT, unix.SYS_POLL, unix.SYS_DUP2, unix.SYS_TIME}
