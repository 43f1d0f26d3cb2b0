package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ociRuntimes are the programs that are looked for on the PATH, in order. Those of Kata
// Containers that speak OCI's command line are the ones before its version 2.
var ociRuntimes = []string{"crun", "runc", "runsc", "kata-runtime"}

// containers is the sandbox whose instances an OCI runtime of the host runs, each in a
// container of its own. Networks, users and cgroups are the host's, as ever: what the
// OCI runtime is for is the boundary between a function and the kernel.
//
// A container is made when it is known for which function, since OCI has no way to add
// what a function brings to one that waits.
type containers struct {
	*host
	// program is the OCI runtime, and state the folder where it keeps its own.
	program, state string

	mu      sync.Mutex
	running map[*container]struct{}
}

// newContainers makes the sandbox of mode oci.
func newContainers(ctx context.Context, h *host, owner string) (Sandbox, error) {
	s := &containers{host: h, state: filepath.Join(h.dir, "oci"), running: map[*container]struct{}{}}
	err := s.setUp(owner)
	if err == nil {
		err = s.rehearse(ctx)
	}
	if err != nil {
		s.Close() //nolint:errcheck // the first error says it
		return nil, err
	}
	return s, nil
}

func (s *containers) setUp(owner string) (err error) {
	if s.program, err = findOCIRuntime(s.options.OCIRuntime); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("isolation oci needs root, since the containers of an ordinary user cannot join the networks that instances get; use auto")
	}
	if !ownUsersPossible() {
		return errors.New("isolation oci needs a range of user ids, and this container's user namespace has too few; use auto")
	}
	if s.users, err = newUsers(firstUID, uidBlock, uidBlocks); err != nil {
		return err
	}
	s.groups = openHierarchy(owner, s.options.Log)
	if err := s.startGateway(); err != nil {
		return err
	}
	if err := os.Mkdir(s.state, 0o700); err != nil {
		return err
	}
	state := &containerState{Program: s.program, Dir: s.state}
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.dir, stateFile), text, 0o600); err != nil {
		return err
	}
	// It starts nothing: it is there to clean up if this process dies.
	s.shim, err = startShim(noNamespaces, nil, shimConfig{
		CgroupTasks: s.groups.home(), Groups: s.groups.folders(), Dir: s.dir, Containers: state,
	})
	return err
}

func findOCIRuntime(named string) (string, error) {
	if named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("the OCI runtime %s is not a program that this user can execute; name another, or none to have %s looked for",
				named, strings.Join(ociRuntimes, ", "))
		}
		return filepath.Abs(path)
	}
	for _, name := range ociRuntimes {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("isolation oci needs an OCI runtime, and none of %s is on the PATH; install one, or use auto", strings.Join(ociRuntimes, ", "))
}

// rehearse runs a container that does nothing, to learn now what cannot be had.
func (s *containers) rehearse(ctx context.Context) error {
	task := filepath.Join(s.dir, "rehearsal")
	if err := os.Mkdir(task, 0o755); err != nil {
		return err
	}
	defer os.Remove(task)
	i, err := s.Start(ctx, Spec{
		ID: "rehearsal", TaskDir: task, Argv: []string{"/bin/sh", "-c", "exit 7"}, Memory: 256, EphemeralStorage: 1,
		RuntimeAPI: unserved{},
	})
	if err != nil {
		return fmt.Errorf("isolation oci: %w", err)
	}
	select {
	case <-i.Done():
	case <-ctx.Done():
		i.Kill()
		<-i.Done()
		return fmt.Errorf("isolation oci: %s does not end the container that was to show that it works", s.program)
	}
	if e := i.Exit(); e.Code != 7 {
		return fmt.Errorf("isolation oci: a container of %s that was to show that it works ended with %d %s%s", s.program, e.Code, e.Signal, e.StartError)
	}
	return nil
}

// Prepare implements Sandbox. Nothing can be prepared.
func (s *containers) Prepare(...Spec) {}

// Isolation implements Sandbox.
func (s *containers) Isolation() Isolation {
	r := newReport(ModeOCI)
	for _, measure := range []string{mountNamespace, otherNamespaces, noCapabilities, privateTmp, networkNamespace, ownUser, outgoing, runtimeAPIUser} {
		r.add(measure, "")
	}
	r.add("boundary of "+filepath.Base(s.program), "")
	for name, measure := range map[string]string{memoryController: memoryLimit, cpuController: cpuLimit, pidsController: processLimit} {
		r.add(measure, s.groups.missing()[name])
	}
	// They are between a function and the host's kernel, where the OCI runtime has none.
	for _, measure := range []string{userNamespace, callFilter, landlocked} {
		r.add(measure, "left to the OCI runtime")
	}
	return r.isolation()
}

// Start implements Sandbox.
func (s *containers) Start(ctx context.Context, spec Spec) (Instance, error) {
	if err := spec.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.starting.Done()
	c := &container{sandbox: s, spec: spec, pidfd: -1, tmp: -1, visits: newVisits(), done: make(chan struct{})}
	if err := c.start(ctx); err != nil {
		c.release()
		if reason := c.explain(); reason != "" {
			c.exit = Exit{Code: -1, StartError: reason, At: time.Now()}
			close(c.done)
			return c, nil
		}
		return nil, fmt.Errorf("start instance %s: %w", spec.ID, err)
	}
	s.mu.Lock()
	s.running[c] = struct{}{}
	s.mu.Unlock()
	go c.attend()
	return c, nil
}

// Close implements Sandbox.
func (s *containers) Close() error {
	s.host.mu.Lock()
	closed := s.closed
	s.closed = true
	s.host.mu.Unlock()
	if closed {
		return nil
	}
	s.starting.Wait()
	s.mu.Lock()
	var running []*container
	for c := range s.running {
		running = append(running, c)
	}
	s.mu.Unlock()
	for _, c := range running {
		c.Kill()
	}
	for _, c := range running {
		<-c.Done()
	}
	containerState{s.program, s.state}.unmount()
	return s.tearDown()
}

// A containerState is where an OCI runtime keeps what it knows of its containers.
type containerState struct{ Program, Dir string }

// deleteAll has the OCI runtime remove all of its containers, which also ends them. They
// are known by their bundles, which lie beside its folder.
func (s containerState) deleteAll() {
	bundles, err := filepath.Glob(filepath.Join(filepath.Dir(s.Dir), "*", bundleConfig))
	if err != nil {
		return
	}
	for _, config := range bundles {
		s.deleteOne(filepath.Base(filepath.Dir(config)))
	}
	s.unmount()
}

// deleteOne is deleteAll of one container, which may have ended, or be gone. What an OCI
// runtime keeps of one begins with its id; runsc's goes on with the sandbox's.
func (s containerState) deleteOne(id string) {
	for _, pattern := range []string{id, id + "_sandbox:*"} {
		if kept, err := filepath.Glob(filepath.Join(s.Dir, pattern)); err == nil && len(kept) > 0 {
			exec.Command(s.Program, "--root", s.Dir, "delete", "--force", id).Run() //nolint:errcheck // what stays is the host's to remove
			return
		}
	}
}

// unmount releases what an OCI runtime keeps mounted in its folder: runsc has an empty
// network namespace there.
func (s containerState) unmount() {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		unix.Unmount(filepath.Join(s.Dir, entry.Name()), unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) //nolint:errcheck // hardly anything is mounted
	}
}

// stateFile, in a runtime's folder, says what deleteAll needs to know.
const stateFile = "containers.json"

// deleteLeftContainers removes what a runtime that has ended left in its folder.
func deleteLeftContainers(dir string) {
	var left containerState
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err == nil && json.Unmarshal(text, &left) == nil {
		left.deleteAll()
	}
}

// containerNetwork makes a network namespace with what an instance reaches in it.
func (s *containers) containerNetwork(kind networkKind, ingressPort int) (n *slot, l listeners, err error) {
	made := make(chan struct{})
	go func() {
		defer close(made)
		runtime.LockOSThread() // and never unlocked: the thread is thrown away
		if n, err = newSlot(kind); err != nil {
			return
		}
		b := box{request: prepareRequest{Network: kind, IngressPort: ingressPort}}
		if l, err = b.listen(); err != nil {
			n.close()
			n = nil
		}
	}()
	<-made
	return n, l, err
}
