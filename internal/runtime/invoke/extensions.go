package invoke

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rawhttp"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// Events that extensions can register for.
const (
	extensionInvoke   = "INVOKE"
	extensionShutdown = "SHUTDOWN"
)

// Why an instance is shut down, as extensions are told.
const (
	reasonSpindown = "spindown"
	reasonTimeout  = "timeout"
)

const (
	// maxExtensions of a function, external and internal ones together, as on Lambda.
	maxExtensions = 10
	// extensionsGrace is how long external extensions may take for SHUTDOWN, as on
	// Lambda; the function's own processes get SIGTERM when they are done.
	extensionsGrace = 2 * time.Second
)

// An extension is a program beside the function's, or a part of it, that takes part in
// the instance's life.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
type extension struct {
	name, id string
	// external extensions are processes that the sandbox started, from /opt/extensions.
	external         bool
	invoke, shutdown bool
	// poll is the pending /event/next; nil while the extension works on an event, or
	// before it has asked for the first.
	poll *rawhttp.Later
	// greeted is true once it has asked for an event, and the log says that it is ready.
	greeted bool
	// exited is true once an external extension's process has ended.
	exited bool
}

// extensions are those of one instance. Its lock may be taken while the instance's is
// held, and not the other way round.
type extensions struct {
	// any is set once there is one, so that nothing is locked for instances without.
	any atomic.Bool

	mu sync.Mutex
	// expected are the names of external extensions that have not registered.
	expected []string
	external []string
	list     []*extension
	// over is the event that ends the extensions, nil as long as the instance lives.
	over []byte
	// ended is true when nobody is to wait for an extension any more.
	ended bool
	// changed is closed, and replaced, with every change.
	changed chan struct{}

	telemetry telemetryStream
}

// expect names the external extensions.
func (x *extensions) expect(names []string) {
	x.expected, x.external = slices.Clone(names), names
	x.any.Store(len(names) > 0)
}

// wake tells who waits that something has changed. mu is held.
func (x *extensions) wake() {
	if x.changed != nil {
		close(x.changed)
		x.changed = nil
	}
}

// wait returns when the condition holds, or false when the time has passed.
func (x *extensions) wait(limit time.Duration, holds func() bool) bool {
	var late <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		late = timer.C
	}
	for {
		x.mu.Lock()
		if holds() {
			x.mu.Unlock()
			return true
		}
		if x.changed == nil {
			x.changed = make(chan struct{})
		}
		changed := x.changed
		x.mu.Unlock()
		select {
		case <-changed:
		case <-late:
			return false
		}
	}
}

// settle waits until every extension is done with what it was told, or the instance
// ends: as on Lambda there is no other event before.
func (x *extensions) settle() {
	if !x.any.Load() {
		return
	}
	x.wait(0, func() bool {
		if x.ended {
			return true
		}
		return len(x.expected) == 0 && !slices.ContainsFunc(x.list, func(e *extension) bool { return e.poll == nil && !e.exited })
	})
}

// end lets nobody wait for extensions any more.
func (x *extensions) end() {
	if !x.any.Load() {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ended = true
	x.wake()
}

// find returns the extension of that identifier. mu is held.
func (x *extensions) find(id string) *extension {
	for _, e := range x.list {
		if e.id == id {
			return e
		}
	}
	return nil
}

// dispatch tells of an invocation. It comes before the runtime knows of it.
func (x *extensions) dispatch(inv *invocation) {
	if !x.any.Load() {
		return
	}
	event := marshal(map[string]any{
		"eventType": extensionInvoke, "deadlineMs": inv.started.Add(inv.timeout).UnixMilli(),
		"requestId": inv.id, "invokedFunctionArn": inv.arn,
		"tracing": map[string]string{"type": "X-Amzn-Trace-Id", "value": inv.traceID},
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.list {
		if e.invoke && e.poll != nil {
			e.tell(event)
		}
	}
}

// tell answers the pending /event/next.
func (e *extension) tell(event []byte) {
	poll := e.poll
	e.poll = nil
	_ = poll.Reply(eventAnswer(event)) // who is gone is noticed otherwise
}

func eventAnswer(event []byte) rawhttp.Answer {
	return rawhttp.Answer{Status: http.StatusOK, Body: event, Header: []rawhttp.Field{
		{Name: "Content-Type", Value: "application/json"},
		{Name: "Lambda-Extension-Event-Identifier", Value: uuid.NewString()},
	}}
}

// shutDown tells that the instance ends, and waits for external extensions that want
// to know: they end by themselves, or their time does.
func (x *extensions) shutDown(reason string) {
	if !x.any.Load() {
		return
	}
	x.telemetry.flush()
	event := marshal(map[string]any{
		"eventType": extensionShutdown, "shutdownReason": reason, "deadlineMs": time.Now().Add(extensionsGrace).UnixMilli(),
	})
	x.mu.Lock()
	x.over = event
	for _, e := range x.list {
		if e.shutdown && e.poll != nil {
			e.tell(event)
		}
	}
	x.mu.Unlock()
	x.wait(extensionsGrace, func() bool {
		return !slices.ContainsFunc(x.list, func(e *extension) bool { return e.external && e.shutdown && !e.exited })
	})
}

// gone notes that the process of an external extension has ended.
func (x *extensions) gone(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.list {
		if e.name == name {
			e.exited = true
		}
	}
	x.wake()
}

// externalExtensions are the programs in the layers' folder extensions, which run
// beside the function.
func externalExtensions(layersDir string) ([]string, error) {
	if layersDir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(filepath.Join(layersDir, "extensions"))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries { // in the order of their names
		if !entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	if len(names) > maxExtensions {
		return nil, fmt.Errorf("the layers have %d extensions; a function can have %d", len(names), maxExtensions)
	}
	return names, nil
}

// addExtensions has the sandbox start the external extensions in the spec's layers.
func (i *instance) addExtensions(spec *sandbox.Spec) error {
	names, err := externalExtensions(spec.LayersDir)
	if err != nil {
		return err
	}
	i.extensions.expect(names)
	for _, name := range names {
		spec.Extensions = append(spec.Extensions, sandbox.Extension{
			Name:    name,
			Program: sandbox.Program{Argv: []string{sandbox.Layers + "/extensions/" + name}, Env: spec.Env},
			Output:  &extensionOutput{out: i.out, tell: i.extensionLine(name)},
			Exited:  func(exit sandbox.Exit) { i.extensionExited(name, exit) },
		})
	}
	return nil
}

// extensionExited ends the instance: without its extension it is not what the function
// relies on.
func (i *instance) extensionExited(name string, exit sandbox.Exit) {
	i.extensions.gone(name)
	text := fmt.Sprintf("exit code %d", exit.Code)
	switch {
	case exit.StartError != "":
		text = exit.StartError
	case exit.Signal != "":
		text = "signal: " + signalText(exit.Signal)
	}
	kind := errorExtensionCrash
	if exit.StartError != "" {
		kind = errorExtensionLaunch
	}
	go func() { // the sandbox may not have said yet that the instance is there
		select {
		case <-i.started:
			i.crash(functionError{Type: kind, Message: "extension " + name + ": " + text})
		case <-i.unstarted:
		}
	}()
}

// crash ends the instance at once, for that reason.
func (i *instance) crash(failure functionError) {
	i.mu.Lock()
	before, inv := i.phase, i.current
	if before == ended {
		i.mu.Unlock()
		return
	}
	if before == initialising {
		i.initFailure = &failure
	}
	i.enter(ended)
	i.mu.Unlock()
	if before != initialising {
		i.events.onEnd(i)
	}
	if before == running {
		inv.answer(outcome{failure: &failure})
	}
	i.box.Kill()
}

// An extensionOutput writes an extension's lines to the function's log.
type extensionOutput struct {
	out     *output
	tell    func(line string)
	partial []byte
}

// Write implements io.Writer.
func (o *extensionOutput) Write(p []byte) (int, error) {
	o.partial = append(o.partial, p...)
	for {
		line, rest, ok := strings.Cut(string(o.partial), "\n")
		if !ok && len(o.partial) < maxExtensionLine {
			return len(p), nil
		}
		o.out.aside(line)
		o.tell(line)
		o.partial = append(o.partial[:0], rest...)
	}
}

// maxExtensionLine is how long a line may be before it is cut.
const maxExtensionLine = 64 << 10

// aside writes a line that is not the function's, without ending the function's own.
func (o *output) aside(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.line(text)
}
