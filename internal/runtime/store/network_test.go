package store

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// A network lies between one node and the cluster, and can be cut.
type network struct {
	url      string
	server   string
	listener net.Listener

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

// connect returns a network in front of the cluster at a URL.
func connect(t *testing.T, cluster string) *network {
	t.Helper()
	u, err := url.Parse(cluster)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &network{url: "nats://" + l.Addr().String(), server: u.Host, listener: l}
	go n.accept()
	t.Cleanup(func() {
		l.Close()
		n.Cut()
	})
	return n
}

func (n *network) accept() {
	for {
		client, err := n.listener.Accept()
		if err != nil {
			return
		}
		n.join(client)
	}
}

func (n *network) join(client net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	server, err := net.Dial("tcp", n.server)
	if n.cut || err != nil {
		client.Close()
		return
	}
	n.conns = append(n.conns, client, server)
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			pair[0].Close()
		}()
	}
}

// Cut breaks all connections, and lets no new ones through.
func (n *network) Cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = true
	for _, c := range n.conns {
		c.Close()
	}
	n.conns = nil
}

// Mend lets connections through again.
func (n *network) Mend() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = false
}
