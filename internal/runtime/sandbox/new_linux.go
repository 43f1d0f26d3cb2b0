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

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/gateway"
)

// A host is the sandbox of a Linux host.
type host struct {
	options   Options
	namespace namespaceKind
	// dir is this runtime's own folder within options.Dir.
	dir    string
	groups hierarchy
	users  *users // nil if instances share one user
	// subordinates are what users are from, where the runtime is not root's; noUsers is why
	// there are none.
	subordinates *subordinates
	noUsers      error
	table        processTable
	isolation    Isolation
	// lacking says which measures of the shim's the host does not allow, and why.
	lacking map[string]string

	pool    *pool[*prepared]
	gateway *gateway.Gateway // nil if instances share the host's network

	// prepared counts the sandboxes that were.
	prepared atomic.Uint64

	mu        sync.Mutex
	closed    bool
	shim      *shimClient
	instances map[*instance]struct{}
	starting  sync.WaitGroup
}

// New removes what runtimes that have ended left behind, finds out what the
// host allows, and returns a sandbox for the mode.
func New(ctx context.Context, o Options) (Sandbox, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the sandbox's folder: %w", err)
	}
	owner, err := newOwner()
	if err != nil {
		return nil, err
	}
	sweepFolders(o.Dir)
	h := &host{options: o, dir: filepath.Join(o.Dir, owner), instances: map[*instance]struct{}{}}
	if err := os.Mkdir(h.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the sandbox's folder: %w", err)
	}
	if o.Mode == ModeOCI {
		return newContainers(ctx, h, owner)
	}
	report := newReport(o.Mode)
	if err := h.setUp(owner, report); err != nil {
		h.Close() //nolint:errcheck // the first error says it
		return nil, err
	}
	h.pool = newPool(h.prepareAhead, h.spare, o.PoolWindow, o.Log)
	h.isolation = report.isolation()
	if o.Mode == ModeStrict && len(report.lacking) > 0 {
		h.Close() //nolint:errcheck // the error below says it
		return nil, fmt.Errorf("isolation strict cannot be had on this host; missing: %s", strings.Join(report.lacking, "; "))
	}
	return h, nil
}

func (h *host) setUp(owner string, report *report) error {
	h.groups = openHierarchy(owner, h.options.Log)
	if err := h.startFirstShim(report); err != nil {
		return err
	}
	report.add(callFilter, confine.FilterMissing())
	_, reason := confine.LandlockABI()
	report.add(landlocked, reason)
	missing := h.groups.missing()
	for _, name := range controllers {
		reason := missing[name]
		if reason != "" && name == memoryController {
			reason += "; it is watched instead"
		}
		if name == pidsController && processesCounted(h.users != nil, h.namespace != noNamespaces && h.lacking[userNamespace] == "") {
			reason = "" // see limitProcesses
		}
		report.add(map[string]string{memoryController: memoryLimit, cpuController: cpuLimit, pidsController: processLimit}[name], reason)
	}
	return nil
}

// startFirstShim tries what isolates most, and goes on with less where the host
// does not allow it.
func (h *host) startFirstShim(report *report) error {
	kinds := []namespaceKind{rootNamespaces, userNamespaces, noNamespaces}
	switch {
	case h.options.Mode == ModeProcess:
		kinds = kinds[2:]
	case os.Geteuid() != 0:
		kinds = kinds[1:]
	}
	var noGateway error
	if h.options.Mode != ModeProcess {
		noGateway = h.startGateway()
	}
	var errs []error
	for _, kind := range kinds {
		h.namespace = kind
		if err := h.takeUsers(); err != nil {
			return err
		}
		shim, err := h.newShim()
		if err != nil && h.subordinates != nil {
			h.noUsers = err
			h.giveUsers()
			shim, err = h.newShim()
		}
		if err == nil {
			h.shim, h.lacking = shim, shim.lacking
			if noGateway != nil {
				h.lacking[outgoing] = noGateway.Error()
			}
			h.reportShim(report, errors.Join(errs...))
			return nil
		}
		h.giveUsers()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// takeUsers takes what users there are for instances in namespaces of this kind.
func (h *host) takeUsers() (err error) {
	switch {
	case h.namespace == rootNamespaces && ownUsersPossible():
		h.users, err = newUsers(firstUID, uidBlock, uidBlocks)
	case h.namespace == userNamespaces:
		if h.subordinates, h.noUsers = findSubordinates(); h.noUsers == nil {
			h.users, h.noUsers = h.subordinates.users()
		}
		if h.noUsers != nil { // instances have the runtime's then
			h.giveUsers()
		}
	}
	return err
}

func (h *host) giveUsers() {
	if h.users != nil {
		h.users.close()
	}
	h.users, h.subordinates = nil, nil
}

// enter begins something that Close waits for, by h.starting.
func (h *host) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errClosed
	}
	h.starting.Add(1)
	return nil
}

func (h *host) newShim() (*shimClient, error) {
	root := filepath.Join(h.dir, "root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	first := 0
	if h.users != nil {
		first = h.users.base
	}
	return startShim(h.namespace, h.subordinates, shimConfig{
		Namespaces: h.namespace != noNamespaces, Nested: h.namespace == userNamespaces, TUN: h.gateway != nil, RootDir: root, FirstUID: first, UID: functionUID,
		LimitProcesses: h.groups.missing()[pidsController] != "", CgroupTasks: h.groups.home(), Groups: h.groups.folders(), Dir: h.dir,
	})
}

// ownUsersPossible tells whether the range of instances' users exists here: in a
// container's user namespace it may not.
func ownUsersPossible() bool {
	uidMap, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(uidMap)) {
		var inside, outside, length uint64
		if _, err := fmt.Sscan(line, &inside, &outside, &length); err != nil {
			return false
		}
		if inside <= firstUID && firstUID+uidBlocks*uidBlock <= inside+length {
			return true
		}
	}
	return false
}

// liveShim returns the shim, a new one if it has died.
func (h *host) liveShim() (*shimClient, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errClosed
	}
	if h.shim.dead() {
		shim, err := h.newShim()
		if err != nil {
			return nil, fmt.Errorf("restart the shim: %w", err)
		}
		h.shim = shim
	}
	return h.shim, nil
}

var errClosed = errors.New("the sandbox is closed")

func (h *host) Isolation() Isolation { return h.isolation }

func (h *host) Close() error {
	h.mu.Lock()
	closed := h.closed
	h.closed = true
	h.mu.Unlock()
	if closed {
		return nil
	}
	if h.pool != nil {
		h.pool.close()
	}
	h.starting.Wait()
	h.mu.Lock()
	running := make([]*instance, 0, len(h.instances))
	for i := range h.instances {
		running = append(running, i)
	}
	h.mu.Unlock()
	for _, i := range running {
		i.Kill()
	}
	for _, i := range running {
		<-i.Done()
	}
	return h.tearDown()
}

// tearDown removes what the sandbox has on the host. No instance is left.
func (h *host) tearDown() error {
	if h.shim != nil {
		h.shim.close()
	}
	if h.gateway != nil {
		h.gateway.Close() //nolint:errcheck // its process has ended either way
	}
	if h.groups != nil {
		for _, dir := range h.groups.folders() {
			removeOwnersGroup(dir)
		}
	}
	if h.users != nil {
		h.users.close()
	}
	return os.RemoveAll(h.dir)
}

// sweepFolders ends the processes that runtimes left which have ended, if any
// could, and removes their folders.
func sweepFolders(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if ownerGone(entry.Name()) {
			left := filepath.Join(dir, entry.Name())
			killMarked(left)
			deleteLeftContainers(left)
			os.RemoveAll(left) //nolint:errcheck // the next runtime tries again
		}
	}
}
