package sandbox

import "github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"

// rootLandlock is for an instance that sees its own root and nothing else: what it sees
// it may read, and write to /tmp. Of /proc nothing is there to be written: what the kernel
// lets everybody open does not depend on what it checks later.
var rootLandlock = []confine.Rule{{Path: "/", Access: confine.Read}, {Path: tmpDir, Access: confine.Write}, {Path: "/dev", Access: confine.Device}}

// hostLandlock is for an instance that sees the host's root: what it may read is listed,
// and its own folder is what it may write to. /proc tells a function of other processes
// no more than their names and arguments.
func hostLandlock(spec *Spec, own string) []confine.Rule {
	rules := []confine.Rule{{Path: own, Access: confine.Write}, {Path: "/proc", Access: confine.Read}}
	for _, paths := range [][]string{systemFolders, systemFiles, {hostsFile, resolverFile, "/etc/passwd", "/etc/group"}, spec.Readable, {spec.TaskDir, spec.LayersDir, spec.RuntimeDir, spec.CompiledDir}} {
		for _, path := range paths {
			if path != "" {
				rules = append(rules, confine.Rule{Path: path, Access: confine.Read})
			}
		}
	}
	for _, name := range devices {
		rules = append(rules, confine.Rule{Path: "/dev/" + name, Access: confine.Device})
	}
	return rules
}
