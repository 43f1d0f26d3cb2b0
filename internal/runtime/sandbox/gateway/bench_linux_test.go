package gateway

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// benchName is the argument zero of this program when it is a benchmark's client:
// its arguments are the name, the address, and how often.
const benchName = "gateway-bench-client"

func init() {
	if os.Args[0] != benchName {
		return
	}
	times, err := strconv.Atoi(os.Args[3])
	if err == nil {
		var took time.Duration
		if took, err = work(os.Args[1], os.Args[2], times); err == nil {
			fmt.Println(took.Nanoseconds())
			os.Exit(0)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// chunk is what one step of an upload or download moves, in bytes.
const chunk = 1 << 20

// work does what a benchmark measures, and returns how long it took.
func work(what, address string, times int) (time.Duration, error) {
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	b := make([]byte, chunk)
	began := time.Now()
	switch what {
	case "Upload":
		for range times {
			if _, err := conn.Write(b); err != nil {
				return 0, err
			}
		}
		conn.(*net.TCPConn).CloseWrite() //nolint:errcheck // it is one, and reading says so
		_, err = io.ReadFull(conn, b[:1])
	case "Download":
		for range times {
			if _, err := io.ReadFull(conn, b); err != nil {
				return 0, err
			}
		}
	case "RoundTrip":
		for range times {
			if err := echo(conn, b[:100]); err != nil {
				return 0, err
			}
		}
	case "Connect":
		for range times {
			another, err := net.Dial("tcp4", address)
			if err == nil {
				err = echo(another, b[:1])
				another.Close()
			}
			if err != nil {
				return 0, err
			}
		}
	}
	return time.Since(began), err
}

func echo(conn net.Conn, b []byte) error {
	if _, err := conn.Write(b); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, b)
	return err
}

// Each measures one thing directly, over the host's loopback interface, and through
// the gateway.
func compare(b *testing.B, handle func(*net.TCPConn)) {
	server := serve(b, handle)
	what := strings.TrimPrefix(b.Name(), "Benchmark")
	measure := func(b *testing.B, address string, run func(*exec.Cmd) (string, error)) {
		client := exec.Command("/proc/self/exe")
		client.Args = []string{benchName, what, address, strconv.Itoa(b.N)}
		out, err := run(client)
		if err != nil {
			b.Fatalf("%s: %v", out, err)
		}
		took, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(took)/float64(b.N), "ns/op")
	}
	b.Run("direct", func(b *testing.B) {
		measure(b, server.String(), func(c *exec.Cmd) (string, error) {
			out, err := c.Output()
			return string(out), err
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
			before := processorTime(b, g.PID())
			measure(b, inside, s.output)
			b.ReportMetric(float64(processorTime(b, g.PID())-before)/float64(b.N), "gateway-cpu-ns/op")
		})
	}
}

// processorTime is what all threads of a process have taken, in nanoseconds.
func processorTime(b *testing.B, pid int) (all int64) {
	b.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, task := range tasks {
		content, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		var took int64
		if _, err := fmt.Sscan(string(content), &took); err != nil {
			b.Fatal(err)
		}
		all += took
	}
	return all
}

func BenchmarkUpload(b *testing.B) {
	compare(b, func(c *net.TCPConn) {
		io.Copy(io.Discard, c)
		c.Write([]byte("x"))
	})
}

func BenchmarkDownload(b *testing.B) {
	data := make([]byte, chunk)
	compare(b, func(c *net.TCPConn) {
		for {
			if _, err := c.Write(data); err != nil {
				return
			}
		}
	})
}

func BenchmarkRoundTrip(b *testing.B) { compare(b, func(c *net.TCPConn) { io.Copy(c, c) }) }

func BenchmarkConnect(b *testing.B) { compare(b, func(c *net.TCPConn) { io.Copy(c, c) }) }

// BenchmarkMemory says what an instance takes of the gateway's heap and of the
// machine: one that is silent, and one with a connection.
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
