// Package sandbox runs one instance of one version: a process tree that is
// isolated and limited as far as the host allows, and gone as a whole when it
// is killed.
package sandbox

import (
	"context"
	"io"
	"net/http"
	"time"
)

// A Sandbox starts instances. It is safe for concurrent use. Close kills every
// instance that still runs and removes what the sandbox made on the host
// (cgroups, mounts, folders); so does the next New after a kill -9.
type Sandbox interface {
	// Start starts a process for the spec and returns as soon as it exists: that its
	// program could not be executed shows in Exit. The context bounds the start, not
	// the instance. What could not be set up is an error, and nothing is left behind.
	Start(ctx context.Context, spec Spec) (Instance, error)
	// Prepare says of which kinds instances will be started, so that the first of them
	// need not wait; it takes the place of what was said before. Only RuntimeDir,
	// Readable, Network, Ingress and Warm of the specs matter.
	Prepare(specs ...Spec)
	// Isolation reports what holds on this host, for people and for the API.
	Isolation() Isolation
	Close() error
}

// Pooling is what a Sandbox implements that prepares sandboxes ahead.
type Pooling interface {
	// Pooled is how many sandboxes are prepared and wait for a function.
	Pooled() int
}

// Task, Layers, Runtime and Compiled stand, in Spec.Argv and Spec.Env, for where the
// instance sees Spec.TaskDir, Spec.LayersDir, Spec.RuntimeDir and Spec.CompiledDir. They hold a
// NUL, which no argument and no variable of a user's can, so that nothing else is ever replaced.
const (
	Task     = "\x00task"
	Layers   = "\x00layers"
	Runtime  = "\x00runtime"
	Compiled = "\x00compiled"
	// Endpoint stands likewise for the URL at which the instance reaches Spec.Ingress.
	Endpoint = "\x00endpoint"
)

// NetworkNone is the Spec.Network of an instance that has no network but its loopback
// interface.
const NetworkNone = "none"

// A Spec says what to run. Paths are the host's.
type Spec struct {
	// ID is unique among running instances; [a-z0-9-] only.
	ID string
	// TaskDir holds the unpacked package; the instance sees it read-only as
	// LAMBDA_TASK_ROOT, which is /var/task where there is a mount namespace.
	TaskDir string
	// LayersDir, if not empty, holds the unpacked layers, seen read-only as /opt.
	LayersDir string
	// RuntimeDir, if not empty, holds the language's bootstrap, seen read-only as
	// LAMBDA_RUNTIME_DIR, which is /var/runtime where there is a mount namespace.
	RuntimeDir string
	// CompiledDir, if not empty, holds what the language has compiled of the package
	// before, seen read-only. If it is not there, or with ModeOCI, nothing is seen.
	CompiledDir string
	// Readable are further host paths the instance needs, such as its interpreter.
	// Seen read-only at the same path.
	Readable []string
	// Argv is the program and its arguments. Task, Layers and Runtime in them and
	// in Env stand for where the instance sees those folders.
	Argv []string
	// Env is the whole environment but for the variables the sandbox sets:
	// AWS_LAMBDA_RUNTIME_API, LAMBDA_TASK_ROOT, LAMBDA_RUNTIME_DIR, HOME, TMPDIR.
	Env []string
	// Memory limit of the whole tree, in MB, /tmp not included. Exceeding it kills
	// the tree.
	Memory int
	// CPUs is the share of processor time, in CPUs (0.5 is half of one), from
	// Instance.Initialized on; before that it may have all there is. 0 means no limit.
	CPUs float64
	// EphemeralStorage is the size of /tmp, in MB.
	EphemeralStorage int
	// RuntimeAPI is served to this instance, and to no other, at
	// AWS_LAMBDA_RUNTIME_API.
	RuntimeAPI RuntimeAPI
	// Network is "" for outgoing connections, or NetworkNone, which is refused where the
	// host allows no network namespaces.
	Network string
	// Ingress, unless nil or Network is NetworkNone, is served at 127.0.0.1 inside the
	// instance where that is not the host's own.
	Ingress *Ingress
	// Extensions are started before the function's program, in order, and see the
	// same as it does. They end with it.
	Extensions []Extension
	// Warm, unless nil, is how an interpreter is started before it is known for which
	// function: it asks its Runtime API for what Argv and Env would have said.
	Warm *Program
	// Output receives what the tree writes to standard output and error. Writes
	// are never concurrent.
	Output io.Writer
}

// A Program is what to execute, with its whole environment.
type Program struct {
	// Argv and Env are as in Spec.
	Argv, Env []string
}

// An Ingress is what an instance reaches on its own loopback interface.
type Ingress struct {
	// Port is the one of the listener in the instance. It cannot be 9001, which is the
	// Runtime API's.
	Port    int
	Handler http.Handler
	// URL is where the same is reached where the network is the host's own.
	URL string
}

// An Extension is a program beside the function's.
type Extension struct {
	// Name is for errors.
	Name string
	Program
	// Output receives what it and its children write; like Spec.Output.
	Output io.Writer
	// Exited, if not nil, is called once when the program has ended before the instance
	// was; that ends nothing else.
	Exited func(Exit)
}

// An Instance is a running process tree. Its methods may be called by any
// goroutine, in any state.
type Instance interface {
	// Initialized ends the time in which the tree may have all the processor time there
	// is. Call it when it first asks for an event, and once.
	Initialized()
	// Terminate asks the tree to end (SIGTERM).
	Terminate()
	// Kill ends the tree at once. Calling it again, or after the end, does nothing.
	Kill()
	// Done is closed when the whole tree is gone, its output is read and its
	// leftovers are removed.
	Done() <-chan struct{}
	// Exit tells how it ended. Valid once Done is closed.
	Exit() Exit
	// SyncOutput returns when what the tree wrote before the call has been given to
	// Spec.Output: a line that a function prints before it answers would otherwise
	// come after the answer, which takes another way.
	SyncOutput()
	// MemoryPeak is the most memory the tree has used, in bytes; 0 if unknown.
	MemoryPeak() int64
	// Prepared tells whether its sandbox, and its interpreter where Spec.Warm is given,
	// had been started before Start was called.
	Prepared() bool
	// PID of the tree's first process as the host sees it.
	PID() int
}

// Exit tells how an instance ended.
type Exit struct {
	// Code is the exit status, or -1 if a signal ended it.
	Code int
	// Signal is the name of the signal ("SIGKILL"), or empty.
	Signal string
	// OutOfMemory is true if the kernel, or the sandbox, killed it for exceeding
	// Spec.Memory.
	OutOfMemory bool
	// StartError is why the program never ran (not executable, missing, wrong
	// architecture), a sentence; empty if it ran.
	StartError string
	// At is when it ended.
	At time.Time
}

// Isolation is what a sandbox enforces.
type Isolation struct {
	// Mode is the one asked for: "auto", "strict" or "process".
	Mode string `json:"mode"`
	// Enforced and Missing name measures: "mount namespace", "own user",
	// "memory limit", ... Missing ones come with the reason: "memory limit: no
	// memory cgroup on this host".
	Enforced []string `json:"enforced"`
	Missing  []string `json:"missing"`
}
