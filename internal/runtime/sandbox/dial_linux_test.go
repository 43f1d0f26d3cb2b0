package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"
)

func init() { programs["greet"] = greet }

// greet listens within the instance, and says its own name to whoever connects.
func greet(args []string) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(err)
	fmt.Println("port", l.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert // it is one
	for {
		c, err := l.Accept()
		must(err)
		io.WriteString(c, args[0]) //nolint:errcheck // the caller may be gone
		c.Close()
	}
}

// greeting is what an instance says at a port.
func greeting(ctx context.Context, i Instance, port int) (string, error) {
	c, err := Dial(ctx, i, port)
	if err != nil {
		return "", err
	}
	defer c.Close()
	text, err := io.ReadAll(c)
	return string(text), err
}

func checkDial(t *testing.T, s Sandbox) {
	t.Helper()
	for _, name := range []string{"one", "another"} {
		i := start(t, s, "greet", name)
		port, err := strconv.Atoi(i.says("port "))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if text, err := greeting(t.Context(), i.Instance, port); text != name || err != nil {
				t.Errorf("%s says %q: %v", name, text, err)
			}
		}
		var nobody *net.OpError
		if _, err := greeting(t.Context(), i.Instance, 1); !errors.As(err, &nobody) {
			t.Errorf("where nobody listens: %v", err)
		}
		given, giveUp := context.WithCancel(t.Context())
		giveUp()
		if _, err := greeting(given, i.Instance, port); err == nil {
			t.Error("a connection that was given up is there")
		}
		i.Kill()
		i.ended()
		if text, err := greeting(t.Context(), i.Instance, port); err == nil {
			t.Errorf("after its end it says %q", text)
		}
	}
}

func TestWhatAnInstanceListensOnIsReached(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) { checkDial(t, h) })
}

func TestWhatAContainerListensOnIsReached(t *testing.T) {
	eachOCIRuntime(t, func(t *testing.T, s *containers) { checkDial(t, s) })
}
