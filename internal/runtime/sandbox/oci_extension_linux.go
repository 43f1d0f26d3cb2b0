package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// An OCI runtime executes further programs in a container that runs. Extensions come
// before the function's program, which is why a container with extensions begins with a
// shell that waits for a line, and becomes the program then.

// gated is a command that does so.
func gated(argv []string) []string {
	return append([]string{"/bin/sh", "-c", `read -r line && exec "$@" </dev/null`, "sh"}, argv...)
}

// A containerExtension is an extension in a container.
type containerExtension struct {
	output *outputReader
	// run is the OCI runtime's command, which ends with the extension; gone is closed then.
	run  *exec.Cmd
	gone chan struct{}
}

// startExtensions starts the extensions in order.
func (c *container) startExtensions(ctx context.Context) error {
	if err := c.awaitRunning(ctx); err != nil {
		return err
	}
	for n := range c.spec.Extensions {
		if err := c.startExtension(ctx, n); err != nil {
			return fmt.Errorf("extension %s: %w", c.spec.Extensions[n].Name, err)
		}
	}
	return nil
}

// awaitRunning waits until the OCI runtime says that the container runs: some say which
// process it is before they know of it themselves.
func (c *container) awaitRunning(ctx context.Context) error {
	tick := time.NewTicker(startPause)
	defer tick.Stop()
	for {
		var state struct{ Status string }
		text, err := exec.CommandContext(ctx, c.sandbox.program, "--root", c.sandbox.state, "state", c.spec.ID).Output()
		if err == nil && json.Unmarshal(text, &state) == nil && state.Status == "running" {
			return nil
		}
		select {
		case <-tick.C:
		case err := <-c.ended:
			c.ended <- err
			return errors.New("the container ended before its extensions were started")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// startExtension returns when the extension with that number runs.
func (c *container) startExtension(ctx context.Context, n int) error {
	extension := c.spec.Extensions[n]
	file := func(kind string) string { return filepath.Join(c.bundle, kind+"-"+strconv.Itoa(n)) }
	process, err := json.Marshal(c.process(c.program(extension.Program), false))
	if err != nil {
		return err
	}
	if err := os.WriteFile(file("process"), process, 0o600); err != nil {
		return err
	}
	output, writeEnd, err := newOutput(extension.Output)
	if err != nil {
		return err
	}
	e := &containerExtension{output: output, gone: make(chan struct{})}
	e.run = exec.Command(c.sandbox.program, "--root", c.sandbox.state, "--log", file("log"),
		"exec", "--process", file("process"), "--pid-file", file("pid"), c.spec.ID)
	e.run.Stdout, e.run.Stderr = writeEnd, writeEnd
	err = e.run.Start()
	writeEnd.Close()
	if err != nil {
		output.finish()
		return fmt.Errorf("start %s: %w", c.sandbox.program, err)
	}
	c.extensions = append(c.extensions, e)
	started := make(chan struct{})
	go func() {
		e.run.Wait() //nolint:errcheck // the state says how it ended
		close(e.gone)
		<-started
		if extension.Exited != nil && written(file("pid")) {
			extension.Exited(exitOfContainer(e.run.ProcessState.ExitCode()))
		}
	}()
	defer close(started)
	tick := time.NewTicker(startPause)
	defer tick.Stop()
	for !written(file("pid")) {
		select {
		case <-tick.C:
		case <-e.gone:
			if !written(file("pid")) {
				return fmt.Errorf("%s did not execute it: %s", filepath.Base(c.sandbox.program), lastWords(file("log"), errors.New(e.run.ProcessState.String())))
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// written tells whether a file that holds a process id is whole.
func written(pidFile string) bool {
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return false
	}
	_, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return err == nil
}

// exitOfContainer is what an OCI runtime's exit status says: as shells do, it adds 128 to
// a signal's number.
func exitOfContainer(code int) Exit {
	e := Exit{Code: code, At: time.Now()}
	if signal := unix.SignalName(unix.Signal(code - 128)); code > 128 && signal != "" {
		e.Code, e.Signal = -1, signal
	}
	return e
}

// finish ends the extension, whose container is gone.
func (e *containerExtension) finish() {
	e.run.Process.Kill() //nolint:errcheck // it may have ended
	<-e.gone
	e.output.finish()
}
