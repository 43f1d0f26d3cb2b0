package sandbox

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func init() { programs["warm"] = func([]string) { warm() } }

// warm is an interpreter that learns its function late. It prints what it was told,
// leaves a file in /tmp, and says what it finds there.
func warm() {
	address := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	c, err := net.Dial("tcp", address)
	if info, missing := os.Stat(localRuntimeAPI); missing == nil && info.Mode()&os.ModeSocket != 0 && address == "127.0.0.1:9001" {
		c, err = net.Dial("unix", localRuntimeAPI)
	}
	must(err)
	fmt.Fprintf(c, "GET /tidegate/assignment HTTP/1.1\r\nHost: %s\r\n\r\n", address)
	reader := bufio.NewReader(c)
	response, err := http.ReadResponse(reader, nil)
	must(err)
	var assignment struct {
		Env []string
		Cwd string
	}
	must(json.NewDecoder(response.Body).Decode(&assignment))
	must(os.Chdir(assignment.Cwd))
	_, err = os.Stat("bootstrap")
	fmt.Println("package", err == nil)
	left, err := os.ReadDir("/tmp")
	must(err)
	fmt.Println("left", len(left))
	must(os.WriteFile("/tmp/file", nil, 0o600))
	fmt.Println("environment", strings.Join(assignment.Env, " "))
	fmt.Println("started", len(os.Environ()), os.Getenv("NAME"))
	fmt.Fprintf(c, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %s\r\n\r\n", address)
	response, err = http.ReadResponse(reader, nil)
	must(err)
	var body [64]byte
	n, _ := response.Body.Read(body[:])
	fmt.Println("event", string(body[:n]))
	ready()
	forever()
}

// warmly has the program started before the function is known; its name is then its
// only variable.
func warmly(t *testing.T, name string) func(*Spec) {
	runtime := taskDir(t)
	return func(s *Spec) {
		s.RuntimeDir = runtime
		s.Warm = &Program{[]string{Runtime + "/bootstrap"}, []string{programVariable + "=warm", "GOMAXPROCS=1"}}
		s.Env = []string{"NAME=" + name}
	}
}

// stocked waits until there is a prepared sandbox for the specs, and returns it.
func stocked(t *testing.T, h *host, change func(*Spec)) (ready *prepared) {
	t.Helper()
	spec := functionSpec("", "", nil, "")
	change(&spec)
	eventually(t, "a sandbox is prepared", func() bool {
		h.pool.mu.Lock()
		defer h.pool.mu.Unlock()
		if s := h.pool.classes[h.classOf(spec).key()]; s != nil && len(s.ready) > 0 {
			ready = s.ready[0]
		}
		return ready != nil
	})
	return ready
}

func expecting(h *host, change func(*Spec)) {
	spec := functionSpec("", "", nil, "")
	change(&spec)
	h.Prepare(spec)
}

func TestAPreparedSandboxIsUsedOnce(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	change := warmly(t, "first")
	expecting(h, change)
	p := stocked(t, h, change)
	first := startWith(t, h, change, "")
	if !first.Prepared() || first.Instance.(*instance).prepared != p {
		t.Error("the prepared sandbox was not used")
	}
	for words, want := range map[string]string{"package": "true", "left": "0", "event": first.Instance.(*instance).spec.ID} {
		if got := first.says(words + " "); got != want {
			t.Errorf("the first says %s %q, want %q", words, got, want)
		}
	}
	if got := first.says("environment "); !strings.HasPrefix(got, "NAME=first AWS_LAMBDA_RUNTIME_API=") || strings.Contains(got, programVariable) {
		t.Errorf("the environment it was told is %q", got)
	}
	if got := first.says("started "); strings.Contains(got, "first") {
		t.Errorf("it was started with %q", got)
	}
	first.says("ready")

	stocked(t, h, change)
	second := startWith(t, h, func(s *Spec) { change(s); s.Env = []string{"NAME=second"} }, "")
	if !second.Prepared() {
		t.Error("the second was not prepared")
	}
	if got := second.says("left "); got != "0" {
		t.Errorf("the second finds %s files in its /tmp", got)
	}
	if got := second.says("environment "); strings.Contains(got, "first") || !strings.HasPrefix(got, "NAME=second ") {
		t.Errorf("the second's environment is %q", got)
	}
	one, two := first.Instance.(*instance).prepared, second.Instance.(*instance).prepared
	if one == two || one.uid == two.uid && h.users != nil {
		t.Error("the second has the first's sandbox, or its user")
	}
}

func TestAnInterpreterThatDiesInThePoolIsReplaced(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	change := warmly(t, "late")
	expecting(h, change)
	p := stocked(t, h, change)
	if err := unix.PidfdSendSignal(p.pidfd, unix.SIGKILL, nil, 0); err != nil {
		t.Fatal(err)
	}
	<-p.ended()
	// Whoever comes now gets another, and so does the pool after a while.
	startWith(t, h, change, "").says("ready")
	eventually(t, "another is prepared", func() bool { return stocked(t, h, change) != p })
}

func TestManyStartsAtOnceShareNoPreparedSandbox(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	change := warmly(t, "many")
	expecting(h, change)
	stocked(t, h, change)
	var all sync.WaitGroup
	var mu sync.Mutex
	var used []*prepared
	instances := make([]*running, 20)
	for n := range instances {
		all.Go(func() { instances[n] = startWith(t, h, change, "") })
	}
	all.Wait()
	for _, r := range instances {
		r.says("ready")
		mu.Lock()
		if p := r.Instance.(*instance).prepared; slices.Contains(used, p) {
			t.Error("a prepared sandbox was used twice")
		} else {
			used = append(used, p)
		}
		mu.Unlock()
	}
}

func TestNothingOfAPoolIsLeftWhenItsSandboxIsClosed(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	change := warmly(t, "none")
	expecting(h, change)
	p := stocked(t, h, change)
	pid, err := pidOf(p.pidfd)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("the interpreter lives on: %v", err)
	}
	if files, err := filepath.Glob(filepath.Join(h.options.Dir, "*")); err != nil || len(files) > 0 {
		t.Errorf("files are left: %v %v", files, err)
	}
}
