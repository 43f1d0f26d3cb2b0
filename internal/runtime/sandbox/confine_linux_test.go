//go:build amd64 || arm64

package sandbox

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
)

func TestAThreadConfinesItselfByTheCalls(t *testing.T) {
	c, err := newConfinement(false)
	if err != nil {
		t.Fatal(err)
	}
	own, others := t.TempDir(), t.TempDir()
	ruleset, err := confine.Ruleset([]confine.Rule{{Path: "/", Access: confine.Read}, {Path: own, Access: confine.Write}})
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(openOnly(ruleset))
	calls, err := c.calls(ruleset)
	if err != nil {
		t.Fatal(err)
	}
	type refusal struct {
		what string
		err  error
		want error
	}
	results := make(chan []refusal, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is thrown away
		list := []refusal{{"no new privileges", refusePrivileges(), nil}}
		for _, call := range calls {
			a := append(call.arguments, 0, 0)
			_, _, errno := unix.RawSyscall(call.number, a[0], a[1], a[2])
			err := error(nil)
			if errno != 0 {
				err = errno
			}
			list = append(list, refusal{call.name, err, nil})
		}
		if len(c.filter) > 0 {
			_, err := unix.Getpgid(0)
			list = append(list, refusal{"what is allowed", err, nil}, refusal{"mount", unix.Mount("", "/", "", unix.MS_PRIVATE, ""), unix.EPERM})
		}
		if c.landlock {
			write := func(dir string) error {
				fd, err := unix.Open(dir+"/new", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
				closeAll(openOnly(fd))
				return err
			}
			list = append(list, refusal{"write to its own", write(own), nil}, refusal{"write to another's", write(others), unix.EACCES})
		}
		results <- list
	}()
	for _, r := range <-results {
		if r.err != r.want { //nolint:errorlint // bare ones
			t.Errorf("%s: %v, not %v", r.what, r.err, r.want)
		}
	}
}
