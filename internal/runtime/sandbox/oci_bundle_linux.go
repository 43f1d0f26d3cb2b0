package sandbox

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/gateway"
)

// bundleConfig is the file of a bundle by which the OCI runtime makes the container.
const bundleConfig = "config.json"

// writeBundle writes what the OCI runtime is told of the container, and the files of its
// root that are its own.
func (c *container) writeBundle() error {
	root := filepath.Join(c.bundle, "rootfs")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	config := c.config()
	for _, path := range systemFolders {
		if link, err := os.Readlink(path); err == nil {
			if err := os.Symlink(link, root+path); err != nil {
				return err
			}
		}
	}
	for name, content := range map[string][]byte{
		resolverFile: gateway.ResolvConf(), "/etc/passwd": passwd(c.uid), "/etc/group": []byte("root:x:0:\n"),
		hostsFile: []byte("127.0.0.1 localhost sandbox.localdomain sandbox\n"),
	} {
		if err := os.MkdirAll(filepath.Dir(root+name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(root+name, content, 0o444); err != nil {
			return err
		}
	}
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.bundle, bundleConfig), text, 0o600)
}

// config is the container's, see the OCI Runtime Specification.
func (c *container) config() *specs.Spec {
	program := c.program(Program{c.spec.Argv, c.spec.Env})
	processes := int64(maxProcesses)
	return &specs.Spec{
		Version:  "1.0.2",
		Hostname: "localhost",
		Root:     &specs.Root{Path: "rootfs", Readonly: true},
		Process:  c.process(program, len(c.spec.Extensions) > 0),
		Mounts:   c.mounts(),
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace},
				{Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace},
				{Type: specs.MountNamespace},
				{Type: specs.NetworkNamespace, Path: fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), c.slot.fd)},
			},
			CgroupsPath: c.groupPath,
			Resources: &specs.LinuxResources{
				Memory: &specs.LinuxMemory{Limit: &c.limits.backstop, Swap: &c.limits.backstop},
				Pids:   &specs.LinuxPids{Limit: &processes},
			},
			MaskedPaths: []string{
				"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
				"/proc/sched_debug", "/proc/scsi", "/proc/sysrq-trigger", "/proc/timer_list", "/proc/timer_stats",
			},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"},
		},
	}
}

// program is a program as the container sees it.
func (c *container) program(program Program) programRequest {
	p := prepared{
		host: &host{namespace: rootNamespaces}, network: gatewayNetwork,
		address: net.JoinHostPort("127.0.0.1", strconv.Itoa(RuntimeAPIPort)),
	}
	return p.program(program, c.spec)
}

// process is how the container's processes are started; see gated.
func (c *container) process(program programRequest, gate bool) *specs.Process {
	if gate {
		program.Argv = gated(program.Argv)
	}
	return &specs.Process{
		User: specs.User{UID: uint32(c.uid), GID: uint32(c.uid)}, Args: program.Argv, Env: program.Env, Cwd: program.Dir,
		NoNewPrivileges: true, Capabilities: &specs.LinuxCapabilities{},
		Rlimits: []specs.POSIXRlimit{
			{Type: "RLIMIT_NOFILE", Soft: maxOpenFiles, Hard: maxOpenFiles}, {Type: "RLIMIT_CORE"},
		},
	}
}

// mounts are what the container sees besides its own few files.
func (c *container) mounts() []specs.Mount {
	mounts := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "nodev", "noexec"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "mode=755", "size=64k"}},
		{Destination: tmpDir, Type: "tmpfs", Source: "tmpfs", Options: []string{
			"nosuid", "nodev", "mode=700", fmt.Sprintf("size=%dm", c.spec.EphemeralStorage),
			fmt.Sprintf("uid=%d", c.uid), fmt.Sprintf("gid=%d", c.uid),
		}},
	}
	bind := func(source, destination string) {
		mounts = append(mounts, specs.Mount{
			Destination: destination, Type: "bind", Source: source, Options: []string{"rbind", "ro", "nosuid", "nodev"},
		})
	}
	for _, path := range slices.Concat(systemFolders, systemFiles) {
		if link, err := os.Lstat(path); err == nil && (filepath.Dir(path) != "/" || link.Mode()&os.ModeSymlink == 0) {
			bind(path, path)
		}
	}
	bind(c.spec.TaskDir, taskRoot)
	if c.spec.RuntimeDir != "" {
		bind(c.spec.RuntimeDir, runtimeDir)
	}
	if c.spec.LayersDir != "" {
		bind(c.spec.LayersDir, layersRoot)
	}
	for _, path := range c.spec.Readable {
		if path = filepath.Clean(path); !common(path) {
			bind(path, path)
		}
	}
	return mounts
}
