package sandbox

import (
	"slices"
	"strings"
)

// The measures a sandbox reports on.
const (
	mountNamespace  = "mount namespace"
	otherNamespaces = "pid, ipc, uts and cgroup namespaces"
	ownUser         = "own user per instance"
	noCapabilities  = "no capabilities"
	noNewPrivileges = "no new privileges"
	privateTmp      = "private /tmp with a size"
	memoryLimit     = "memory limit"
	cpuLimit        = "cpu limit"
	processLimit    = "process limit"
	openFilesLimit  = "open files limit"
	runtimeAPIUser  = "runtime api bound to the user"
	callFilter      = "system-call filter"
	landlocked      = "landlock"
)

// notYet are measures this version does not take on any host. They are reported,
// but do not keep mode strict, which is about the host, from starting.
var notYet = []string{
	"network namespace: instances share the host's network in this version",
}

// A report collects what holds on this host.
type report struct {
	mode              Mode
	enforced, lacking []string
}

func newReport(mode Mode) *report {
	return &report{mode: mode, enforced: []string{openFilesLimit, noNewPrivileges}}
}

// add notes a measure as enforced, or as missing for a reason.
func (r *report) add(measure, reason string) {
	if reason == "" {
		r.enforced = append(r.enforced, measure)
	} else {
		r.lacking = append(r.lacking, measure+": "+reason)
	}
}

// namespaces notes what follows from the kind of namespaces that could be had.
// err is why it is not the best kind.
func (r *report) namespaces(kind namespaceKind, ownUsers bool, err error) {
	reason := ""
	if kind == noNamespaces {
		reason = "mode process does without"
		if err != nil {
			reason = strings.ReplaceAll(err.Error(), "\n", "; ")
		}
	}
	for _, measure := range []string{mountNamespace, otherNamespaces, noCapabilities, privateTmp} {
		r.add(measure, reason)
	}
	switch {
	case ownUsers:
		r.add(ownUser, "")
		r.add(runtimeAPIUser, "")
		return
	case kind == rootNamespaces:
		reason = "this container's user namespace has too few user ids"
	case kind == userNamespaces:
		reason = "the runtime does not run as root"
	}
	r.add(ownUser, reason)
	r.add(runtimeAPIUser, reason)
}

func (r *report) isolation() Isolation {
	return Isolation{
		Mode:     string(r.mode),
		Enforced: slices.Clone(r.enforced),
		Missing:  append(slices.Clone(r.lacking), notYet...),
	}
}
