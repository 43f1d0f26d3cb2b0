package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"
)

// A waiting listener is the Runtime API's where an interpreter was started before it
// was known for which function. The first connection asks for that ("GET
// /tidegate/assignment"), is answered when it is known, and goes on as any other.
type waiting struct {
	net.Listener
	// asked is closed when the interpreter has loaded itself, or will never ask.
	asked chan struct{}
	first net.Conn
	err   error

	answered chan struct{} // closed by answer
	body     []byte
	once     sync.Once
}

// What warm interpreters ask, and how long a head may be.
const (
	assignmentRequest  = "GET /tidegate/assignment "
	maxAssignmentHead  = 4 << 10
	assignmentDeadline = time.Minute
)

// awaitAssignment takes the listener over.
func awaitAssignment(l net.Listener) *waiting {
	w := &waiting{Listener: l, asked: make(chan struct{}), answered: make(chan struct{})}
	go func() {
		defer close(w.asked)
		w.first, w.err = w.await()
	}()
	return w
}

func (w *waiting) await() (net.Conn, error) {
	c, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.SetReadDeadline(time.Now().Add(assignmentDeadline)) //nolint:errcheck // it has deadlines
	head := make([]byte, 0, maxAssignmentHead)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		if len(head) == cap(head) {
			c.Close()
			return nil, fmt.Errorf("the warm interpreter asks in more than %d bytes", maxAssignmentHead)
		}
		n, err := c.Read(head[len(head):cap(head)])
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("the warm interpreter does not ask for its function: %w", err)
		}
		head = head[:len(head)+n]
	}
	if !bytes.HasPrefix(head, []byte(assignmentRequest)) {
		c.Close()
		return nil, fmt.Errorf("the warm interpreter asks for something else than its function")
	}
	c.SetReadDeadline(time.Time{}) //nolint:errcheck // it has deadlines
	return c, nil
}

// answer makes the program that waits, or will, the function's.
func (w *waiting) answer(p programRequest) error {
	body, err := json.Marshal(struct {
		Env []string `json:"env"`
		Cwd string   `json:"cwd"`
	}{p.Env, p.Dir})
	if err != nil {
		return err
	}
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body))
	w.body = append([]byte(head), body...)
	close(w.answered)
	return nil
}

// Accept is called only after answer.
func (w *waiting) Accept() (net.Conn, error) {
	var first net.Conn
	var err error
	w.once.Do(func() {
		<-w.asked
		<-w.answered
		if first, err = w.first, w.err; err == nil {
			_, err = first.Write(w.body)
		}
	})
	if first != nil || err != nil {
		return first, err
	}
	return w.Listener.Accept()
}

func (w *waiting) Close() error {
	err := w.Listener.Close()
	<-w.asked
	if w.first != nil {
		w.first.Close() // most likely again
	}
	return err
}
