package sandbox

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxOpenFiles is Lambda's limit on file descriptors per execution environment.
const maxOpenFiles = 1024

// coreLimit is in bytes. It allows no core dump, and, as the kernel has it, none is given
// to the host's handler of crashes either: with a limit of 0 that would get it, and keep
// what a function had in memory (core(5)).
const coreLimit = 1

// steps returns what a process of the instance does before it is its program: what
// it gives up, it cannot take back. ruleset is what landlockRuleset returned.
func (s *shim) steps(b *box, p programRequest, output, ruleset int) (*steps, error) {
	if len(p.Argv) == 0 {
		return nil, fmt.Errorf("the launch request names no program")
	}
	list := &steps{}
	list.call("begin a session", unix.SYS_SETSID)
	for to, from := range []int{s.null, output, output} {
		list.call("set the standard descriptors", unix.SYS_DUP3, uintptr(from), uintptr(to), 0)
	}
	if !s.config.Namespaces {
		list.call("ask to end with the shim", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL))
	}
	if err := s.limit(list); err != nil {
		return nil, err
	}
	if err := s.changeUser(list, b.request.UID); err != nil {
		return nil, err
	}
	if s.config.LimitProcesses && processesCounted(b.request.UID != 0, s.userNamespaces) {
		limitProcesses(list)
	}
	if s.config.Namespaces {
		s.dropCapabilities(list)
	}
	list.call("refuse privileges", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1)
	dir, err := list.text(p.Dir)
	if err != nil {
		return nil, err
	}
	list.call("enter "+p.Dir, unix.SYS_CHDIR, dir)
	confining, err := s.confinement.calls(ruleset)
	if err != nil {
		return nil, err
	}
	for _, c := range confining {
		list.call(c.name, c.number, c.arguments...)
	}
	list.call("unblock signals", unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, keep(list, new(uint64)), 0, 8)
	return list, list.execute(p.Argv, p.Env)
}

// limit sets what processes have of resources that no cgroup counts.
func (s *shim) limit(list *steps) error {
	for resource, limit := range map[int]uint64{unix.RLIMIT_NOFILE: maxOpenFiles, unix.RLIMIT_CORE: coreLimit} {
		var now unix.Rlimit
		if err := unix.Getrlimit(resource, &now); err != nil {
			return fmt.Errorf("read a resource limit: %w", err)
		}
		limit = min(limit, now.Max)
		to := keep(list, &unix.Rlimit{Cur: limit, Max: limit})
		list.call("set a resource limit", unix.SYS_PRLIMIT64, 0, uintptr(resource), to, 0)
	}
	return nil
}

// changeUser makes the process the instance's user's, and where the host allows it,
// the only user of a user namespace of its own, called functionUID there.
func (s *shim) changeUser(list *steps, uid int) error {
	inside := s.config.UID
	if uid != 0 {
		id := uintptr(uid)
		list.call("leave the groups", unix.SYS_SETGROUPS, 0, 0)
		list.call("change the group", unix.SYS_SETRESGID, id, id, id)
		if s.userNamespaces {
			// Where ordinary users may make no namespaces, capabilities are needed for it.
			const noSetuidFixup = 1 << 2 // SECBIT_NO_SETUID_FIXUP of linux/securebits.h
			list.call("keep capabilities", unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, noSetuidFixup)
		}
		list.call("change the user", unix.SYS_SETRESUID, id, id, id)
		inside = uid
	}
	if !s.userNamespaces {
		return nil
	}
	list.call("make a user namespace", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
	// A process that has changed its user may not write to its own files in /proc.
	list.call("open its own files", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1)
	mapping := fmt.Sprintf("%d %d 1", functionUID, inside)
	if err := list.write("give up groups", "/proc/self/setgroups", "deny"); err != nil {
		return err
	}
	if err := list.write("name the user", "/proc/self/uid_map", mapping); err != nil {
		return err
	}
	return list.write("name the group", "/proc/self/gid_map", mapping)
}

// dropCapabilities gives up all there are.
func (s *shim) dropCapabilities(list *steps) {
	for capability := range s.capabilities {
		list.flagged(stepMayFail, "drop a capability", unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, uintptr(capability))
	}
	header := keep(list, &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3})
	list.call("drop capabilities", unix.SYS_CAPSET, header, keep(list, &[2]unix.CapUserData{}))
}

// countCapabilities tells how many the kernel knows.
func countCapabilities() int {
	const most = 64
	last, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return most
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(last)))
	if err != nil {
		return most
	}
	return n + 1
}

// giveUpPrivileges sees to it that nothing the thread executes has or gains any.
// The thread keeps its own capabilities: it must still mount, and change the user.
func giveUpPrivileges() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	for capability := uintptr(0); ; capability++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		if err == unix.EINVAL { // beyond the last
			break
		}
		if err != nil {
			return fmt.Errorf("drop capabilities: %w", err)
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	sets[0].Inheritable, sets[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return fmt.Errorf("make capabilities not inheritable: %w", err)
	}
	return refusePrivileges()
}

// refusePrivileges makes setuid programs and the like ordinary ones for what this
// thread executes.
func refusePrivileges() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	return nil
}

// joinCgroups moves the calling thread, and so its children to come.
func joinCgroups(tasks []string) error {
	for _, file := range tasks {
		if err := os.WriteFile(file, []byte("0"), 0); err != nil {
			return fmt.Errorf("join the instance's cgroup: %w", err)
		}
	}
	return nil
}
