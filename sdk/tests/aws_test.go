package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

func TestMain(m *testing.M) { acctest.MainOnEmulators(m) }

// The same programs deploy to AWS, by a provider that is configured for it. There a stack is
// made in many steps: whatever ends Pulumi between two of them, the next `pulumi up` goes on
// from there, and makes nothing twice.
func TestAStackLivesOnAWS(t *testing.T) {
	l := newLab(t)
	account := acctest.StartAWS(t, acctest.Ministack)
	declare := func(greeting string) {
		l.program(`resources:
  aws:
    type: pulumi:providers:tidegate
    properties: { target: aws, aws: { region: %q, endpoint: %q, accessKey: %q, secretKey: { "fn::secret": %q } } }
%s`, acctest.Region, account.Proxy.URL, account.Account, secret,
			strings.ReplaceAll(l.declaration("shop", "Stack", "shop", greeting, `provider: ${aws}`), "${aws}", `"${aws}"`))
	}
	answers := func(want string) {
		t.Helper()
		var got struct {
			Greeting string
			Versions int
		}
		check(t, json.Unmarshal(account.Python(`
result = json.loads(lambda_.invoke(FunctionName="shop-greet", Qualifier="live", Payload=b"{}")["Payload"].read())
result["versions"] = len(lambda_.list_versions_by_function(FunctionName="shop-greet")["Versions"])
`, nil), &got))
		if got.Greeting != want {
			t.Errorf("the function says %q; it should say %q", got.Greeting, want)
		}
	}
	declare("hello")

	// Pulumi is killed when the function is there, and its alias is not.
	reached, over := make(chan struct{}), make(chan struct{})
	var once sync.Once
	free := account.Proxy.Answer(awswire.On("lambda:CreateAlias"), func(*awswire.Request) *awswire.Answer {
		once.Do(func() { close(reached) })
		<-over
		return &awswire.Answer{Hangup: true}
	})
	killed := l.command("up", "--yes", "--skip-preview")
	check(t, killed.Start())
	ended := make(chan error, 1)
	go func() { ended <- killed.Wait() }()
	select {
	case <-reached:
	case err := <-ended:
		t.Fatalf("pulumi ended before it made the alias: %v", err)
	}
	children := childrenOf(t, killed.Process.Pid)
	check(t, killed.Process.Kill())
	<-ended
	close(over)
	// A plugin that went on would race with the next one.
	check(t, harness.Wait(l.context(), "the killed Pulumi's plugins to end", func() (bool, error) {
		for pid, name := range children {
			if strings.HasPrefix(name, "pulumi-resource") && nameOf(pid) != "" {
				return false, nil
			}
		}
		return true, nil
	}))
	for pid, name := range children {
		if nameOf(pid) == name { // The host of YAML, which would wait for minutes.
			check(t, syscall.Kill(pid, syscall.SIGKILL))
		}
	}
	free()
	if n := len(l.state().Pending); n != 1 {
		t.Errorf("%d operations are pending", n)
	}
	l.cli("cancel", "--yes")

	// The next create adopts what is there, and fails where the other was killed.
	refuse := account.Proxy.Answer(awswire.On("lambda:CreateAlias"), awswire.Error("400 InvalidParameterValueException", "No aliases today."))
	says(t, l.upFails(), "No aliases today")
	if shop := l.only("Stack"); shop.ID != "shop" || len(shop.Failures) != 1 {
		t.Errorf("of the stack that was made in part the state has %+v", shop)
	}
	l.noPlainSecret()
	refuse()

	l.up()
	answers("hello")
	l.noPlainSecret()
	l.cli("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
	if state := l.state(); len(state.Pending) > 0 || len(l.only("Stack").Failures) > 0 {
		t.Errorf("after all was set right the state has %+v", state)
	}
	if n := account.Proxy.Count("lambda:CreateFunction"); n != 1 {
		t.Errorf("the function was made %d times", n)
	}
	l.unchanged()

	declare("good morning")
	l.up()
	answers("good morning")
	l.cli("destroy", "--yes", "--skip-preview")
}

// childrenOf are the processes that a process has started, with their names.
func childrenOf(t *testing.T, parent int) map[int]string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	check(t, err)
	children := map[int]string{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		status, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "status"))
		if strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", parent)) {
			children[pid] = nameOf(pid)
		}
	}
	if len(children) == 0 {
		t.Fatal("Pulumi has started nothing")
	}
	return children
}

// nameOf is the name of a process, the first 15 letters of its program's, and "" once that
// has ended.
func nameOf(pid int) string {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	name, rest, _ := strings.Cut(string(stat), ") ")
	if err != nil || strings.HasPrefix(rest, "Z") {
		return ""
	}
	_, name, _ = strings.Cut(name, "(")
	return name
}
