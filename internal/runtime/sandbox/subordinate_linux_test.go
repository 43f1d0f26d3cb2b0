package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func init() {
	programs["subordinate-host"] = subordinateHost
	programs["subordinate"] = runSubordinate
}

// The ids that the test's user has besides its own.
const subordinateFirst, subordinateNumber = 1_234_560_000, 3 * subordinateBlock

// A host with subordinate ids is made in a mount namespace, where /etc is a copy and has the
// privileged programs besides.
func TestAnOrdinaryUserGivesInstancesUsersOfTheirOwn(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can make a host on which another user has subordinate ids")
		return
	}
	tool := exec.Command("../../../tools/uidmap")
	tool.Stderr = os.Stderr
	programs, err := tool.Output()
	if err != nil {
		t.Fatalf("tools/uidmap: %v", err)
	}
	task := taskDir(t)
	cmd := exec.Command(filepath.Join(task, "bootstrap"), ordinaryUsersFolder(t), task, t.TempDir(), strings.TrimSpace(string(programs)))
	cmd.Env = append(os.Environ(), programVariable+"=subordinate-host")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, want := range []string{
		"enforced own user per instance\n", "enforced runtime api bound to the instance\n", "enforced user namespace per instance\n",
		"uid 993 993 993\n", "CapEff: 0000000000000000\n", "attacked\n", "asked to end with 3\n", "ended with SIGKILL\n", "left 0\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q: %s", want, text)
		}
	}
	if strings.Contains(text, "possible: ") {
		t.Errorf("a function could do what it must not: %s", text)
	}
	var owners []string
	for line := range strings.Lines(text) {
		if owner, ok := strings.CutPrefix(line, "owner "); ok {
			owners = append(owners, strings.TrimSpace(owner))
		}
	}
	slices.Sort(owners)
	if len(owners) != 6 || len(slices.Compact(slices.Clone(owners))) != 6 {
		t.Errorf("six instances of two runtimes have the users %v", owners)
	}
	for _, owner := range owners {
		uid, err := strconv.Atoi(owner)
		if err != nil || uid < subordinateFirst || uid >= subordinateFirst+subordinateNumber {
			t.Errorf("an instance's user is %s, which is not one of the runtime's", owner)
		}
	}
}

// subordinateHost gives ordinaryUser a name and ids, and goes on as that user.
func subordinateHost(args []string) {
	dir, task, etc, path := args[0], args[1], args[2], args[3]
	must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must(unix.Mount("tmpfs", etc, "tmpfs", 0, "mode=0755"))
	must(os.CopyFS(etc, os.DirFS("/etc")))
	ids := fmt.Appendf(nil, "somebody:1000000:65536\nordinary:%d:%d\n", subordinateFirst, subordinateNumber)
	must(os.WriteFile(filepath.Join(etc, "passwd"), fmt.Appendf(nil, "ordinary:x:%d:%[1]d::/:/bin/sh\n", ordinaryUser), 0o644))
	must(os.WriteFile(filepath.Join(etc, "subuid"), ids, 0o644))
	must(os.WriteFile(filepath.Join(etc, "subgid"), ids, 0o644))
	privileged := filepath.Join(etc, "privileged")
	must(os.Mkdir(privileged, 0o755))
	for _, name := range []string{"newuidmap", "newgidmap"} {
		code, err := os.ReadFile(filepath.Join(path, name))
		must(err)
		must(os.WriteFile(filepath.Join(privileged, name), code, 0o755))
		must(os.Chmod(filepath.Join(privileged, name), 0o755|os.ModeSetuid))
	}
	must(unix.Mount(etc, "/etc", "", unix.MS_BIND|unix.MS_REC, ""))
	self, err := os.Executable()
	must(err)
	cmd := exec.Command(self, dir, task)
	cmd.Env = append(os.Environ(), programVariable+"=subordinate", "PATH=/etc/privileged:"+os.Getenv("PATH"))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinaryUser, Gid: ordinaryUser}}
	must(cmd.Run())
}

// runSubordinate tells who instances of two runtimes of this user are.
func runSubordinate(args []string) {
	os.Unsetenv(programVariable)
	var sandboxes []Sandbox
	for range 2 {
		s, err := New(context.Background(), Options{Dir: args[0]})
		must(err)
		sandboxes = append(sandboxes, s)
	}
	for _, measure := range sandboxes[0].Isolation().Enforced {
		fmt.Println("enforced", measure)
	}
	for _, measure := range sandboxes[0].Isolation().Missing {
		fmt.Println("missing", measure)
	}
	for n, c := range [][]string{{"world"}, {"attack", args[0], "/etc/shadow", "/root", "/home"}} {
		i, err := sandboxes[0].Start(context.Background(), functionSpec(args[1], fmt.Sprintf("%s-%d", c[0], n), os.Stdout, c[0], c[1:]...))
		must(err)
		<-i.Done()
		fmt.Printf("exit %+v\n", i.Exit())
	}
	var instances []Instance
	for n, s := range append(sandboxes, sandboxes[0], sandboxes[1], sandboxes[0], sandboxes[1]) {
		output, input := net.Pipe()
		i, err := s.Start(context.Background(), functionSpec(args[1], fmt.Sprint("term-", n), input, "term"))
		must(err)
		if line, err := bufio.NewReader(output).ReadString('\n'); line != "ready\n" {
			must(errors.Join(err, fmt.Errorf("the function said %q", line)))
		}
		go io.Copy(io.Discard, output) //nolint:errcheck // it says nothing more
		info, err := os.Stat(fmt.Sprint("/proc/", i.PID()))
		must(err)
		fmt.Println("owner", info.Sys().(*syscall.Stat_t).Uid) //nolint:forcetypeassert // it is one on Linux
		instances = append(instances, i)
	}
	instances[0].Terminate()
	<-instances[0].Done()
	fmt.Println("asked to end with", instances[0].Exit().Code)
	instances[1].Kill()
	<-instances[1].Done()
	fmt.Println("ended with", instances[1].Exit().Signal)
	for _, s := range sandboxes {
		must(s.Close())
	}
	left, err := os.ReadDir(args[0])
	must(err)
	fmt.Println("left", len(left))
}

func TestSubordinateIDsAreReadAsTheyAreWritten(t *testing.T) {
	content := "# comment\nordinary:100000:65536\n1000:200000:4096\nother:300000:65536\nordinary:400000:4095\n" +
		"ordinary:500:65536\nordinary:x:65536\nordinary:4294967000:65536\nordinary:1:2:3\n:\nordinary:600000:70000"
	got := parseSubordinates([]byte(content), []string{"1000", "ordinary"})
	if want := []idRange{{100000, 65536}, {200000, 4096}, {600000, 70000}}; !slices.Equal(got, want) {
		t.Errorf("the ranges are %v, not %v", got, want)
	}
}
