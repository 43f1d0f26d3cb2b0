package harness

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/nats-io/nats.go"
)

// A NATSServer is the stock NATS server as a process, with JetStream, of the
// version in go.mod.
type NATSServer struct {
	URL string

	binary string
	dir    string
	port   int
	proc   *process
}

// StartNATS starts a NATS server that keeps its data in dir, and returns when it
// answers.
func StartNATS(ctx context.Context, dir string) (*NATSServer, error) {
	binary, err := natsBinary(ctx)
	if err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	s := &NATSServer{URL: fmt.Sprintf("nats://127.0.0.1:%d", port), binary: binary, dir: dir, port: port}
	return s, s.Start(ctx)
}

// Start starts a server that was stopped or killed, on the same data and port.
func (s *NATSServer) Start(ctx context.Context) error {
	cmd := exec.Command(s.binary,
		"--addr", "127.0.0.1", "--port", fmt.Sprint(s.port),
		"--jetstream", "--store_dir", filepath.Join(s.dir, "jetstream"))
	proc, err := startProcess(cmd, filepath.Join(s.dir, "nats.log"))
	if err != nil {
		return err
	}
	s.proc = proc
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	err = Wait(ctx, "nats-server to answer", func() (bool, error) {
		if !proc.running() {
			return false, fmt.Errorf("nats-server ended:\n%s", proc.Log())
		}
		conn, err := nats.Connect(s.URL)
		if err != nil {
			return false, nil
		}
		defer conn.Close()
		js, err := conn.JetStream()
		if err != nil {
			return false, err
		}
		_, err = js.AccountInfo()
		return err == nil, nil
	})
	if err != nil {
		_ = s.Kill()
	}
	return err
}

// Stop ends the server in order.
func (s *NATSServer) Stop() error { return s.proc.end(syscall.SIGTERM, stopTimeout) }

// Kill ends the server with SIGKILL.
func (s *NATSServer) Kill() error { return s.proc.end(syscall.SIGKILL, stopTimeout) }

// Log returns the end of what the server has printed.
func (s *NATSServer) Log() string { return s.proc.Log() }
