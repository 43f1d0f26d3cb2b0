package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// An instance is one process tree and everything it has.
type instance struct {
	host   *host
	spec   Spec
	uid    int // 0 if it has none of its own
	dir    string
	api    *runtimeAPI
	group  group
	output *outputReader
	guard  *memoryGuard

	process launched
	pid     int
	// signals guards the pidfd, which is closed at the end.
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
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, errClosed
	}
	h.starting.Add(1)
	h.mu.Unlock()
	defer h.starting.Done()

	i := &instance{host: h, spec: spec, done: make(chan struct{})}
	i.process.pidfd, i.process.tmp = -1, -1
	if err := i.start(ctx); err != nil {
		i.release()
		var cause notExecuted
		if !errors.As(err, &cause) {
			return nil, fmt.Errorf("start instance %s: %w", spec.ID, err)
		}
		i.exit = Exit{Code: -1, StartError: i.explain(cause), At: time.Now()}
		close(i.done)
		return i, nil
	}
	h.mu.Lock()
	h.instances[i] = struct{}{}
	h.mu.Unlock()
	go i.attend()
	return i, nil
}

// start makes everything the instance has, in order; release unmakes what was
// made. The error is notExecuted if it was the program that could not be executed.
func (i *instance) start(ctx context.Context) (err error) {
	h := i.host
	if _, err := os.Stat(i.spec.TaskDir); err != nil {
		return fmt.Errorf("the package is not there: %w", err)
	}
	shim, err := h.liveShim()
	if err != nil {
		return err
	}
	user := os.Geteuid()
	switch {
	case h.users != nil:
		if i.uid, err = h.users.take(); err != nil {
			return err
		}
		user = i.uid
	case h.namespace == rootNamespaces:
		user = functionUID
	}
	if h.namespace == noNamespaces {
		dir := filepath.Join(h.dir, i.spec.ID)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		i.dir = dir
	}
	memory, tmp := int64(i.spec.Memory)*mb, int64(i.spec.EphemeralStorage)*mb
	limits := groupLimits{memory: memory, backstop: memory}
	if h.namespace != noNamespaces {
		limits.backstop += tmp
	}
	group, err := h.groups.create(i.spec.ID, limits)
	if err != nil {
		return err
	}
	i.group = group
	if i.api, err = serveRuntimeAPI(i.spec.RuntimeAPI, user); err != nil {
		return err
	}
	output, writeEnd, err := newOutput(i.spec.Output)
	if err != nil {
		return err
	}
	i.output = output
	defer writeEnd.Close()

	request := i.request()
	if h.namespace == rootNamespaces {
		request.UID = user
	}
	descriptors := append([]int{int(writeEnd.Fd())}, group.join(&request)...)
	if i.process, err = shim.launch(ctx, request, descriptors...); err != nil {
		return err
	}
	if i.pid, err = pidOf(i.process.pidfd); err != nil {
		i.Kill()
		<-i.process.exit
		return err
	}
	i.guard = &memoryGuard{tmp: i.process.tmp, limit: memory, sample: func() int64 { return h.table.memoryOf(i.pid) }}
	if _, missing := h.groups.missing()[memoryController]; !missing {
		i.guard.group = group
	}
	return nil
}

// request says what the instance runs and sees.
func (i *instance) request() launchRequest {
	task, layers, runtime := i.spec.TaskDir, i.spec.LayersDir, i.spec.RuntimeDir
	home, tmp := i.dir, i.dir
	r := launchRequest{Dir: task}
	if i.host.namespace != noNamespaces {
		r.Root = &rootSpec{
			Task: task, Layers: layers, Runtime: runtime,
			Readable: i.spec.Readable, TmpMB: i.spec.EphemeralStorage,
		}
		task, layers, runtime, home, tmp = taskRoot, layersRoot, runtimeDir, tmpDir, tmpDir
		r.Dir = taskRoot
	} else {
		r.Landlock = hostLandlock(&i.spec, i.dir)
	}
	places := strings.NewReplacer(Task, task, Layers, layers, Runtime, runtime)
	for _, argument := range i.spec.Argv {
		r.Argv = append(r.Argv, places.Replace(argument))
	}
	set := []string{
		"AWS_LAMBDA_RUNTIME_API=" + i.api.address, "LAMBDA_TASK_ROOT=" + task, "LAMBDA_RUNTIME_DIR=" + runtime,
		"HOME=" + home, tmpVariable + tmp,
	}
	for _, variable := range i.spec.Env {
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

// explain says why the program could not be executed, to the one who wrote it.
func (i *instance) explain(cause notExecuted) string {
	path := strings.NewReplacer(Task, i.spec.TaskDir, Layers, i.spec.LayersDir, Runtime, i.spec.RuntimeDir).Replace(i.spec.Argv[0])
	return explainExecution(filepath.Base(path), path, cause)
}

// Initialized limits the processor time: on Lambda the initialization has more than the
// function is given.
func (i *instance) Initialized() {
	if err := i.group.limitCPU(i.spec.CPUs); err != nil {
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
	status, ok := <-i.process.exit
	at := time.Now()
	close(stop)
	guarding.Wait()
	if i.host.namespace == noNamespaces {
		// The kernel has not ended the others as it does in a pid namespace.
		i.group.kill()
		killMarked(i.dir)
	}
	oomKills := i.guard.stop()
	i.release()

	i.exit = Exit{Code: status.ExitStatus(), At: at}
	if !ok || status.Signaled() {
		i.exit.Code, i.exit.Signal = -1, "SIGKILL"
		if ok {
			i.exit.Signal = unix.SignalName(status.Signal())
		}
	}
	// The kernel chooses which process of a tree to kill. If that was another than the
	// function's, it went on without it, and how it ended is another matter.
	i.exit.OutOfMemory = i.exceeded.Load() || oomKills > 0 && i.exit.Signal == "SIGKILL" && !i.killed.Load()
	i.host.mu.Lock()
	delete(i.host.instances, i)
	i.host.mu.Unlock()
	close(i.done)
}

// release gives back everything the instance has. Its processes are gone.
func (i *instance) release() {
	i.signals.Lock()
	i.over = true
	closeAll(openOnly(i.process.pidfd, i.process.tmp))
	i.signals.Unlock()
	if i.output != nil {
		i.output.finish()
	}
	if i.api != nil {
		i.api.close()
	}
	log := i.host.options.Log.With("instance", i.spec.ID)
	if i.group != nil {
		if err := i.group.remove(); err != nil {
			log.Warn("the instance's cgroup could not be removed", "error", err)
		}
	}
	if i.dir != "" {
		if err := os.RemoveAll(i.dir); err != nil {
			log.Warn("the instance's folder could not be removed", "error", err)
		}
	}
	if i.uid != 0 {
		i.host.users.give(i.uid)
	}
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

func (i *instance) Terminate()            { i.signal(unix.SIGTERM) }
func (i *instance) Done() <-chan struct{} { return i.done }
func (i *instance) Exit() Exit            { return i.exit }
func (i *instance) PID() int              { return i.pid }

func (i *instance) Kill() {
	i.killed.Store(true)
	i.signal(unix.SIGKILL)
}

func (i *instance) SyncOutput() {
	if i.output != nil {
		i.output.sync()
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
	if i.over || i.process.pidfd < 0 {
		return
	}
	unix.PidfdSendSignal(i.process.pidfd, s, nil, 0) //nolint:errcheck // it may have ended
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
