package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The functions under test are this test's own binary, told by a variable which
// of these programs to be.
const programVariable = "SANDBOX_TEST_PROGRAM"

func TestMain(m *testing.M) {
	os.Getenv("TIDEGATE_TEST_RUN") // a new run, see GNUmakefile
	if name := os.Getenv(programVariable); name != "" {
		program, ok := programs[name]
		if !ok {
			fmt.Println("no such program:", name)
			os.Exit(99)
		}
		program(os.Args[1:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var programs = map[string]func(args []string){
	"echo":       func(args []string) { fmt.Println(strings.Join(args, " ")) },
	"exit":       func([]string) { os.Exit(7) },
	"wait":       func([]string) { ready(); forever() },
	"world":      func([]string) { tellWorld() },
	"attack":     attack,
	"call":       call,
	"term":       func([]string) { terminate() },
	"crash":      func([]string) { syscall.Kill(os.Getpid(), syscall.SIGSEGV); forever() },
	"family":     func([]string) { family() },
	"orphan":     func([]string) { ready(); forever() },
	"fork-bomb":  func([]string) { forkBomb(); ready(); forever() },
	"forks":      func([]string) { forkBomb() },
	"memory":     func(args []string) { takeMemory(args) },
	"fill-tmp":   func([]string) { fillTmp() },
	"flood":      func([]string) { flood() },
	"spin":       func([]string) { spin() },
	"descriptor": func([]string) { openFiles() },
	"runtime":    runRuntime,
	"containers": runContainers,
	"user":       runAsUser,
}

// ready tells the test that the program has come so far.
func ready() { fmt.Println("ready") }

func forever() { select {} }

func must(err error) {
	if err != nil {
		fmt.Println("unexpected:", err)
		os.Exit(98)
	}
}

// tellWorld prints what a function can see of where it is.
func tellWorld() {
	directory, err := os.Getwd()
	must(err)
	fmt.Println("directory", directory)
	fmt.Println("pid", os.Getpid())
	fmt.Println("uid", os.Getuid(), os.Geteuid(), os.Getgid())
	groups, err := os.Getgroups()
	must(err)
	fmt.Println("groups", len(groups))
	host, err := os.Hostname()
	must(err)
	fmt.Println("hostname", host)
	status, err := os.ReadFile("/proc/self/status")
	must(err)
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "Cap") || strings.HasPrefix(line, "NoNewPrivs") || strings.HasPrefix(line, "Seccomp") {
			fmt.Println(strings.Join(strings.Fields(line), " "))
		}
	}
	descriptors, err := os.ReadDir("/proc/self/fd")
	must(err)
	for _, d := range descriptors {
		// Go's own are anonymous; so is the one this folder was read with.
		target, err := os.Readlink("/proc/self/fd/" + d.Name())
		if err == nil && d.Name() > "2" && !strings.HasPrefix(target, "anon_inode:") {
			fmt.Println("open", d.Name(), target)
		}
	}
	fmt.Println("descriptors")
	for _, dir := range []string{"/", "/var", "/dev"} {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, os.ErrPermission) {
			continue
		}
		must(err)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		fmt.Println("list", dir, strings.Join(names, " "))
	}
	var limit unix.Rlimit
	must(unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	fmt.Println("files", limit.Cur, limit.Max)
	passwd, err := os.ReadFile("/etc/passwd")
	must(err)
	fmt.Println("named", strings.Contains(string(passwd), fmt.Sprintf(":%d:", os.Getuid())))
	for _, name := range []string{"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "HOME", "TMPDIR", "PLACE"} {
		fmt.Println(name, os.Getenv(name))
	}
}

// attack tries things a function must not be able to do, and prints those that
// succeed.
func attack(args []string) {
	try := func(what string, err error) {
		if err == nil {
			fmt.Println("possible:", what)
		}
	}
	for _, path := range args {
		_, err := os.ReadFile(path)
		if errors.Is(err, syscall.EISDIR) {
			_, err = os.ReadDir(path)
		}
		try("read "+path, err)
	}
	for _, dir := range []string{"/", "/var/task", "/opt", "/var/runtime", "/usr", "/usr/bin", "/etc", "/dev", "/var", "/proc", "/proc/sys/kernel"} {
		try("write to "+dir, os.WriteFile(filepath.Join(dir, "evil"), []byte("x"), 0o644))
		try("change "+dir, os.Chmod(dir, 0o777))
	}
	f, err := os.OpenFile("/var/task/bootstrap", os.O_WRONLY, 0)
	try("open the code for writing", err)
	f.Close()
	try("mount", unix.Mount("tmpfs", "/tmp", "tmpfs", 0, ""))
	try("unmount", unix.Unmount("/var/task", unix.MNT_DETACH))
	try("remount", unix.Mount("", "/var/task", "", unix.MS_REMOUNT|unix.MS_BIND, ""))
	try("become root", syscall.Setuid(0))
	try("become another", syscall.Setuid(os.Getuid()+1))
	try("make a device", unix.Mknod("/tmp/mem", unix.S_IFCHR|0o666, 1<<8|1))
	try("change the host's name", unix.Sethostname([]byte("evil")))
	try("change the root", unix.Chroot("/tmp"))
	try("raise a limit", unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}))
	try("reboot", unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF))
	try("load a module", unix.InitModule([]byte("x"), ""))
	try("set the clock", unix.ClockSettime(unix.CLOCK_REALTIME, &unix.Timespec{Sec: 1}))
	try("trace the first process", unix.PtraceAttach(1))
	processes, err := filepath.Glob("/proc/[0-9]*")
	must(err)
	for _, p := range processes {
		if p != fmt.Sprintf("/proc/%d", os.Getpid()) && p != "/proc/1" {
			fmt.Println("possible: see process", p)
		}
	}
	fmt.Println("attacked")
}

// call asks an address for an event, as the Runtime API's clients do. A path is a UNIX
// socket's.
func call(args []string) {
	for _, address := range append(args, os.Getenv("AWS_LAMBDA_RUNTIME_API")) {
		client := http.DefaultClient
		if path := address; filepath.IsAbs(path) {
			client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", path)
			}}}
			address = "runtime"
		}
		response, err := client.Get("http://" + address + "/2018-06-01/runtime/invocation/next")
		if err != nil {
			fmt.Println("refused")
			continue
		}
		body, err := io.ReadAll(response.Body)
		must(err)
		response.Body.Close()
		fmt.Printf("answer %s\n", body)
	}
}

func terminate() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	ready()
	<-asked
	os.Exit(3)
}

// child starts this binary again as another program, in a session of its own and
// with nothing of its parent's environment, as one would that wants to stay.
func child(program string, output io.Writer) *exec.Cmd {
	self, err := os.Executable()
	must(err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), programVariable+"="+program)
	cmd.Stdout = output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// family starts children that go their own ways, and waits for ever.
func family() {
	for range 5 {
		r, w, err := os.Pipe()
		must(err)
		must(child("orphan", w).Start())
		if line, err := bufio.NewReader(r).ReadString('\n'); line != "ready\n" {
			must(errors.Join(err, errors.New("the child said "+line)))
		}
	}
	ready()
	forever()
}

func forkBomb() {
	started := 0
	for {
		if err := child("orphan", nil).Start(); err != nil {
			break
		}
		started++
		if started > 5000 {
			break
		}
	}
	fmt.Println("started", started)
}

// takeMemory keeps as many megabytes as it is told, and then waits.
func takeMemory(args []string) {
	var megabytes int
	_, err := fmt.Sscan(args[0], &megabytes)
	must(err)
	memory, err := unix.Mmap(-1, 0, megabytes<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	must(err)
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	ready()
	forever()
}

// fillTmp writes to /tmp until that fails, and tells how far it came and why.
func fillTmp() {
	f, err := os.Create(filepath.Join(os.Getenv("TMPDIR"), "full"))
	must(err)
	block := make([]byte, 1<<20)
	var written int64
	for written < 4<<30 {
		n, err := f.Write(block)
		written += int64(n)
		if err != nil {
			fmt.Println("full", written>>20, errors.Is(err, syscall.ENOSPC))
			ready()
			forever()
		}
	}
	fmt.Println("never full")
}

func flood() {
	line := strings.Repeat("x", 1023) + "\n"
	for {
		if _, err := os.Stdout.WriteString(line); err != nil {
			os.Exit(1)
		}
	}
}

// spin asks for an event and then computes for half a second; it prints how much
// of that time it had a processor, in percent.
func spin() {
	call(nil)
	begin := time.Now()
	var before, after unix.Rusage
	must(unix.Getrusage(unix.RUSAGE_SELF, &before))
	for time.Since(begin) < 500*time.Millisecond {
	}
	took := time.Since(begin)
	must(unix.Getrusage(unix.RUSAGE_SELF, &after))
	used := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	fmt.Println("percent", int(100*used/took))
}

func openFiles() {
	n := 0
	for {
		if _, err := unix.Open("/dev/null", unix.O_RDONLY, 0); err != nil {
			fmt.Println("opened", n, errors.Is(err, unix.EMFILE))
			return
		}
		n++
	}
}

// runRuntime makes a sandbox in the folder given, starts families in it and
// waits to be killed. It prints the process ids, as the host sees them.
func runRuntime(args []string) {
	os.Unsetenv(programVariable)
	s, err := New(context.Background(), Options{Dir: args[0], Mode: Mode(args[1])})
	must(err)
	for n := range 2 {
		output, input := net.Pipe()
		i, err := s.Start(context.Background(), functionSpec(args[2], fmt.Sprintf("family-%d", n), input, "family"))
		must(err)
		if line, err := bufio.NewReader(output).ReadString('\n'); line != "ready\n" {
			must(errors.Join(err, fmt.Errorf("the family said %q", line)))
		}
		fmt.Println("instance", i.PID())
	}
	h := s.(*host) //nolint:forcetypeassert // it is one on Linux
	if h.gateway != nil {
		fmt.Println("gateway", h.gateway.PID())
	}
	// One that is nobody's yet goes as well.
	_, err = h.prepare(context.Background(), class{})
	must(err)
	for _, group := range h.groups.folders() {
		fmt.Println("group", group)
	}
	ready()
	forever()
}

// runAsUser makes a sandbox in a folder as whoever this process is, and tells
// what it enforces and how instances fare in it.
func runAsUser(args []string) {
	os.Unsetenv(programVariable)
	s, err := New(context.Background(), Options{Dir: args[0]})
	must(err)
	for _, measure := range s.Isolation().Enforced {
		fmt.Println("enforced", measure)
	}
	for _, measure := range s.Isolation().Missing {
		fmt.Println("missing", measure)
	}
	for n, c := range [][]string{{"world"}, {"attack", args[0], "/etc/shadow", "/root", "/home"}, {"memory", "1000"}, {"forks"}, {"kernel"}, {"first"}, {"network"}} {
		fmt.Println("program", c[0])
		spec := functionSpec(args[1], fmt.Sprintf("%s-%d", c[0], n), os.Stdout, c[0], c[1:]...)
		if c[0] == "forks" {
			spec.Memory = 10240
		}
		i, err := s.Start(context.Background(), spec)
		must(err)
		<-i.Done()
		fmt.Printf("exit %+v\n", i.Exit())
	}
	output := &lines{changed: make(chan struct{})}
	i, err := s.Start(context.Background(), functionSpec(args[1], "greet", output, "greet", "hello"))
	must(err)
	port := ""
	for found := false; !found; {
		var changed <-chan struct{}
		if changed, port, found = output.find("port "); !found {
			<-changed
		}
	}
	number, err := strconv.Atoi(port)
	must(err)
	text, err := greeting(context.Background(), i, number)
	fmt.Println("greeting", text, err)
	must(s.Close())
	_, err = New(context.Background(), Options{Dir: args[0], Mode: ModeStrict})
	fmt.Println("strict", err)
	left, err := os.ReadDir(args[0])
	must(err)
	fmt.Println("left", len(left))
}
