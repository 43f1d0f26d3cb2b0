package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func init() { programs["lacking"] = runLacking }

// runLacking takes namespaces of a kind away from the user namespace it is in, makes a
// sandbox, and tells what that enforces and how an instance fares in it.
func runLacking(args []string) {
	os.Unsetenv(programVariable)
	dir, task, limit, value := args[0], args[1], args[2], args[3]
	if limit != "" {
		must(os.WriteFile("/proc/sys/user/"+limit, []byte(value), 0))
	}
	s, err := New(context.Background(), Options{Dir: dir})
	must(err)
	for _, measure := range s.Isolation().Enforced {
		fmt.Println("enforced", measure)
	}
	for _, measure := range s.Isolation().Missing {
		fmt.Println("missing", measure)
	}
	for n := range 2 {
		i, err := s.Start(context.Background(), functionSpec(task, fmt.Sprintf("call-%d", n), os.Stdout, "call"))
		must(err)
		<-i.Done()
	}
	must(s.Close())
	left, err := os.ReadDir(dir)
	must(err)
	fmt.Println("left", len(left))
}

// In a container there are few users, and not every kind of namespace.
func TestWhatAHostLacksIsReportedAndTheRestHolds(t *testing.T) {
	for name, c := range map[string]struct {
		limit, value string
		lacks, has   []string
	}{
		"users": {has: []string{mountNamespace, userNamespace, networkNamespace, callFilter}, lacks: []string{ownUser}},
		"network namespaces": {
			limit: "max_net_namespaces", value: "0",
			has: []string{mountNamespace, userNamespace, privateTmp}, lacks: []string{networkNamespace, outgoing, runtimeAPIUser},
		},
		"nested user namespaces": {
			limit: "max_user_namespaces", value: "1",
			has: []string{mountNamespace, noCapabilities, callFilter}, lacks: []string{userNamespace},
		},
		"user namespaces": {
			limit: "max_user_namespaces", value: "0",
			has: []string{noNewPrivileges, openFilesLimit, callFilter}, lacks: []string{userNamespace, mountNamespace, networkNamespace, privateTmp},
		},
		"mount namespaces": {
			limit: "max_mnt_namespaces", value: "0",
			has: []string{noNewPrivileges, openFilesLimit, callFilter}, lacks: []string{mountNamespace, otherNamespaces, noCapabilities},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, task := t.TempDir(), taskDir(t)
			cmd := exec.Command(filepath.Join(task, "bootstrap"), dir, task, c.limit, c.value)
			cmd.Env = append(os.Environ(), programVariable+"=lacking")
			cmd.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags:  syscall.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
			}
			out, err := cmd.CombinedOutput()
			text := string(out)
			if err != nil {
				if text == "" {
					t.Logf("this host allows no user namespaces: %v", err)
					return
				}
				t.Fatalf("%v: %s", err, text)
			}
			for _, measure := range c.has {
				if !strings.Contains(text, "enforced "+measure+"\n") {
					t.Errorf("%s is not enforced", measure)
				}
			}
			for _, measure := range c.lacks {
				_, reason, _ := strings.Cut(text, "missing "+measure+": ")
				if reason, _, _ = strings.Cut(reason, "\n"); len(reason) < 10 {
					t.Errorf("%s is missing for the reason %q", measure, reason)
				}
			}
			for _, want := range []string{"answer call-0\n", "answer call-1\n", "left 0\n"} {
				if !strings.Contains(text, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}
