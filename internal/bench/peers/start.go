package peers

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"syscall"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/bench/load"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// startTimeout is how long a peer may take until it answers. Serverless takes the longest.
const startTimeout = 2 * time.Minute

// A Peer is a running process, and what to ask it.
type Peer struct {
	Name string
	// Echo is a request that is answered with its body.
	Echo load.Target

	cmd *exec.Cmd
	log *os.File
	// ended is closed when the process has been waited for.
	ended chan struct{}
}

// Pid of its first process.
func (p *Peer) Pid() int { return p.cmd.Process.Pid }

// Stop kills the peer with all that it started.
func (p *Peer) Stop() {
	_ = syscall.Kill(-p.Pid(), syscall.SIGKILL)
	<-p.ended
	p.log.Close()
}

// A plan says how to start a peer.
type plan struct {
	name string
	argv []string
	// path and body of the request that is echoed; port is where it goes.
	path, body string
	port       int
	env        []string
}

// StartCeiling starts a plain Go HTTP server, with its log in the folder given.
func (i *Installed) StartCeiling(ctx context.Context, logs, body string) (*Peer, error) {
	port, err := harness.FreePort()
	if err != nil {
		return nil, err
	}
	return i.start(ctx, logs, plan{name: "net/http", argv: []string{i.Ceiling, fmt.Sprint(port)}, body: body, port: port})
}

// StartNode starts the Node peers, with their logs in the folder given.
func (i *Installed) StartNode(ctx context.Context, logs, body string) (all []*Peer, err error) {
	var ports [5]int
	for n := range ports {
		if ports[n], err = harness.FreePort(); err != nil {
			return nil, err
		}
	}
	config := filepath.Join(logs, "worker.capnp")
	if err := i.writeWorker(config, ports[1]); err != nil {
		return nil, err
	}
	bin := func(name string) string { return filepath.Join(i.node, "node_modules", ".bin", name) }
	for _, p := range []plan{
		{name: "functions-framework", argv: []string{bin("functions-framework"), "--target=echo", fmt.Sprintf("--port=%d", ports[0])}, body: body, port: ports[0]},
		{name: "workerd", argv: []string{i.workerd(), "serve", config}, body: body, port: ports[1]},
		{name: "lambda-local", argv: []string{bin("lambda-local"), "-l", "index.js", "-h", "handler", "-v", "0", "--watch", fmt.Sprint(ports[2])}, body: `{"event":` + body + `}`, port: ports[2]},
		{
			name: "serverless-offline", path: "/2015-03-31/functions/peer-dev-echo/invocations", body: body, port: ports[3],
			argv: []string{bin("serverless"), "offline", "start", "--lambdaPort", fmt.Sprint(ports[3]), "--httpPort", fmt.Sprint(ports[4])},
			env:  []string{"SLS_TELEMETRY_DISABLED=1", "SLS_NOTIFICATIONS_MODE=off", "SLS_INTERACTIVE_SETUP_ENABLE=0"},
		},
	} {
		peer, err := i.start(ctx, logs, p)
		if err != nil {
			for _, started := range all {
				started.Stop()
			}
			return nil, err
		}
		all = append(all, peer)
	}
	return all, nil
}

// workerd is the program that the package for this platform brings.
func (i *Installed) workerd() string {
	platform := goruntime.GOOS + "-64"
	if goruntime.GOARCH == "arm64" {
		platform = goruntime.GOOS + "-arm64"
	}
	return filepath.Join(i.node, "node_modules", "@cloudflare", "workerd-"+platform, "bin", "workerd")
}

// writeWorker writes workerd's configuration, with the code beside it: it reads a path
// that begins with a slash as one below its own folders.
func (i *Installed) writeWorker(path string, port int) error {
	code, err := os.ReadFile(filepath.Join(i.node, "worker.js"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "worker.js"), code, 0o644); err != nil {
		return err
	}
	return os.WriteFile(path, fmt.Appendf(nil, `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker.js", esModule = embed "worker.js")],
    compatibilityDate = "2025-01-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:%d", http = (), service = "main")],
);
`, port), 0o644)
}

// start starts a peer, and returns when it has echoed.
func (i *Installed) start(ctx context.Context, logs string, p plan) (*Peer, error) {
	target, err := load.Post(fmt.Sprintf("http://127.0.0.1:%d%s", p.port, p.path), nil, []byte(p.body), http.StatusOK)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(logs, filepath.Base(p.name)+".log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Dir, cmd.Env = i.node, append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = log, log
	// A group of its own: serverless starts further processes, and a terminal's
	// interrupt is for who stops them.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		log.Close()
		return nil, fmt.Errorf("cannot start %s: %w", p.name, err)
	}
	peer := &Peer{Name: p.name, Echo: target, cmd: cmd, log: log, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(peer.ended)
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err = harness.Wait(ctx, p.name+" to answer", func() (bool, error) {
		select {
		case <-peer.ended:
			return false, fmt.Errorf("%s ended: %s", p.name, cmd.ProcessState)
		default:
		}
		_, answer, err := target.Once(ctx)
		if err == nil && !bytes.Contains([]byte(p.body), bytes.TrimSpace(answer)) {
			return false, fmt.Errorf("%s answers %q to %q", p.name, answer, p.body)
		}
		return err == nil, nil
	})
	if err != nil {
		peer.Stop()
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%w; it printed:\n%s", err, text)
	}
	return peer, nil
}
