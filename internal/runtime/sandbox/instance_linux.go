package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An instance is one process tree and everything it has.
type instance struct {
	host     *host
	spec     Spec
	prepared *prepared
	api      *runtimeAPI
	ingress  *http.Server // nil without one
	output   *outputReader
	// visits are connections to what it listens on.
	visits *visits
	// extensions are the outputs of Spec.Extensions.
	extensions []*outputReader
	guard      *memoryGuard

	pid int
	// signals guards prepared.pidfd, which is closed at the end.
	signals sync.Mutex
	over    bool

	exceeded atomic.Bool // the memory limit
	killed   atomic.Bool // by whoever has it
	done     chan struct{}
	exit     Exit
}

var _ Instance = (*instance)(nil)

// tmpVariable begins the variable by which leftovers are known in mode process.
const tmpVariable = "TMPDIR="

func (h *host) Start(ctx context.Context, spec Spec) (_ Instance, err error) {
	if err := spec.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := h.enter(); err != nil {
		return nil, err
	}
	defer h.starting.Done()
	settled := h.pool.begin()
	i, err := h.startPrepared(ctx, spec, settled)
	if err != nil {
		settled()
		return nil, err
	}
	return i, nil
}

// startPrepared starts the instance in a sandbox of the pool, or else in one that is
// prepared now.
func (h *host) startPrepared(ctx context.Context, spec Spec, settled func()) (*instance, error) {
	c := h.classOf(spec)
	if p, ok := h.pool.take(c); ok {
		p.pooled, p.settled = true, settled
		i, err := p.assign(ctx, spec)
		if err == nil || ctx.Err() != nil {
			return i, err
		}
		h.options.Log.Warn("a prepared sandbox could not be used; another is prepared", "error", err)
	}
	p, err := h.prepare(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("start instance %s: %w", spec.ID, err)
	}
	p.settled = settled
	return p.assign(ctx, spec)
}

// Prepare implements Sandbox.
func (h *host) Prepare(specs ...Spec) {
	classes := make([]class, 0, len(specs))
	for _, spec := range specs {
		classes = append(classes, h.classOf(spec))
	}
	h.pool.expect(classes)
}

// Pooled implements Pooling.
func (h *host) Pooled() int {
	if h.pool == nil { // in mode oci
		return 0
	}
	return h.pool.size()
}

// assign makes the prepared sandbox the spec's, which must be of its class. What
// could not be set up is an error, and nothing is left behind.
func (p *prepared) assign(ctx context.Context, spec Spec) (*instance, error) {
	h := p.host
	i := &instance{host: h, spec: spec, prepared: p, visits: newVisits(), done: make(chan struct{})}
	if err := i.start(ctx); err != nil {
		p.launch.discard()
		i.release()
		sentence := i.explain(err)
		if sentence == "" {
			return nil, fmt.Errorf("start instance %s: %w", spec.ID, err)
		}
		p.settled()
		i.exit = Exit{Code: -1, StartError: sentence, At: time.Now()}
		close(i.done)
		return i, nil
	}
	h.mu.Lock()
	h.instances[i] = struct{}{}
	h.mu.Unlock()
	go i.attend()
	return i, nil
}

// start makes everything the function has, in order; release unmakes what was made.
func (i *instance) start(ctx context.Context) (err error) {
	h, p := i.host, i.prepared
	if _, err := os.Stat(i.spec.TaskDir); err != nil {
		return fmt.Errorf("the package is not there: %w", err)
	}
	memory, tmp := int64(i.spec.Memory)*mb, int64(i.spec.EphemeralStorage)*mb
	limits := groupLimits{memory: memory, backstop: memory}
	if h.namespace != noNamespaces {
		limits.backstop += tmp
	}
	if err := p.group.limitMemory(limits); err != nil {
		return fmt.Errorf("limit the instance's memory: %w", err)
	}
	if i.output, err = readOutput(p.output, i.spec.Output); err != nil {
		return err
	}
	request, outputs, err := i.request()
	defer func() {
		for _, output := range outputs {
			output.Close()
		}
	}()
	if err != nil {
		return err
	}
	program := *request.Program
	if p.waiting != nil {
		request.Program = nil
	}
	if err := i.serve(program); err != nil {
		return err
	}
	descriptors := make([]int, 0, len(outputs))
	for _, output := range outputs {
		descriptors = append(descriptors, int(output.Fd()))
	}
	if len(request.Extensions) > 0 {
		// Who connects first is taken for the interpreter that waits for its function.
		select {
		case <-p.rests():
		case <-p.ended():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.launch.onExtension(i.extensionEnded)
	passed, err := p.launch.assign(ctx, request, descriptors...)
	if err != nil {
		return err
	}
	if p.waiting == nil {
		p.pidfd = passed[passedProcess]
	}
	if i.pid, err = pidOf(p.pidfd); err != nil {
		return err
	}
	i.guard = &memoryGuard{tmp: p.tmp, limit: memory, sample: func() int64 { return h.table.memoryOf(i.pid) }}
	if _, missing := h.groups.missing()[memoryController]; !missing {
		i.guard.group = p.group
	}
	if p.waiting != nil {
		return p.waiting.answer(program)
	}
	return nil
}

// serve begins to serve what the instance reaches.
func (i *instance) serve(program programRequest) error {
	p := i.prepared
	i.api = newRuntimeAPI(i.spec.RuntimeAPI, p.listeners()...)
	go i.api.run()
	if p.ingress != nil {
		i.ingress = &http.Server{
			Handler: i.spec.Ingress.Handler, ReadHeaderTimeout: ingressHeaderTimeout,
			ErrorLog: slog.NewLogLogger(i.host.options.Log.Handler(), slog.LevelDebug),
		}
		go i.ingress.Serve(p.ingress) //nolint:errcheck // ends with ErrServerClosed
	}
	return nil
}

// ingressHeaderTimeout is how long an instance may take to send a request's head.
const ingressHeaderTimeout = time.Minute

// request says what the instance runs and sees, and makes the outputs of its
// extensions.
func (i *instance) request() (r assignRequest, outputs []*os.File, err error) {
	program := i.prepared.program(Program{i.spec.Argv, i.spec.Env}, i.spec)
	r = assignRequest{TmpMB: i.spec.EphemeralStorage, Program: &program}
	if i.host.namespace != noNamespaces {
		r.Task, r.Layers, r.Compiled = i.spec.TaskDir, i.spec.LayersDir, i.spec.CompiledDir
	} else {
		r.Landlock = hostLandlock(&i.spec, i.prepared.dir)
	}
	for _, extension := range i.spec.Extensions {
		output, writeEnd, err := newOutput(extension.Output)
		if err != nil {
			return r, outputs, err
		}
		i.extensions, outputs = append(i.extensions, output), append(outputs, writeEnd)
		r.Extensions = append(r.Extensions, i.prepared.program(extension.Program, i.spec))
	}
	return r, outputs, nil
}

// program is a program as the instance sees it, with the variables that the sandbox
// sets.
func (p *prepared) program(program Program, spec Spec) programRequest {
	task, layers, runtime, compiled := spec.TaskDir, spec.LayersDir, spec.RuntimeDir, spec.CompiledDir
	home, tmp := p.dir, p.dir
	if p.host.namespace != noNamespaces {
		task, layers, runtime, compiled, home, tmp = taskRoot, layersRoot, runtimeDir, compiledRoot, tmpDir, tmpDir
	}
	endpoint := ""
	switch {
	case spec.Ingress == nil:
	case p.network == hostNetwork:
		endpoint = spec.Ingress.URL
	default:
		endpoint = "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(spec.Ingress.Port))
	}
	places := strings.NewReplacer(Task, task, Layers, layers, Runtime, runtime, Compiled, compiled, Endpoint, endpoint)
	r := programRequest{Dir: task}
	for _, argument := range program.Argv {
		r.Argv = append(r.Argv, places.Replace(argument))
	}
	set := []string{
		"AWS_LAMBDA_RUNTIME_API=" + p.address, "LAMBDA_TASK_ROOT=" + task, "LAMBDA_RUNTIME_DIR=" + runtime,
		"HOME=" + home, tmpVariable + tmp,
	}
	for _, variable := range program.Env {
		name, _, _ := strings.Cut(variable, "=")
		if !sets(set, name) {
			r.Env = append(r.Env, places.Replace(variable))
		}
	}
	r.Env = append(r.Env, set...)
	return r
}

func sets(variables []string, name string) bool {
	for _, v := range variables {
		if strings.HasPrefix(v, name+"=") {
			return true
		}
	}
	return false
}

// explain says why a program could not be executed, to the one who wrote it; nothing
// if the error is another.
func (i *instance) explain(err error) string {
	argv, name := i.spec.Argv, ""
	var cause notExecuted
	var extension extensionFailed
	switch {
	case errors.As(err, &extension):
		e := i.spec.Extensions[extension.extension]
		argv, name, cause = e.Argv, fmt.Sprintf("extension %s: ", e.Name), extension.cause
	case !errors.As(err, &cause):
		return ""
	}
	path := strings.NewReplacer(Task, i.spec.TaskDir, Layers, i.spec.LayersDir, Runtime, i.spec.RuntimeDir).Replace(argv[0])
	return name + explainExecution(filepath.Base(path), path, cause)
}

// extensionEnded is called by the shim's client, which must not wait.
func (i *instance) extensionEnded(extension int, status syscall.WaitStatus) {
	if told := i.spec.Extensions[extension].Exited; told != nil {
		go told(exitOf(status, true))
	}
}

// exitOf says how a process has ended; if it is not known, it was killed.
func exitOf(status syscall.WaitStatus, known bool) Exit {
	e := Exit{Code: status.ExitStatus(), At: time.Now()}
	if !known || status.Signaled() {
		e.Code, e.Signal = -1, "SIGKILL"
		if known {
			e.Signal = unix.SignalName(status.Signal())
		}
	}
	return e
}

// Initialized limits the processor time: on Lambda the initialization has more than the
// function is given.
func (i *instance) Initialized() {
	i.prepared.settled()
	if err := i.prepared.group.limitCPU(i.spec.CPUs); err != nil {
		i.host.options.Log.Error("the share of processor time could not be limited", "instance", i.spec.ID, "error", err)
	}
}

// attend sees the instance through to its end.
func (i *instance) attend() {
	stop := make(chan struct{})
	var guarding sync.WaitGroup
	guarding.Go(func() {
		i.guard.run(stop, func() {
			i.exceeded.Store(true)
			i.signal(unix.SIGKILL)
		})
	})
	l := i.prepared.launch
	<-l.exited
	exit := exitOf(l.status, !l.lost)
	close(stop)
	guarding.Wait()
	if i.host.namespace == noNamespaces {
		// The kernel has not ended the others as it does in a pid namespace.
		i.prepared.group.kill()
		killMarked(i.prepared.dir)
	}
	oomKills := i.guard.stop()
	i.release()

	i.exit = exit
	// The kernel chooses which process of a tree to kill. If that was another than the
	// function's, it went on without it, and how it ended is another matter.
	i.exit.OutOfMemory = i.exceeded.Load() || oomKills > 0 && i.exit.Signal == "SIGKILL" && !i.killed.Load()
	i.host.mu.Lock()
	delete(i.host.instances, i)
	i.host.mu.Unlock()
	i.prepared.settled()
	close(i.done)
}

// release gives back everything the instance has. Its processes are gone.
func (i *instance) release() {
	i.visits.end()
	for _, output := range append([]*outputReader{i.output}, i.extensions...) {
		if output != nil {
			output.finish()
		}
	}
	if i.output == nil {
		i.prepared.output.Close()
	}
	if i.ingress != nil {
		i.ingress.Close() //nolint:errcheck // nothing is left to do
	}
	if i.api != nil {
		i.api.close()
	}
	i.signals.Lock()
	i.over = true
	i.prepared.release()
	i.signals.Unlock()
}

func openOnly(descriptors ...int) []int {
	var open []int
	for _, fd := range descriptors {
		if fd >= 0 {
			open = append(open, fd)
		}
	}
	return open
}

func (i *instance) Prepared() bool        { return i.prepared.pooled }
func (i *instance) Terminate()            { i.signal(unix.SIGTERM) }
func (i *instance) Done() <-chan struct{} { return i.done }
func (i *instance) Exit() Exit            { return i.exit }
func (i *instance) PID() int              { return i.pid }

func (i *instance) Kill() {
	i.killed.Store(true)
	i.signal(unix.SIGKILL)
}

func (i *instance) SyncOutput() {
	for _, output := range append([]*outputReader{i.output}, i.extensions...) {
		if output != nil {
			output.sync()
		}
	}
}

func (i *instance) MemoryPeak() int64 {
	if i.guard == nil {
		return 0
	}
	return i.guard.memoryPeak()
}

func (i *instance) signal(s unix.Signal) {
	i.signals.Lock()
	defer i.signals.Unlock()
	if i.over || i.prepared.pidfd < 0 {
		return
	}
	unix.PidfdSendSignal(i.prepared.pidfd, s, nil, 0) //nolint:errcheck // it may have ended
	if i.host.namespace == noNamespaces && i.pid > 0 {
		unix.Kill(-i.pid, s) //nolint:errcheck // the first process leads a group
	}
}

// pidOf reads the process id of a pidfd, as this process sees it; 0 if the
// process has ended.
func pidOf(pidfd int) (int, error) {
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", pidfd))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(info)) {
		if value, ok := strings.CutPrefix(line, "Pid:"); ok {
			var pid int
			if _, err := fmt.Sscan(value, &pid); err != nil {
				return 0, err
			}
			return max(pid, 0), nil // the kernel says -1
		}
	}
	return 0, errors.New("the kernel does not tell the process id of a pidfd")
}
