package hostile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

// patience is how long anything may take that has to happen.
const patience = 3 * time.Minute

// A site is a house with a test.
type site struct {
	*testing.T
	*House
	runtime *acctest.Runtime
}

func newSite(t *testing.T, opts ...acctest.Option) *site {
	t.Helper()
	r := acctest.StartRuntime(t, opts...)
	h, err := Move(t.Context(), r.Runtime)
	if err != nil {
		t.Fatal(err)
	}
	return &site{t, h, r}
}

// attack returns the answer, after the neighbour was found to go on.
func (s *site) attack(who, attack string, told map[string]any) Answer {
	s.Helper()
	a, err := s.Attack(s.Context(), who, attack, told)
	if err != nil {
		s.Fatalf("%s: %v", attack, err)
	}
	s.goesOn(attack)
	return a
}

// fails checks that an attack could do nothing of what it tried.
func (s *site) fails(attack string, told map[string]any) {
	s.Helper()
	a := s.attack("any", attack, told)
	var possible []string
	if err := json.Unmarshal([]byte(a.Body), &possible); err != nil || a.Error != "" {
		s.Errorf("%s: the answer is %d %s %s", attack, a.Status, a.Error, a.Body)
	}
	for _, what := range possible {
		s.Errorf("%s: possible: %s", attack, what)
	}
}

// goesOn checks that the runtime and the neighbour do.
func (s *site) goesOn(after string) {
	s.Helper()
	if _, err := s.Neighbour(s.Context()); err != nil {
		s.Errorf("after %s: %v", after, err)
	}
	response, err := http.Get(s.runtime.Endpoint + "/healthz")
	if err != nil {
		s.Fatalf("after %s: %v", after, err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		s.Errorf("after %s the runtime's health is %s", after, response.Status)
	}
}

// resident is the most memory that the runtime's own process has had, in MB.
func (s *site) resident() (megabytes int) {
	s.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.runtime.Pid()))
	if err != nil {
		s.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes int
		if n, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil && n == 1 {
			return kilobytes >> 10
		}
	}
	s.Fatal("the kernel does not say how much memory the runtime has had")
	return 0
}

// eventually waits for a condition that nothing announces.
func (s *site) eventually(what string, holds func() bool) {
	s.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			s.Fatalf("never: %s", what)
		}
		<-tick.C
	}
}

// processes are the host's whose arguments hold the text.
func processes(text string) (pids []string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		arguments, err := os.ReadFile("/proc/" + entry.Name() + "/cmdline")
		if err == nil && strings.Contains(string(arguments), text) {
			pids = append(pids, entry.Name())
		}
	}
	return pids
}
