package rawhttp

import (
	"net"
	"sync/atomic"
)

const (
	// smallBuffer is what a connection's buffer may be without a share of the room.
	smallBuffer = 64 << 10
	// maxRoom is the most bytes of all larger buffers of a Room: some heads as large as
	// they may be.
	maxRoom = 4 << 20
)

// A Room is what a client's connections have in common. A client may open many, and begin
// a large head on each: those for which there is no room are refused. Its zero value is
// ready for use.
type Room struct{ used atomic.Int64 }

// Serve is Serve for a connection that shares the room.
func (room *Room) Serve(nc net.Conn, h Handler) {
	c := newConn(nc, firstBuffer)
	c.room = room
	c.serve(h)
}

// grows reserves what a buffer of that size takes, and tells whether it may grow so much.
// Without a room any may.
func (c *conn) grows(size int) bool {
	if c.room == nil || size <= smallBuffer {
		return true
	}
	more := int64(size) - c.taken
	if c.room.used.Add(more) > maxRoom {
		c.room.used.Add(-more)
		return false
	}
	c.taken = int64(size)
	return true
}

// giveBack ends what grows reserved.
func (c *conn) giveBack() {
	if c.taken > 0 {
		c.room.used.Add(-c.taken)
		c.taken = 0
	}
}
