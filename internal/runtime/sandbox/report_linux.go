package sandbox

import (
	"cmp"
	"os"
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
	runtimeAPIUser  = "runtime api bound to the instance"

	userNamespace    = "user namespace per instance"
	networkNamespace = "network namespace per instance"
	outgoing         = "filtered outgoing connections"
	callFilter       = "system-call filter"
	landlocked       = "landlock"
)

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

// reportShim notes what follows from the shim that could be had. err is why it is
// not of the best kind.
func (h *host) reportShim(r *report, err error) {
	reason := ""
	if h.namespace == noNamespaces {
		reason = "mode process does without"
		if err != nil {
			reason = strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		h.lacking = map[string]string{userNamespace: reason, networkNamespace: reason}
	}
	for _, measure := range []string{mountNamespace, otherNamespaces, noCapabilities, privateTmp} {
		r.add(measure, reason)
	}
	r.add(userNamespace, h.lacking[userNamespace])
	// Without a way out that is filtered, instances that are to have one have the host's.
	r.add(networkNamespace, cmp.Or(h.lacking[networkNamespace], h.lacking[outgoing]))
	own := ""
	switch {
	case h.namespace == noNamespaces:
		own = reason
	case h.users != nil:
	case os.Geteuid() == 0:
		own = "this container's user namespace has too few user ids"
	default:
		own = "the runtime does not run as root, and its user's subordinate ids cannot be used: " + h.noUsers.Error()
	}
	r.add(ownUser, own)
	if _, missing := h.lacking[outgoing]; h.lacking[networkNamespace] == "" && !missing {
		own = ""
		r.add(outgoing, "")
	} else {
		r.add(outgoing, cmp.Or(h.lacking[outgoing], h.lacking[networkNamespace]))
	}
	r.add(runtimeAPIUser, own)
}

func (r *report) isolation() Isolation {
	return Isolation{
		Mode:     string(r.mode),
		Enforced: slices.Clone(r.enforced),
		Missing:  slices.Clone(r.lacking),
	}
}
