package invoke

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// deployExtended is deploy of a Node function with the extension of testdata beside it.
func (n *realNode) deployExtended(code, do string, timeout time.Duration) {
	n.t.Helper()
	program := filepath.Join(n.t.TempDir(), "extension")
	build := exec.CommandContext(n.t.Context(), "go", "build", "-o", program, "./testdata/extension")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		n.t.Fatalf("%v\n%s", err, out)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		n.t.Fatal(err)
	}
	layer := n.upload(map[string]string{"extensions/observer": string(content)})
	function := n.upload(map[string]string{"app.js": code})
	rec := shop(changeCart(func(f *stack.Function) {
		f.Runtime, f.Handler, f.CodeSHA256, f.Layers, f.Memory = n.runtime("nodejs"), "app.handler", function, []string{layer}, 512
		f.Timeout, f.Environment = stack.Duration(timeout), map[string]string{"EXTENSION": do}
	}))
	rec.Functions["cart"].Versions[0].Config = rec.Stack.Functions["cart"].Config
	if err := n.OnChange(n.t.Context(), nil, rec); err != nil {
		n.t.Fatal(err)
	}
}

// log is all that is in the function's log.
func (n *realNode) log() string {
	n.t.Helper()
	var all strings.Builder
	for line, err := range n.logs.Read(n.t.Context(), telemetry.Query{Stack: "shop"}) {
		if err != nil {
			n.t.Fatal(err)
		}
		all.WriteString(line.Line + "\n")
	}
	return all.String()
}

const plain = `exports.handler = async (e) => { if (e.hang) await new Promise((r) => setTimeout(r, 1000000)); console.log('handled'); return 'ok' }`

func TestAnExternalExtensionTakesPartInTheInstancesLife(t *testing.T) {
	n := newRealNode(t)
	n.deployExtended(plain, "", testPatience)
	for range 2 {
		if r := n.invoke(`{}`); string(r.Payload) != `"ok"` {
			t.Fatalf("got %s", r.Payload)
		}
	}
	n.Close(t.Context())
	log := n.log()
	for _, want := range []string{
		`registered: {"accountId":"000000000000","functionName":"shop-cart","functionVersion":"1","handler":"app.handler"}`,
		"EXTENSION\tName: observer\tState: Ready\tEvents: [INVOKE, SHUTDOWN]",
		"extension got SHUTDOWN spindown",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log:\n%s", want, log)
		}
	}
	if got := strings.Count(log, "extension got INVOKE"); got != 2 {
		t.Errorf("the extension saw %d invocations:\n%s", got, log)
	}
}

func TestAnExtensionLearnsOfATimeout(t *testing.T) {
	n := newRealNode(t)
	n.deployExtended(plain, "", 10*time.Second)
	if r := n.invoke(`{"hang":true}`); !strings.Contains(string(r.Payload), "timed out") {
		t.Fatalf("got %s", r.Payload)
	}
	eventually(t, "the extension learns of it", func() bool { return strings.Contains(n.log(), "extension got SHUTDOWN timeout") })
	if r := n.invoke(`{}`); string(r.Payload) != `"ok"` {
		t.Errorf("the next instance answers %s", r.Payload)
	}
}

func TestAnExtensionThatFailsEndsTheInstance(t *testing.T) {
	for do, want := range map[string]struct{ kind, message string }{
		"exit at once":       {"Extension.Crash", "extension observer: exit code 4"},
		"exit with an event": {"Extension.Crash", "extension observer: exit code 6"},
		"fail to initialise": {"Extension.InitError", "extension observer: Extension.NoConfiguration: no configuration"},
	} {
		t.Run(do, func(t *testing.T) {
			n := newRealNode(t)
			// The function answers only after the extension's end.
			n.deployExtended(`exports.handler = async () => new Promise((r) => setTimeout(r, 1000000))`, do, testPatience)
			r := n.invoke(`{}`)
			if r.FunctionError != "Unhandled" || !strings.Contains(string(r.Payload), `"errorType":"`+want.kind+`"`) || !strings.Contains(string(r.Payload), want.message) {
				t.Errorf("got %s", r.Payload)
			}
		})
	}
}

func TestAnExtensionGetsTheInstancesTelemetry(t *testing.T) {
	n := newRealNode(t)
	n.deployExtended(plain, "telemetry sandbox.localdomain", testPatience)
	n.invoke(`{}`)
	n.Close(t.Context())
	log := n.log()
	for _, want := range []string{
		`subscribed: 200 "OK"`, "telemetry: platform.telemetrySubscription", "telemetry: platform.initStart", "telemetry: platform.initReport", "telemetry: platform.extension",
		"telemetry: platform.start", "telemetry: platform.runtimeDone", "telemetry: platform.report", "telemetry: function", "handled",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log:\n%s", want, log)
		}
	}
}

func TestASubscriptionMustLeadIntoTheInstance(t *testing.T) {
	valid := func(change func(*subscription)) subscription {
		s := newSubscription()
		s.SchemaVersion = "2022-07-01"
		s.Types, s.Destination.Protocol, s.Destination.URI = []string{"platform"}, "HTTP", "http://sandbox.localdomain:8080"
		change(&s)
		return s
	}
	if port, wrong := valid(func(*subscription) {}).check(); port != 8080 || wrong != "" {
		t.Errorf("a valid one gives %d, %q", port, wrong)
	}
	for want, change := range map[string]func(*subscription){
		"sandbox.localdomain":  func(s *subscription) { s.Destination.URI = "http://169.254.169.254:80" },
		"not 9001":             func(s *subscription) { s.Destination.URI = "http://sandbox.localdomain:9001" },
		"http://":              func(s *subscription) { s.Destination.URI = "https://sandbox.localdomain:8080" },
		"HTTP":                 func(s *subscription) { s.Destination.Protocol = "TCP" },
		"types":                func(s *subscription) { s.Types = []string{"all"} },
		"schemaVersion should": func(s *subscription) { s.SchemaVersion = "" },
		"URI port is not provided; types should not be empty": func(s *subscription) { s.Types, s.Destination.URI = nil, "http://sandbox.localdomain" },
		"maxItems":      func(s *subscription) { s.Buffering.MaxItems = 1 },
		"maxBytes":      func(s *subscription) { s.Buffering.MaxBytes = 1 },
		"timeoutMs":     func(s *subscription) { s.Buffering.TimeoutMS = 1 },
		"schemaVersion": func(s *subscription) { s.SchemaVersion = "1999-01-01" },
	} {
		if _, wrong := valid(change).check(); !strings.Contains(wrong, want) {
			t.Errorf("got %q, want a word of %s", wrong, want)
		}
	}
}
