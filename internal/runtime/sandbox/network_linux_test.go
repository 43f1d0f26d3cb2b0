package sandbox

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func init() {
	programs["reach"] = reach
	programs["listen"] = listen
}

// reach tells of each address whether something listens there.
func reach(args []string) {
	for _, address := range args {
		c, err := net.DialTimeout("tcp", address, patience/4)
		if err != nil {
			fmt.Println("nothing at", address)
			continue
		}
		c.SetReadDeadline(time.Now().Add(patience)) //nolint:errcheck // it has deadlines
		text, err := io.ReadAll(c)
		must(err)
		fmt.Printf("%s at %s\n", text, address)
	}
}

// listen listens at the addresses and never answers.
func listen(args []string) {
	for _, address := range args {
		network := "tcp"
		if strings.HasPrefix(address, "@") {
			network = "unix"
		}
		_, err := net.Listen(network, address)
		must(err)
	}
	ready()
	forever()
}

// withNetworks returns a sandbox in which instances have networks of their own, or nil
// where the host allows none.
func withNetworks(t *testing.T) *host {
	t.Helper()
	h := newSandbox(t, ModeAuto)
	for _, missing := range h.Isolation().Missing {
		if strings.HasPrefix(missing, networkNamespace) || strings.HasPrefix(missing, outgoing) {
			t.Logf("instances have no networks of their own on this host: %s", missing)
			return nil
		}
	}
	return h
}

func TestAnInstanceHasANetworkAndAUserNamespaceOfItsOwn(t *testing.T) {
	h := withNetworks(t)
	if h == nil {
		return
	}
	a, b := start(t, h, "wait"), start(t, h, "wait")
	a.says("ready")
	b.says("ready")
	for _, kind := range []string{"net", "user"} {
		all := []string{namespaceOf(os.Getpid(), kind), namespaceOf(a.PID(), kind), namespaceOf(b.PID(), kind)}
		if different := slices.Compact(slices.Sorted(slices.Values(all))); len(different) != 3 || different[0] == "" {
			t.Errorf("the %s namespaces of the host and two instances are %v", kind, all)
		}
	}
	mapping, err := os.ReadFile(fmt.Sprintf("/proc/%d/uid_map", a.PID()))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{strconv.Itoa(functionUID), strconv.Itoa(a.Instance.(*instance).prepared.user()), "1"}
	if got := strings.Fields(string(mapping)); !slices.Equal(got, want) {
		t.Errorf("the user is mapped by %q, not %q", got, want)
	}
}

func TestTheIngressIsReachedFromWithin(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		// Where an instance shares the host's network, the runtime's own listener is there.
		own, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "the ingress") }) //nolint:errcheck // the client may be gone
		server := &http.Server{Handler: handler}
		go server.Serve(own) //nolint:errcheck // ends with ErrServerClosed
		defer server.Close() //nolint:errcheck // nothing is left to do
		change := func(s *Spec) {
			port := own.Addr().(*net.TCPAddr).Port
			s.Ingress = &Ingress{Port: port, Handler: handler, URL: "http://" + own.Addr().String()}
			s.Argv = []string{"/bin/sh", "-c", `echo "$ENDPOINT"; exec "$0" "${ENDPOINT#http://}"`, Task + "/bootstrap"}
			s.Env = append(s.Env, "ENDPOINT="+Endpoint)
		}
		i := startWith(t, h, change, "call")
		if got, want := i.says("http://"), own.Addr().String(); got != want {
			t.Errorf("the endpoint is http://%s, not http://%s", got, want)
		}
		if got := i.says("answer "); got != "the ingress" {
			t.Errorf("it answers %q", got)
		}
	})
}

func TestAFunctionWithoutANetworkHasLoopbackOnly(t *testing.T) {
	h := withNetworks(t)
	if h == nil {
		return
	}
	none := func(s *Spec) {
		s.Network = NetworkNone
		s.Ingress = &Ingress{Port: 7421, Handler: http.NotFoundHandler()}
	}
	i := startWith(t, h, func(s *Spec) {
		none(s)
		s.Argv = []string{"/bin/cat", "/proc/net/dev"}
	}, "cat")
	i.ended()
	for line := range strings.Lines(i.output.String()) {
		if name, _, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) != "lo" {
			t.Errorf("there is an interface %s", strings.TrimSpace(name))
		}
	}
	addresses := []string{"127.0.0.1:7421", "192.0.0.1:53", "192.0.2.1:80"}
	tried := startWith(t, h, none, "reach", addresses...)
	for _, address := range addresses {
		tried.says("nothing at " + address)
	}
	if called := startWith(t, h, none, "call"); called.says("answer ") != called.Instance.(*instance).spec.ID {
		t.Error("its Runtime API is out of reach")
	}
}

// Without namespaces, nobody can keep the promise.
func TestAFunctionWithoutANetworkIsRefusedWhereItCannotBe(t *testing.T) {
	h := newSandbox(t, ModeProcess)
	spec := functionSpec(taskDir(t), "f", io.Discard, "wait")
	spec.Network = NetworkNone
	i, err := h.Start(t.Context(), spec)
	if err == nil {
		i.Kill()
		<-i.Done()
		t.Fatal("it runs in the host's network")
	}
	if !strings.Contains(err.Error(), "network mode none cannot be had on this host: mode process does without") {
		t.Errorf("the error is %q", err)
	}
}

// A network is used again, by another function.
func TestNothingOfAnInstanceStaysInItsNetwork(t *testing.T) {
	h := withNetworks(t)
	if h == nil {
		return
	}
	addresses := []string{"127.0.0.1:7777", "192.0.0.2:7777"}
	networks := map[string]bool{}
	again := false
	for range 10 {
		tried := start(t, h, "reach", addresses...)
		for _, address := range addresses {
			tried.says("nothing at " + address)
		}
		tried.ended()
		before := start(t, h, "listen", "0.0.0.0:7777", "@left")
		before.says("ready")
		network := namespaceOf(before.PID(), "net")
		again = again || networks[network]
		networks[network] = true
		before.Kill()
		before.ended()
	}
	if !again {
		t.Error("no network was used again")
	}
}

func TestAFunctionReachesTheWorldButNotTheRuntime(t *testing.T) {
	dir := t.TempDir()
	outside, private := serveText(t, "the world"), serveText(t, "the store")
	if outside == nil {
		t.Log("this host has no address but its loopback ones")
		return
	}
	port := private.Addr().(*net.TCPAddr).Port
	s, err := New(t.Context(), Options{Dir: dir, Ports: []uint16{uint16(port)}})
	if err != nil {
		t.Fatal(err)
	}
	h := s.(*host)
	defer func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	if h.gateway == nil || h.lacking[outgoing] != "" {
		t.Logf("this host has no gateway: %v", h.Isolation().Missing)
		return
	}
	loopback := net.JoinHostPort("127.0.0.1", strconv.Itoa(outside.Addr().(*net.TCPAddr).Port))
	i := start(t, h, "reach", outside.Addr().String(), private.Addr().String(), loopback)
	i.says("the world at " + outside.Addr().String())
	i.says("nothing at " + private.Addr().String())
	i.says("nothing at " + loopback)
}

// serveText serves a text on an address of the host that is no loopback one; nil if it
// has none.
func serveText(t *testing.T, text string) net.Listener {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		ip, ok := a.(*net.IPNet)
		if !ok || ip.IP.To4() == nil || ip.IP.IsLoopback() || ip.IP.IsLinkLocalUnicast() {
			continue
		}
		l, err := net.Listen("tcp4", net.JoinHostPort(ip.IP.String(), "0"))
		if err != nil {
			continue
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				io.WriteString(c, text) //nolint:errcheck // the client may be gone
				c.Close()
			}
		}()
		return l
	}
	return nil
}

// Extensions bind to this name for the telemetry that they subscribe to.
func TestAnInstanceKnowsItselfByLambdasName(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if _, missing := h.lacking[networkNamespace]; missing {
		t.Logf("this host has no network namespaces: %v", h.Isolation().Missing)
		return
	}
	i := start(t, h, "call", "sandbox.localdomain:9001")
	if e := i.ended(); e.Code != 0 || strings.Contains(i.output.String(), "refused") {
		t.Errorf("sandbox.localdomain does not lead to the instance: %+v %s", e, i.output)
	}
}
