package hostile

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

// One runtime is attacked by all, one after the other, as it would be in a year.
func TestFunctionsAttackInVain(t *testing.T) {
	s := newSite(t)
	for _, attack := range []struct {
		name string
		test func(*site)
	}{
		{"files, secrets and other processes", searchesForOthers},
		{"users, devices and mounts", becomesMore},
		{"the runtime's ports", connectsToTheRuntime},
		{"two answers", answersTwice},
		{"answers for others", answersForOthers},
		{"another event", asksForMore},
		{"garbage", sendsGarbage},
		{"thousands of slow connections", opensManyConnections},
		{"an answer of a gigabyte", answersHugely},
		{"an answer byte by byte", answersByteByByte},
		{"requests that stay in memory", beginsLargely},
		{"requests in vain", wastesTheRuntime},
		{"no answer", neverAnswers},
		{"processes that stay", leavesProcesses},
		{"sockets that listen", leavesSockets},
		{"links in /tmp", leavesLinks},
		{"fork bomb", forks},
		{"memory bomb", takesAllMemory},
		{"full disk", fillsTheDisk},
		{"flood of logs", floodsTheLog},
		{"flood of packets", floodsTheNetwork},
		{"all processors", spinsAndCalls},
	} {
		t.Run(attack.name, func(t *testing.T) {
			attack.test(&site{t, s.House, s.runtime})
		})
	}
}

func searchesForOthers(s *site) {
	// The neighbour's code is in the data folder, as is the token's.
	found := false
	_ = filepath.WalkDir(s.runtime.DataDir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Name() == "neighbour.js" {
			found = true
		}
		return nil
	})
	if !found {
		s.Error("the neighbour's code is not where this test believes")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		s.Fatal(err)
	}
	paths := []string{s.runtime.DataDir, s.runtime.ConfigHome, filepath.Dir(s.runtime.DataDir), "/etc/shadow", "/etc/machine-id", "/sys", "/run", "/var/lib", "/var/log"}
	for _, name := range []string{".ssh", ".aws", ".profile", ".bashrc", ".netrc"} {
		paths = append(paths, filepath.Join(home, name))
	}
	s.fails("search", map[string]any{
		"paths": paths,
		"pids":  []int{1, os.Getpid(), s.runtime.Pid()},
	})
}

func becomesMore(s *site) { s.fails("become", nil) }

// connectsToTheRuntime is for a runtime as it is by default, whose JetStream has no port.
func connectsToTheRuntime(s *site) {
	endpoint := strings.TrimPrefix(s.runtime.Endpoint, "http://")
	s.fails("connect", map[string]any{"addresses": waysTo(s.T, endpoint)})
	s.reachesTheIngress()
}

// reachesTheIngress checks that what is for functions is there, so that a network in
// which nothing works is not taken for a safe one.
func (s *site) reachesTheIngress() {
	s.Helper()
	a := s.attack("any", "ask", map[string]any{"url": s.runtime.Ingress + "/apis/none"})
	if a.Body != fmt.Sprint(http.StatusNotFound) {
		s.Errorf("the ingress answers %s to a function", a.Body)
	}
	a = s.attack("any", "ask", map[string]any{"url": s.runtime.Ingress + "/v1/stacks"})
	if a.Body != fmt.Sprint(http.StatusNotFound) && a.Body != fmt.Sprint(http.StatusUnauthorized) && a.Body != fmt.Sprint(http.StatusForbidden) {
		s.Errorf("the ingress answers a function's question for stacks with %s", a.Body)
	}
}

// waysTo are addresses that may lead to a port of this host, and to others that functions
// have no business with.
func waysTo(t *testing.T, endpoint string) []string {
	t.Helper()
	_, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	addresses := []string{
		endpoint, "localhost:" + port, "0.0.0.0:" + port, "127.0.0.2:" + port, "127.1:" + port, "[::1]:" + port, "[::]:" + port, "[::ffff:127.0.0.1]:" + port,
		"169.254.169.254:80", "[fd00:ec2::254]:80", "192.0.0.1:" + port, "192.0.0.2:" + port,
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range own {
		if ip, ok := a.(*net.IPNet); ok {
			addresses = append(addresses, net.JoinHostPort(ip.IP.String(), port))
		}
	}
	return addresses
}

// A runtime may listen for everybody, and keep its state on a server of its own.
func TestFunctionsReachNeitherManagementNorJetStream(t *testing.T) {
	nats := acctest.StartNATS(t)
	s := newSite(t,
		acctest.WithFlags("--nats-url", nats.URL),
		acctest.WithFlags("--listen", fmt.Sprintf("0.0.0.0:%d", acctest.FreePort(t))))
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.runtime.Endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	addresses := waysTo(t, "127.0.0.1:"+port)
	addresses = append(addresses, waysTo(t, strings.TrimPrefix(nats.URL, "nats://"))...)
	s.fails("connect", map[string]any{"addresses": addresses})
	s.reachesTheIngress()
}

func leavesProcesses(s *site) {
	name := "stays-" + s.Hidden[len(s.Hidden)-8:]
	s.fails("stay", map[string]any{"name": name})
	s.eventually("the process stays", func() bool { return len(processes(name)) > 0 })
	// The instance is killed when its next invocation takes too long.
	a := s.attack("hasty", "stay", map[string]any{"name": name + "-hasty"})
	if a.Error != "" {
		s.Errorf("leaving a process: %+v", a)
	}
	s.eventually("the process stays", func() bool { return len(processes(name+"-hasty")) > 0 })
	if a := s.attack("hasty", "never", nil); a.Error == "" {
		s.Errorf("an invocation without an end answered %+v", a)
	}
	s.eventually("the process that stayed is gone with its instance", func() bool { return len(processes(name+"-hasty")) == 0 })
}

func leavesSockets(s *site) {
	const port = 15678 // which no outgoing connection of the host has
	s.fails("listen", map[string]any{"ports": []int{port, port + 1}, "name": "listens"})
	if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
		c.Close()
		s.Error("a function's socket listens on the host")
	}
	if a := s.attack("small", "connect", map[string]any{"addresses": []string{fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("192.0.0.2:%d", port), fmt.Sprintf("192.0.0.1:%d", port)}}); a.Body != "[]" {
		s.Errorf("another function reaches it: %s", a.Body)
	}
}

func leavesLinks(s *site) {
	target := filepath.Join(s.TempDir(), "target")
	if err := os.MkdirAll(target, 0o777); err != nil {
		s.Fatal(err)
	}
	precious := filepath.Join(target, "precious")
	if err := os.WriteFile(precious, []byte("as it was"), 0o666); err != nil {
		s.Fatal(err)
	}
	if a := s.attack("hasty", "links", map[string]any{"targets": []string{target, precious, s.runtime.DataDir}}); a.Error != "" {
		s.Errorf("making links: %+v", a)
	}
	if a := s.attack("hasty", "never", nil); a.Error == "" {
		s.Errorf("an invocation without an end answered %+v", a)
	}
	if a := s.attack("hasty", "tmp", nil); a.Body != "[]" {
		s.Errorf("the next instance finds in /tmp: %s", a.Body)
	}
	if text, err := os.ReadFile(precious); err != nil || string(text) != "as it was" {
		s.Errorf("what a link led to is %q (%v)", text, err)
	}
}
