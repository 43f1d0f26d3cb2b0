package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/gateway"
)

// Where an instance sees its own, as on Lambda.
const (
	taskRoot   = "/var/task"
	layersRoot = "/opt"
	runtimeDir = "/var/runtime"
	tmpDir     = "/tmp"
	// compiledRoot is not there on Lambda, where nothing is compiled before.
	compiledRoot = "/var/cache/compiled"
)

// systemFolders are the host's programs and libraries, seen read-only by every
// instance. Where the host has a symbolic link (/bin -> usr/bin) so has the root.
var systemFolders = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/gnu"}

// systemFiles are what programs commonly read in /etc: names, time zone, the
// dynamic loader's cache, certificates. Nothing of the host's users.
var systemFiles = []string{
	"/etc/alternatives", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/fonts", "/etc/gai.conf", "/etc/host.conf",
	"/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/nsswitch.conf", "/etc/os-release", "/etc/pki",
	"/etc/protocols", "/etc/services", "/etc/ssl",
}

// changingFiles are replaced on the host when the network changes, so that each
// instance gets them as they are when it starts. Who has a network of its own asks its
// gateway for names instead.
const (
	hostsFile    = "/etc/hosts"
	resolverFile = "/etc/resolv.conf"
)

var devices = []string{"null", "zero", "full", "random", "urandom"}

// A commonRoot is the root that all instances have in common: a small tmpfs
// with the host's programs bound into it. It exists in the shim's mount
// namespace, twice: writable, where mount points are made, and read-only, which
// is what instances get a copy of.
type commonRoot struct {
	writable, readOnly string
	// init is the program of the instances' first process.
	init string
	// namesUsers is true if each instance has its own /etc/passwd.
	namesUsers bool

	mu sync.Mutex // guards making mount points
}

func newCommonRoot(dir string, config shimConfig, userNamespaces bool) (*commonRoot, error) {
	r := &commonRoot{
		writable: filepath.Join(dir, "rw"), readOnly: filepath.Join(dir, "ro"),
		init: filepath.Join(dir, "init"), namesUsers: config.FirstUID != 0 && !userNamespaces,
	}
	program, err := initProgram()
	if err != nil {
		return nil, err
	}
	// Nothing mounted here may show on the host.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("make mounts private: %w", err)
	}
	if err := mount("tmpfs", dir, "tmpfs", 0, "mode=0755,size=16m"); err != nil {
		return nil, err
	}
	for _, d := range []string{r.writable, r.readOnly} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(r.init, program, 0o555); err != nil {
		return nil, err
	}
	if err := mount("tmpfs", r.writable, "tmpfs", 0, "mode=0755,size=16m"); err != nil {
		return nil, err
	}
	if err := r.fill(config); err != nil {
		return nil, err
	}
	if err := mount(r.writable, r.readOnly, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return nil, err
	}
	if err := setAttributes(r.readOnly, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *commonRoot) fill(config shimConfig) error {
	for _, dir := range []string{"/proc", tmpDir, taskRoot, runtimeDir, layersRoot, compiledRoot, "/dev", "/etc"} {
		if err := os.MkdirAll(r.writable+dir, 0o755); err != nil {
			return err
		}
	}
	for _, path := range append(systemFolders, systemFiles...) {
		if link, err := os.Readlink(path); err == nil && filepath.Dir(path) == "/" {
			if err := os.Symlink(link, r.writable+path); err != nil {
				return err
			}
			continue
		}
		if err := r.bind(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, name := range devices {
		if err := r.bind("/dev/" + name); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(target, r.writable+"/dev/"+name); err != nil {
			return err
		}
	}
	for _, path := range []string{hostsFile, resolverFile, "/etc/passwd", "/etc/group", localRuntimeAPI} {
		if err := makeMountpoint(r.writable+path, false); err != nil {
			return err
		}
	}
	if err := os.WriteFile(r.writable+resolverFile, gateway.ResolvConf(), 0o444); err != nil {
		return err
	}
	if !r.namesUsers {
		if err := os.WriteFile(r.writable+"/etc/passwd", passwd(config.UID), 0o444); err != nil {
			return err
		}
	}
	return os.WriteFile(r.writable+"/etc/group", []byte("root:x:0:\n"), 0o444)
}

func passwd(uid int) []byte {
	return fmt.Appendf(nil, "root:x:0:0::/:/bin/false\nfunction:x:%d:%[1]d::%s:/bin/sh\n", uid, tmpDir)
}

// bind binds a host path at the same place.
func (r *commonRoot) bind(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := makeMountpoint(r.writable+path, info.IsDir()); err != nil {
		return err
	}
	if err := mount(path, r.writable+path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	return setAttributes(r.writable+path, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID)
}

// A mountpoint is a host path and where an instance sees it.
type mountpoint struct {
	// source is empty for an empty folder that is the instance's own.
	source, target string
	// own is true if the target is within a folder of the instance's own, where it
	// must be made.
	own bool
}

// prepare makes what enter needs in the part of the root that is common, and
// returns the binds enter is to make, in order.
func (r *commonRoot) prepare(spec *rootSpec) ([]mountpoint, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var binds []mountpoint
	if spec.Runtime != "" {
		binds = append(binds, mountpoint{source: spec.Runtime, target: runtimeDir})
	}
	if spec.sharesLayers() {
		binds = append(binds, mountpoint{target: layersRoot})
	}
	for _, path := range spec.Readable {
		path = filepath.Clean(path)
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("readable path %s is not absolute", path)
		}
		if common(path) {
			continue
		}
		own := within(path, tmpDir) || within(path, layersRoot)
		if !own {
			info, err := os.Stat(path)
			if err != nil {
				return nil, fmt.Errorf("readable path: %w", err)
			}
			if err := makeMountpoint(r.writable+path, info.IsDir()); err != nil {
				return nil, err
			}
		}
		binds = append(binds, mountpoint{source: path, target: path, own: own})
	}
	return binds, nil
}

// sharesLayers tells whether the interpreter is in the host's /opt and must be seen
// there too. Layers are then mounted one by one, into a folder of the instance's own.
func (s *rootSpec) sharesLayers() bool {
	return slices.ContainsFunc(s.Readable, func(path string) bool { return within(filepath.Clean(path), layersRoot) })
}

// enter makes the calling thread, which must be in a mount namespace of its own,
// see the instance's root and nothing else. mounted waits until the /proc of the
// instance is mounted. It returns a descriptor of /tmp.
func (r *commonRoot) enter(binds []mountpoint, uid int, mounted func() error) (tmp int, err error) {
	options := fmt.Sprintf("size=%dm,mode=0700,uid=%d,gid=%[2]d", preparedTmpMB, uid)
	if err := mount("tmpfs", r.readOnly+tmpDir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return -1, err
	}
	if r.namesUsers {
		// Once it is mounted, the file needs no name.
		file := filepath.Join(filepath.Dir(r.writable), "passwd-"+strconv.Itoa(uid))
		if err := os.WriteFile(file, passwd(uid), 0o444); err != nil {
			return -1, err
		}
		defer os.Remove(file)
		binds = append(binds, mountpoint{source: file, target: "/etc/passwd"})
	}
	for _, b := range binds {
		if err := r.mountOne(b); err != nil {
			return -1, err
		}
	}
	if err := mounted(); err != nil {
		return -1, err
	}
	// The old root goes over the new one, and away: pivot_root(2), "pivot_root(".", ".")".
	if err := unix.Chdir(r.readOnly); err != nil {
		return -1, fmt.Errorf("enter the root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return -1, fmt.Errorf("change the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return -1, fmt.Errorf("leave the host's root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return -1, fmt.Errorf("enter the root: %w", err)
	}
	if err := unix.Sethostname([]byte("localhost")); err != nil {
		return -1, fmt.Errorf("set the host name: %w", err)
	}
	tmp, err = unix.Open(tmpDir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open /tmp: %w", err)
	}
	return tmp, nil
}

func (r *commonRoot) mountOne(b mountpoint) error {
	target := r.readOnly + b.target
	if b.source == "" {
		return mount("tmpfs", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=1m")
	}
	if b.own {
		info, err := os.Stat(b.source)
		if err != nil {
			return fmt.Errorf("readable path: %w", err)
		}
		if err := makeMountpoint(target, info.IsDir()); err != nil {
			return err
		}
	}
	if err := mount(b.source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	return setAttributes(target, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
}

// preparedTmpMB is the size of /tmp until it is known what the function is to have.
const preparedTmpMB = 1

// A tree is a part of the host's file system that was taken up to be mounted in an
// instance, which itself does not see the host's.
type tree struct {
	fd     int
	target string
	// own is as in mountpoint.
	own, isDir bool
}

// take takes up what the instance is to see of its function. It is called in the
// shim's mount namespace.
func (r *commonRoot) take(p prepareRequest, a assignRequest) ([]tree, error) {
	var trees []tree
	add := func(source, target string, own bool) error {
		t, err := takeTree(source, target, own)
		if err == nil {
			trees = append(trees, t)
		}
		return err
	}
	err := add(a.Task, taskRoot, false)
	switch {
	case err != nil || a.Layers == "":
	case !p.Root.sharesLayers():
		err = add(a.Layers, layersRoot, false)
	default:
		var entries []os.DirEntry
		if entries, err = os.ReadDir(a.Layers); err != nil {
			err = fmt.Errorf("read the layers: %w", err)
		}
		for _, entry := range entries {
			if err == nil {
				err = add(filepath.Join(a.Layers, entry.Name()), filepath.Join(layersRoot, entry.Name()), true)
			}
		}
	}
	if a.Compiled != "" && err == nil {
		if err = add(a.Compiled, compiledRoot, false); errors.Is(err, fs.ErrNotExist) {
			err = nil // it was removed meanwhile, and nothing needs it
		}
	}
	changing := map[string]string{hostsFile: hostsFile, resolverFile: resolverFile}
	if p.Network != hostNetwork && err == nil {
		delete(changing, resolverFile)
		changing[hostsFile], err = r.hosts()
	}
	for target, source := range changing {
		if _, missing := os.Stat(source); err == nil && missing == nil {
			err = add(source, target, false)
		}
	}
	if err != nil {
		closeTrees(trees)
		return nil, err
	}
	return trees, nil
}

// hosts returns a file with the names that the host knows by itself and those of the
// instance, which are Lambda's: extensions listen there for telemetry.
func (r *commonRoot) hosts() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	names, err := os.ReadFile(hostsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the host's names: %w", err)
	}
	names = append(names, "\n127.0.0.1 localhost sandbox.localdomain sandbox\n"...)
	file := filepath.Join(filepath.Dir(r.writable), "hosts")
	if before, err := os.ReadFile(file); err == nil && bytes.Equal(before, names) {
		return file, nil
	}
	// Instances that run keep the file they have.
	if err := os.WriteFile(file+".new", names, 0o444); err != nil {
		return "", err
	}
	return file, os.Rename(file+".new", file)
}

func takeTree(source, target string, own bool) (tree, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return tree{}, fmt.Errorf("take %s into the instance: %w", source, err)
	}
	t := tree{fd: fd, target: target, own: own}
	attributes := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	if target == compiledRoot {
		attributes.Attr_set |= unix.MOUNT_ATTR_NOEXEC
	}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attributes); err != nil {
		unix.Close(fd)
		return tree{}, fmt.Errorf("make %s read-only: %w", source, err)
	}
	if own {
		var info unix.Stat_t
		if err := unix.Fstat(fd, &info); err != nil {
			unix.Close(fd)
			return tree{}, fmt.Errorf("look at %s: %w", source, err)
		}
		t.isDir = info.Mode&unix.S_IFMT == unix.S_IFDIR
	}
	return t, nil
}

func closeTrees(trees []tree) {
	for _, t := range trees {
		unix.Close(t.fd)
	}
}

// assign gives the instance the calling thread is in what is its function's.
func (r *commonRoot) assign(a assignment) error {
	for _, t := range a.trees {
		if t.own {
			if err := makeMountpoint(t.target, t.isDir); err != nil {
				return err
			}
		}
		if err := unix.MoveMount(t.fd, "", unix.AT_FDCWD, t.target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return fmt.Errorf("mount %s: %w", t.target, err)
		}
	}
	return mount("tmpfs", tmpDir, "", unix.MS_REMOUNT|unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%dm", a.TmpMB))
}

// common tells whether every instance sees the path anyway.
func common(path string) bool {
	return slices.ContainsFunc(slices.Concat(systemFolders, systemFiles), func(dir string) bool { return within(path, dir) })
}

// within tells whether path is dir or something in it. Both are clean.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}

// makeMountpoint makes an empty folder or file, and the folders above it.
func makeMountpoint(path string, isDir bool) error {
	if isDir {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o444)
	if err != nil {
		return err
	}
	return f.Close()
}

func mount(source, target, kind string, flags uintptr, options string) error {
	if err := unix.Mount(source, target, kind, flags, options); err != nil {
		return fmt.Errorf("mount %s on %s: %w", source, target, err)
	}
	return nil
}

// setAttributes adds attributes to a mount and all below it (Linux 5.12).
func setAttributes(target string, attributes uint64) error {
	if err := unix.MountSetattr(unix.AT_FDCWD, target, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: attributes}); err != nil {
		return fmt.Errorf("make %s read-only: %w", target, err)
	}
	return nil
}
