package invoke

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/language"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

const (
	// initTimeout is how long an instance may initialise before it gets an event, as
	// on Lambda.
	initTimeout = 10 * time.Second
	// launchTimeout is how long a node may take to have the package and a process.
	launchTimeout = 2 * time.Minute
	// vCPU is the memory, in MB, that comes with one whole CPU.
	// https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
	vCPU = 1769
)

// A version is what instances run: one number's frozen configuration, or
// $LATEST's as it is.
type version struct {
	// name is the number, or "$LATEST".
	name    string
	config  stack.Config
	secrets map[string]string
}

// key tells versions apart: instances of one never serve another.
func (v version) key() string {
	text, _ := json.Marshal(struct {
		Name    string
		Config  stack.Config
		Secrets map[string]string
	}{v.name, v.config, v.secrets}) // strings, numbers and maps always marshal
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// The phases of Lambda's log in which an instance initialises: before it is known
// which event it gets, and once more after that failed.
const (
	phaseInit   = "init"
	phaseInvoke = "invoke"
)

// launch starts an instance of the pool's version. Errors are *Error.
func (p *pool) launch(initialization, phase string) (*instance, error) {
	ctx, cancel := context.WithTimeout(p.runner.life, launchTimeout)
	defer cancel()
	spec, version, gathering, err := p.spec(ctx, initialization)
	if err != nil {
		return nil, err
	}
	out := &output{append: p.function.appendLog, version: p.version.name, instance: spec.ID}
	i := newInstance(spec.ID, spec.Memory, out, p)
	i.provisioned, i.gathering = initialization == provisionedConcurrency, gathering
	spec.RuntimeAPI, spec.Output, spec.Ingress = i, out, i.ingress(spec.Ingress)
	out.told = i.functionLine
	i.subject = subject{p.function.full, p.version.name, p.version.config.Handler}
	if err := i.addExtensions(&spec); err != nil {
		i.abandon()
		return nil, p.unstartable(err)
	}
	if phase == phaseInit {
		out.note("INIT_START Runtime Version: " + version)
	}
	if !p.runner.admit() {
		i.abandon()
		return nil, errClosing
	}
	box, err := p.runner.opts.Sandbox.Start(ctx, spec)
	if err != nil {
		i.abandon()
		p.runner.living.Done()
		return nil, p.unstartable(err)
	}
	p.count(1)
	i.begin(box)
	go func() {
		stop := context.AfterFunc(p.runner.life, func() { i.end(errClosing) })
		i.run()
		stop()
		p.count(-1)
		p.runner.living.Done()
	}()
	return i, nil
}

// onDefect implements instanceEvents.
func (p *pool) onDefect(reason any) {
	p.runner.opts.Log.Error("serving an instance's Runtime API panicked", "stack", p.function.stack,
		"function", p.function.name, "reason", reason, "trace", string(debug.Stack()))
}

// count keeps the metric of how many instances there are.
func (p *pool) count(delta int) {
	p.metrics().Instances(p.function.stack, p.function.name, p.version.name, delta)
}

// unstartable says, to whoever invoked and in the node's log, that this node
// could not start an instance.
func (p *pool) unstartable(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	p.runner.opts.Log.Error("cannot start an instance", "stack", p.function.stack,
		"function", p.function.name, "version", p.version.name, "error", err)
	return serviceError("The runtime could not start an instance of function %s: %v", p.function.full, err)
}

// spec says what an instance is to run, which version of the runtime that is, and whether
// it is asked for a compile cache.
func (p *pool) spec(ctx context.Context, initialization string) (spec sandbox.Spec, version string, asked *gathering, err error) {
	config := p.version.config
	id := strings.ReplaceAll(uuid.NewString(), "-", "")
	command, err := p.command(ctx, initialization, id)
	if err != nil {
		return spec, "", nil, err
	}
	taskDir, err := p.runner.opts.Store.PackageDir(ctx, config.CodeSHA256)
	if err != nil {
		return spec, "", nil, p.unstartable(err)
	}
	layersDir := ""
	if len(config.Layers) > 0 {
		if layersDir, err = p.runner.opts.Store.PackageDir(ctx, config.Layers...); err != nil {
			return spec, "", nil, p.unstartable(err)
		}
	}
	spec = p.kind(command)
	spec.ID, spec.TaskDir, spec.LayersDir = id, taskDir, layersDir
	spec.Argv, spec.Env = command.Argv, command.Env
	spec.Memory, spec.CPUs, spec.EphemeralStorage = config.Memory, float64(config.Memory)/vCPU, config.EphemeralStorage
	return spec, command.Version, p.useCompiled(&spec, command), nil
}

// kind is the part of a spec by which a sandbox is prepared.
func (p *pool) kind(command language.Command) sandbox.Spec {
	return sandbox.Spec{
		RuntimeDir: command.RuntimeDir, Readable: command.Readable, Warm: command.Warm,
		Ingress: p.runner.opts.Ingress, Network: p.network(),
	}
}

// network is what the function may reach.
func (p *pool) network() string {
	if n := p.version.config.Network; n != nil && n.Mode == stack.NetworkNone {
		return sandbox.NetworkNone
	}
	return ""
}

// command says what runs the function, in an instance of that id.
func (p *pool) command(ctx context.Context, initialization, id string) (language.Command, error) {
	f, config := p.function, p.version.config
	lang, err := p.runner.opts.Languages.Find(config.Runtime)
	if err != nil {
		return language.Command{}, &Error{Status: http.StatusBadGateway, Type: typeInvalidRuntime, Message: err.Error()}
	}
	variables := map[string]string{}
	maps.Copy(variables, config.Environment)
	maps.Copy(variables, p.version.secrets)
	maps.Copy(variables, p.runner.opts.Environment(f.stack, f.incarnation, f.name))
	command, err := lang.Command(ctx, language.Function{
		Runtime:  config.Runtime,
		Handler:  config.Handler,
		Name:     f.full,
		Version:  p.version.name,
		Memory:   config.Memory,
		LogGroup: stack.LogGroup(f.stack, f.name),
		// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
		LogStream:      fmt.Sprintf("%s/[%s]%s", time.Now().UTC().Format("2006/01/02"), p.version.name, id),
		Initialization: initialization,
		Variables:      variables,
	})
	if err != nil {
		return language.Command{}, p.unstartable(err)
	}
	return command, nil
}

// An initFailure is an instance that never got to ask for an event.
type initFailure struct {
	functionError
	// instance that failed; it is gone.
	instance *instance
	// peak is the most memory it used, in bytes.
	peak int64
	// final is true if whoever gets it is not to try again.
	final bool
}

func (f *initFailure) Error() string { return string(f.body("")) }

// initialise waits until the instance is ready, and at most for the time given.
// Else it writes an INIT_REPORT for the phase and returns why not.
func (p *pool) initialise(i *instance, timeout time.Duration, phase string) *initFailure {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	late := false
	select {
	case <-i.initialised:
	case <-timer.C:
		late = i.giveUp()
	}
	if i.wasReady {
		p.metrics().ColdStart(p.function.stack, p.function.name, p.version.name, i.box.Prepared(), i.provisioned, i.initTook)
		return nil
	}
	<-i.gone
	failure := &initFailure{instance: i, peak: i.memoryPeak()}
	switch {
	case late:
		failure.functionError = timedOut(timeout)
	case i.initFailure != nil:
		failure.functionError = *i.initFailure
	default:
		failure.functionError = exited(i.box.Exit())
	}
	i.out.note(initReport(i.initTook, phase, failure.functionError))
	return failure
}

// fail answers an invocation that no instance could be initialised for.
func (f *initFailure) fail(inv *invocation) {
	out := f.instance.out.another() // others may fail for the same reason now
	if inv.started.IsZero() {
		inv.started = time.Now()
	}
	out.start(inv)
	inv.answer(outcome{failure: &f.functionError})
	inv.tail = out.end(report(inv, f.instance.memory, f.peak)...)
	close(inv.finished)
}
