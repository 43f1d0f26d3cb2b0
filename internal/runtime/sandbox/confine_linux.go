package sandbox

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
)

// A confinement is what keeps an instance's processes from most of the kernel: the
// system-call filter, which all have in common, and Landlock, whose rules are each
// instance's own. A process puts both on itself as the last it does before it executes
// the function's program, since they forbid what comes before. They need
// no_new_privs, and allow what comes after (rt_sigprocmask, execve, write, exit_group).
type confinement struct {
	filter  []byte // empty without filters
	program unix.SockFprog
	// landlock is true if a ruleset must be given.
	landlock bool
}

// newConfinement finds out what the kernel has. disk is as for functionFilter.
func newConfinement(disk bool) (*confinement, error) {
	abi, _ := confine.LandlockABI()
	c := &confinement{landlock: abi > 0}
	if confine.FilterMissing() != "" {
		return c, nil
	}
	var err error
	if c.filter, err = functionFilter(disk); err != nil {
		return nil, err
	}
	if len(c.filter) > 0 {
		c.program = unix.SockFprog{Len: uint16(len(c.filter) / 8), Filter: (*unix.SockFilter)(unsafe.Pointer(&c.filter[0]))}
	}
	return c, nil
}

// A confiningCall is a system call that a process is to make.
type confiningCall struct {
	name      string
	number    uintptr
	arguments []uintptr
}

// calls returns what a process has to do, in order; ruleset is what landlockRuleset
// returned. The confinement must be alive as long as the process has not done it.
func (c *confinement) calls(ruleset int) ([]confiningCall, error) {
	if c.landlock != (ruleset >= 0) {
		return nil, fmt.Errorf("the kernel's Landlock and the ruleset do not fit")
	}
	var calls []confiningCall
	if c.landlock {
		calls = append(calls, confiningCall{"put Landlock on the instance", unix.SYS_LANDLOCK_RESTRICT_SELF, []uintptr{uintptr(ruleset), 0}})
	}
	if len(c.filter) > 0 {
		program := uintptr(unsafe.Pointer(&c.program))
		calls = append(calls, confiningCall{"put the system-call filter on the instance", unix.SYS_SECCOMP, []uintptr{unix.SECCOMP_SET_MODE_FILTER, 0, program}})
	}
	return calls, nil
}
