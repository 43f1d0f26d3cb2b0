package gateway

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// inNamespace runs f on a thread in a network namespace of its own.
func inNamespace(t *testing.T, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is thrown away
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestANamespaceGetsAnInterfaceOfEitherKindAndNoIPv6(t *testing.T) {
	makers := map[string]func() (*os.File, error){
		"TUN device": func() (*os.File, error) { return NewTUN("tun0") },
		"pair": func() (*os.File, error) {
			kernel, err := openNetlink()
			if err != nil {
				return nil, err
			}
			defer kernel.close()
			f, flags, err := openPair(kernel, "tun0")
			if err != nil {
				return nil, err
			}
			return f, configure(kernel, "tun0", flags)
		},
	}
	for kind, make := range makers {
		t.Run(kind, func(t *testing.T) {
			inNamespace(t, func() error {
				f, err := make()
				if err != nil {
					return err
				}
				defer f.Close()
				routes, err := os.ReadFile("/proc/thread-self/net/route")
				if err != nil {
					return err
				}
				if !strings.Contains(string(routes), "tun0\t00000000\t010000C0") {
					t.Errorf("there is no default route by 192.0.0.1:\n%s", routes)
				}
				six, err := os.ReadFile("/proc/thread-self/net/if_inet6")
				if err != nil && !os.IsNotExist(err) {
					return err
				}
				if len(six) > 0 {
					t.Errorf("the interface has an IPv6 address:\n%s", six)
				}
				return LoopbackUp()
			})
		})
	}
}

func TestAnInterfacesNameIsChecked(t *testing.T) {
	for _, name := range []string{"", "fifteen-letters"} {
		if _, err := NewTUN(name); err == nil {
			t.Errorf("%q was taken for a name", name)
		}
	}
}
