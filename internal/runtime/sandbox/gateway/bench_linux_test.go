package gateway

import (
	"io"
	"net"
	"os"
	"testing"
)

// Each benchmark measures one thing directly on the host's loopback interface, and
// through the gateway, whose client and server are the same.
func compare(b *testing.B, serve_ func(*net.TCPConn), run func(b *testing.B, dial func() *net.TCPConn)) {
	server := serve(b, serve_)
	b.Run("direct", func(b *testing.B) {
		run(b, func() *net.TCPConn {
			c, err := net.Dial("tcp4", server.String())
			if err != nil {
				b.Fatal(err)
			}
			return c.(*net.TCPConn) //nolint:errcheck // it is one
		})
	})
	for _, kind := range []struct {
		name string
		make func() (*os.File, error)
	}{{"TUN", tunDevice}, {"pair", pair}} {
		b.Run(kind.name, func(b *testing.B) {
			g := testGateway(b, Options{}, "", 0)
			s := newSpace(b, kind.make)
			s.connect(g, forward(server))
			run(b, func() (conn *net.TCPConn) {
				s.in(func() {
					c, err := net.Dial("tcp4", inside)
					if err != nil {
						b.Error(err)
						return
					}
					conn = c.(*net.TCPConn) //nolint:errcheck // it is one
				})
				return conn
			})
		})
	}
}

func BenchmarkUpload(b *testing.B) {
	compare(b, func(c *net.TCPConn) {
		n, _ := io.Copy(io.Discard, c)
		if n > 0 {
			c.Write([]byte("x"))
		}
	}, func(b *testing.B, dial func() *net.TCPConn) {
		conn := dial()
		defer conn.Close()
		chunk := make([]byte, 1<<20)
		b.SetBytes(int64(len(chunk)))
		for b.Loop() {
			if _, err := conn.Write(chunk); err != nil {
				b.Fatal(err)
			}
		}
		conn.CloseWrite()
		conn.Read(make([]byte, 1))
	})
}

func BenchmarkDownload(b *testing.B) {
	chunk := make([]byte, 1<<20)
	compare(b, func(c *net.TCPConn) {
		for {
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
	}, func(b *testing.B, dial func() *net.TCPConn) {
		conn := dial()
		defer conn.Close()
		into := make([]byte, 1<<20)
		b.SetBytes(int64(len(into)))
		for b.Loop() {
			if _, err := io.ReadFull(conn, into); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRoundTrip(b *testing.B) {
	compare(b, func(c *net.TCPConn) { io.Copy(c, c) }, func(b *testing.B, dial func() *net.TCPConn) {
		conn := dial()
		defer conn.Close()
		message := make([]byte, 100)
		for b.Loop() {
			conn.Write(message)
			if _, err := io.ReadFull(conn, message); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkConnect(b *testing.B) {
	compare(b, func(c *net.TCPConn) { io.Copy(c, c) }, func(b *testing.B, dial func() *net.TCPConn) {
		for b.Loop() {
			conn := dial()
			conn.Write([]byte("x"))
			if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
				b.Fatal(err)
			}
			conn.Close()
		}
	})
}

// BenchmarkMemory says what an instance takes in the gateway's heap and in all: one
// that is silent, and one with a connection.
func BenchmarkMemory(b *testing.B) {
	server := serve(b, func(c *net.TCPConn) { io.Copy(c, c) })
	const many = 50
	for b.Loop() {
		g := testGateway(b, Options{}, "", 0)
		before, rss := stats(b, g).Heap, resident(b, g.PID())
		var all []*space
		for range many {
			s := newSpace(b, tunDevice)
			s.connect(g, forward(server))
			all = append(all, s)
		}
		idle, idleRSS := stats(b, g).Heap, resident(b, g.PID())
		for _, s := range all {
			s.works(inside)
			s.mustDial(inside)
		}
		active, activeRSS := stats(b, g).Heap, resident(b, g.PID())
		b.ReportMetric(float64(rss)/1024, "KiB/process")
		b.ReportMetric(float64(idle-before)/many/1024, "KiB-heap/idle")
		b.ReportMetric(float64(idleRSS-rss)/many/1024, "KiB-RSS/idle")
		b.ReportMetric(float64(active-before)/many/1024, "KiB-heap/active")
		b.ReportMetric(float64(activeRSS-rss)/many/1024, "KiB-RSS/active")
	}
}
