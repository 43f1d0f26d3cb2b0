package gateway

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
)

// The process is confined twice. Landlock is put on the thread that starts it, so that it
// holds from the first instruction on: of all files, the process can open its own program
// and libraries, for reading; it cannot listen, and signals and abstract sockets do not
// leave it. The system-call filter is put on when it is set up, and has no call that opens
// or executes a file.

// restrictFiles puts Landlock on the calling thread and what it executes, if this kernel
// has it.
func restrictFiles() error {
	ruleset, err := confine.QuietRuleset(ownFiles())
	if err != nil || ruleset < 0 {
		return err
	}
	defer unix.Close(ruleset)
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), 0, 0); errno != 0 {
		return fmt.Errorf("put Landlock on it: %w", errno)
	}
	return nil
}

// ownFiles are what this program is loaded from: the process loads the same.
func ownFiles() []confine.Rule {
	paths := []string{"/proc/self/exe", "/etc/ld.so.cache", "/etc/ld.so.preload"}
	// The program may lie where its user finds it by no path.
	program, _ := os.Readlink(paths[0])
	if maps, err := os.ReadFile("/proc/self/maps"); err == nil { // else the program alone
		for line := range strings.Lines(string(maps)) {
			// Addresses, permissions, offset, device, inode, path (proc(5)).
			fields := strings.Fields(line)
			if len(fields) == 6 && strings.HasPrefix(fields[5], "/") && fields[5] != program && !slices.Contains(paths, fields[5]) {
				paths = append(paths, fields[5])
			}
		}
	}
	rules := make([]confine.Rule, 0, len(paths))
	for _, path := range paths {
		rules = append(rules, confine.Rule{Path: path, Access: confine.Read})
	}
	return rules
}
