package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock says once more, to the kernel's security hooks instead of its mounts, what a
// function may do with which files: should a mount ever be writable, or reachable, that
// is not meant to be, the function still cannot. It has the kernel refuse mounting
// altogether, looking into processes outside, and, where it is recent enough, signals and
// abstract sockets across the line. Where there are no namespaces it is the only thing
// that keeps a function from the host's files.

// LandlockABI is the version of Landlock that this kernel has; 0 if it has none that is
// of use, and then missing says why. The first version forbids every renaming from one
// folder to another, which programs do.
func LandlockABI() (version int, missing string) {
	answer, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch {
	case errno == 0 && answer >= 2:
		return int(answer), ""
	case errno == unix.EOPNOTSUPP:
		return 0, "this host's kernel has Landlock but did not start it (its parameter lsm= must name it)"
	}
	return 0, "this host's kernel has no Landlock, or its first version (Linux 5.19 with CONFIG_SECURITY_LANDLOCK has a later one)"
}

// What may be done with a file alone, as opposed to a folder and what is in it.
const landlockFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
	unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV

const (
	// Read is reading and executing, Write everything in a folder but devices, Device what
	// devices are for.
	Read  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	Write = Read | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_DIR |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO |
		unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_REFER
	Device = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE
)

// A Rule allows access to a file, or to a folder with all that is below, also to
// what is mounted there later; but not to what is mounted on the folder itself later.
type Rule struct {
	Path   string
	Access uint64
}

// Ruleset makes a ruleset of the rules, as far as this kernel's version of
// Landlock goes, and returns its descriptor. Paths are as the calling
// thread sees them; those that do not exist are left out. It is -1 without Landlock.
func Ruleset(rules []Rule) (int, error) { return newRuleset(rules, 0) }

// QuietRuleset is a Ruleset by which nobody can bind a TCP socket either, and so not
// listen (Linux 6.7).
func QuietRuleset(rules []Rule) (int, error) {
	return newRuleset(rules, unix.LANDLOCK_ACCESS_NET_BIND_TCP)
}

func newRuleset(rules []Rule, network uint64) (int, error) {
	abi, _ := LandlockABI()
	if abi == 0 {
		return -1, nil
	}
	attributes := unix.LandlockRulesetAttr{Handled_access_fs: handledBy(abi)}
	size := unsafe.Sizeof(attributes.Handled_access_fs)
	if abi >= 4 {
		attributes.Handled_access_net = network
		size = unsafe.Offsetof(attributes.Handled_access_net) + unsafe.Sizeof(attributes.Handled_access_net)
	}
	if abi >= 6 {
		attributes.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
		size = unsafe.Offsetof(attributes.Scoped) + unsafe.Sizeof(attributes.Scoped)
	}
	ruleset, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attributes)), size, 0)
	if errno != 0 {
		return -1, fmt.Errorf("make a Landlock ruleset: %w", errno)
	}
	for _, rule := range rules {
		if err := addLandlockRule(int(ruleset), rule, attributes.Handled_access_fs); err != nil {
			unix.Close(int(ruleset))
			return -1, err
		}
	}
	return int(ruleset), nil
}

func addLandlockRule(ruleset int, rule Rule, handled uint64) error {
	fd, err := unix.Open(rule.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %s for Landlock: %w", rule.Path, err)
	}
	defer unix.Close(fd)
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return fmt.Errorf("look at %s for Landlock: %w", rule.Path, err)
	}
	access := rule.Access & handled
	if info.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= landlockFile
	}
	beneath := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&beneath)), 0, 0, 0); errno != 0 {
		return fmt.Errorf("allow %s by Landlock: %w", rule.Path, errno)
	}
	return nil
}

// handledBy are the kinds of access to files that a version of Landlock can refuse.
func handledBy(abi int) uint64 {
	handled := uint64(unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1)
	for since, access := range map[int]uint64{
		2: unix.LANDLOCK_ACCESS_FS_REFER, 3: unix.LANDLOCK_ACCESS_FS_TRUNCATE, 5: unix.LANDLOCK_ACCESS_FS_IOCTL_DEV,
	} {
		if abi >= since {
			handled |= access
		}
	}
	return handled
}
