package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A container is an instance that an OCI runtime runs.
type container struct {
	sandbox *containers
	spec    Spec

	uid    int
	bundle string
	group  group
	// groupPath is group's, as the OCI runtime is told it.
	groupPath string
	limits    groupLimits
	slot      *slot
	leave     func() // ends the connection to the gateway
	api       *runtimeAPI
	ingress   *http.Server
	visits    *visits
	output    *outputReader
	guard     *memoryGuard
	// run is the OCI runtime's command, which ends with the container.
	run   *exec.Cmd
	ended chan error
	pid   int
	// gate is where a line lets the program begin; nil without extensions.
	gate       *os.File
	extensions []*containerExtension

	// signals guards pidfd, which is closed at the end.
	signals    sync.Mutex
	pidfd, tmp int

	exceeded, killed atomic.Bool
	done             chan struct{}
	exit             Exit
}

var _ Instance = (*container)(nil)

// start makes everything the instance has, in order; release unmakes what was made.
func (c *container) start(ctx context.Context) (err error) {
	s := c.sandbox
	if _, err := os.Stat(c.spec.TaskDir); err != nil {
		return fmt.Errorf("the package is not there: %w", err)
	}
	if reason := c.explain(); reason != "" {
		return errors.New(reason)
	}
	if c.uid, err = s.users.take(); err != nil {
		return err
	}
	memory := int64(c.spec.Memory) * mb
	c.limits = groupLimits{memory: memory, backstop: memory + int64(c.spec.EphemeralStorage)*mb}
	if c.groupPath, c.group, err = s.groups.container(c.spec.ID, c.limits); err != nil {
		return err
	}
	if err := c.connect(); err != nil {
		return err
	}
	c.bundle = filepath.Join(s.dir, c.spec.ID)
	if err := c.writeBundle(); err != nil {
		return err
	}
	if err := c.execute(ctx); err != nil {
		return err
	}
	if c.gate != nil {
		if err := c.startExtensions(ctx); err != nil {
			c.abandon()
			return err
		}
		c.gate.WriteString("\n") //nolint:errcheck // if nobody reads it, the container has ended
	}
	c.guard = &memoryGuard{tmp: -1, limit: memory, sample: func() int64 { return s.table.memoryOf(c.pid) }}
	if _, missing := s.groups.missing()[memoryController]; !missing {
		c.guard.group, c.guard.tmp = c.group, c.tmp
		if c.tmp < 0 {
			c.guard.limit = c.limits.backstop // what is in /tmp cannot be told from the rest
		}
	}
	return nil
}

// connect makes the instance's network, and begins to serve what it reaches there.
func (c *container) connect() (err error) {
	s, kind, port := c.sandbox, gatewayNetwork, 0
	if c.spec.Network == NetworkNone {
		kind = loopbackNetwork
	} else if c.spec.Ingress != nil {
		port = c.spec.Ingress.Port
	}
	var open listeners
	if c.slot, open, err = s.containerNetwork(kind, port); err != nil {
		return err
	}
	api, err := takeListener(open.api, nil)
	if err != nil {
		closeAll(openOnly(open.ingress))
		return err
	}
	c.api = newRuntimeAPI(c.spec.RuntimeAPI, api)
	go c.api.run()
	if port != 0 {
		ingress, err := takeListener(open.ingress, nil)
		if err != nil {
			return err
		}
		c.ingress = &http.Server{
			Handler: c.spec.Ingress.Handler, ReadHeaderTimeout: ingressHeaderTimeout,
			ErrorLog: slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
		}
		go c.ingress.Serve(ingress) //nolint:errcheck // ends with ErrServerClosed
	}
	if kind == gatewayNetwork {
		wayOut := c.slot.wayOut
		c.slot.wayOut = -1
		c.leave, err = s.enterGateway(c.spec.ID, wayOut)
	}
	return err
}

// startPause is between looks whether the container has been made.
const startPause = 2 * time.Millisecond

// execute runs the container, and returns when its first process is there.
func (c *container) execute(ctx context.Context) error {
	output, writeEnd, err := newOutput(c.spec.Output)
	if err != nil {
		return err
	}
	c.output = output
	pidFile, logFile := filepath.Join(c.bundle, "pid"), filepath.Join(c.bundle, "log")
	arguments := []string{"--root", c.sandbox.state, "--log", logFile}
	if filepath.Base(c.sandbox.program) == "runsc" {
		// Its own network stack would know neither of the listeners nor of the gateway.
		arguments = append(arguments, "--network", "host")
	}
	c.run = exec.Command(c.sandbox.program, append(arguments, "run", "--bundle", c.bundle, "--pid-file", pidFile, c.spec.ID)...)
	c.run.Stdout, c.run.Stderr = writeEnd, writeEnd
	if len(c.spec.Extensions) > 0 {
		line, gate, err := os.Pipe()
		if err != nil {
			writeEnd.Close()
			return err
		}
		defer line.Close()
		c.run.Stdin, c.gate = line, gate
	}
	err = c.run.Start()
	writeEnd.Close()
	if err != nil {
		return fmt.Errorf("start %s: %w", c.sandbox.program, err)
	}
	c.ended = make(chan error, 1)
	go func() { c.ended <- c.run.Wait() }()
	tick := time.NewTicker(startPause)
	defer tick.Stop()
	for c.pid == 0 {
		if text, err := os.ReadFile(pidFile); err == nil {
			c.pid, _ = strconv.Atoi(strings.TrimSpace(string(text))) //nolint:errcheck // it may not be whole yet
			continue
		}
		select {
		case <-tick.C:
		case err := <-c.ended:
			c.ended <- err
			if _, missing := os.Stat(pidFile); missing != nil {
				return fmt.Errorf("%s ran no container: %s", filepath.Base(c.sandbox.program), lastWords(logFile, err))
			}
		case <-ctx.Done():
			c.abandon()
			return ctx.Err()
		}
	}
	fd, err := unix.PidfdOpen(c.pid, 0)
	if err != nil && !errors.Is(err, unix.ESRCH) { // else it has ended already
		c.abandon()
		return fmt.Errorf("open the container's first process: %w", err)
	}
	if err == nil {
		c.signals.Lock()
		c.pidfd = fd
		c.signals.Unlock()
		c.tmp, err = unix.Open(fmt.Sprintf("/proc/%d/root%s", c.pid, tmpDir), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			c.tmp = -1 // it has ended, or its /tmp is within the OCI runtime's own kernel
		}
	}
	return nil
}

// abandon ends an OCI runtime that is not done, or whose container nobody waits for;
// release removes what it has left of that.
func (c *container) abandon() {
	c.run.Process.Kill() //nolint:errcheck // it may have ended
	<-c.ended
	c.group.kill()
}

// lastWords is what an OCI runtime's log says of why it ended.
func lastWords(file string, ended error) string {
	text, err := os.ReadFile(file)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	last := string(lines[len(lines)-1])
	if err != nil || last == "" {
		return fmt.Sprint(ended)
	}
	var entry struct {
		Message string `json:"msg"`
	}
	if json.Unmarshal([]byte(last), &entry) == nil && entry.Message != "" {
		return entry.Message
	}
	if _, message, ok := strings.Cut(last, "msg="); ok {
		return strings.Trim(message, `"`)
	}
	return last
}

// attend sees the instance through to its end.
func (c *container) attend() {
	stop := make(chan struct{})
	var guarding sync.WaitGroup
	guarding.Go(func() {
		c.guard.run(stop, func() {
			c.exceeded.Store(true)
			c.signal(unix.SIGKILL)
		})
	})
	<-c.ended
	code, at := c.run.ProcessState.ExitCode(), time.Now()
	close(stop)
	guarding.Wait()
	c.guard.stop()
	c.release()
	c.exit = exitOfContainer(code)
	c.exit.At = at
	// The OCI runtime has removed the cgroup, and with it what the kernel has counted. But
	// nobody in a pid namespace can kill its first process: whom the runtime did not kill,
	// the kernel did, at the limit.
	c.exit.OutOfMemory = c.exceeded.Load() || c.exit.Signal == "SIGKILL" && !c.killed.Load()
	c.sandbox.mu.Lock()
	delete(c.sandbox.running, c)
	c.sandbox.mu.Unlock()
	close(c.done)
}

// release gives back everything the instance has.
func (c *container) release() {
	log := c.sandbox.options.Log.With("instance", c.spec.ID)
	if c.run != nil {
		containerState{c.sandbox.program, c.sandbox.state}.deleteOne(c.spec.ID)
	}
	for _, e := range c.extensions {
		e.finish()
	}
	if c.gate != nil {
		c.gate.Close()
	}
	if c.output != nil {
		c.output.finish()
	}
	if c.ingress != nil {
		c.ingress.Close() //nolint:errcheck // nothing is left to do
	}
	if c.api != nil {
		c.api.close()
	}
	c.visits.end()
	if c.leave != nil {
		c.leave()
	}
	if c.slot != nil {
		c.slot.close()
	}
	c.signals.Lock()
	closeAll(openOnly(c.pidfd, c.tmp))
	c.pidfd, c.tmp = -1, -1
	c.signals.Unlock()
	if c.group != nil {
		if err := c.group.remove(); err != nil {
			log.Warn("the instance's cgroup could not be removed", "error", err)
		}
	}
	if c.bundle != "" {
		if err := os.RemoveAll(c.bundle); err != nil {
			log.Warn("the instance's folder could not be removed", "error", err)
		}
	}
	if c.uid != 0 {
		c.sandbox.users.give(c.uid)
	}
}

// explain says why a program cannot be executed, to the one who packaged it; nothing if
// all can, or are not in the package.
func (c *container) explain() string {
	if reason := c.explainOne(c.spec.Argv[0]); reason != "" {
		return reason
	}
	for _, extension := range c.spec.Extensions {
		if reason := c.explainOne(extension.Argv[0]); reason != "" {
			return fmt.Sprintf("extension %s: %s", extension.Name, reason)
		}
	}
	return ""
}

func (c *container) explainOne(program string) string {
	for place, dir := range map[string]string{Task: c.spec.TaskDir, Layers: c.spec.LayersDir} {
		if path, inside := strings.CutPrefix(program, place); inside {
			path = filepath.Join(dir, path)
			if reason := whyNotExecutable(path); reason != "" {
				return filepath.Base(path) + " " + reason
			}
		}
	}
	return ""
}

func (c *container) signal(s unix.Signal) {
	c.signals.Lock()
	defer c.signals.Unlock()
	if c.pidfd >= 0 {
		unix.PidfdSendSignal(c.pidfd, s, nil, 0) //nolint:errcheck // it may have ended
	}
}

// Initialized implements Instance.
func (c *container) Initialized() {
	if err := c.group.limitCPU(c.spec.CPUs); err != nil {
		c.sandbox.options.Log.Error("the share of processor time could not be limited", "instance", c.spec.ID, "error", err)
	}
}

// Kill implements Instance.
func (c *container) Kill() {
	c.killed.Store(true)
	c.signal(unix.SIGKILL)
}

// SyncOutput implements Instance.
func (c *container) SyncOutput() {
	if c.output != nil {
		c.output.sync()
	}
	for _, e := range c.extensions {
		e.output.sync()
	}
}

// MemoryPeak implements Instance.
func (c *container) MemoryPeak() int64 {
	if c.guard == nil {
		return 0
	}
	return c.guard.memoryPeak()
}

// Terminate implements Instance.
func (c *container) Terminate() { c.signal(unix.SIGTERM) }

// Done implements Instance.
func (c *container) Done() <-chan struct{} { return c.done }

// Exit implements Instance.
func (c *container) Exit() Exit { return c.exit }

// Prepared implements Instance.
func (c *container) Prepared() bool { return false }

// PID implements Instance.
func (c *container) PID() int { return c.pid }

// unserved is the Runtime API of the rehearsal, which asks for nothing.
type unserved struct{}

// ServeConn implements RuntimeAPI.
func (unserved) ServeConn(c net.Conn) { c.Close() }
