package tests

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// A stack that is told another's URL goes through all that a person does with it in Pulumi's
// hands: what it is told is not known yet, it is protected, is called otherwise in the
// program, loses what it depends on, is let go of and taken over again.
func TestAStackIsKeptThroughWhatIsDoneInPulumi(t *testing.T) {
	l := newLab(t)
	open := fmt.Sprintf(`resources:
  open:
    type: pulumi:providers:tidegate
    properties: { target: open, open: { endpoint: "%s", token: { "fn::secret": "%s" } } }
`, l.env["TIDEGATE_ENDPOINT"], l.token)
	delete(l.env, "TIDEGATE_TOKEN")
	jobs := l.declaration("jobs", "Queue", "jobs", "hello", "provider: ${open}")
	shop := func(label, options string) string {
		return l.declaration(label, "Stack", "shop", "${jobs.url}, API_KEY: { fn::secret: "+secret+" }", "provider: ${open}, "+options)
	}
	here := func() bool {
		err := l.runtime.Call(l.context(), http.MethodGet, "/v1/stacks/shop", nil, nil)
		if err != nil && !harness.IsStatus(err, http.StatusNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}

	l.program("%s", open+jobs+shop("shop", "protect: true"))
	if out := l.cli("preview", "--diff"); !strings.Contains(out, "GREETING: [unknown]") || !strings.Contains(out, "API_KEY : [secret]") {
		t.Errorf("the preview does not tell of what is unknown and what is secret:\n%s", out)
	}
	l.up()
	l.noPlainSecret()
	if got := l.invoke("shop/greet", `{}`); got["greeting"] != l.runtime.Ingress+"/queues/jobs" || got["secret"] != secret {
		t.Errorf("the function answers %v", got)
	}
	first := l.only("Stack")

	// Its name in the program is none of the target's business.
	l.program("%s", open+jobs+shop("store", "protect: true, aliases: [{ name: shop }]"))
	l.unchanged()
	l.up()
	if now := l.only("Stack"); now.ID != "shop" || !strings.HasSuffix(now.URN, "::store") || now.function(t, "greet")["version"] != first.function(t, "greet")["version"] {
		t.Errorf("the state has %s %s with %v", now.URN, now.ID, now.Outputs["functions"])
	}

	if out, err := l.try("destroy", "--yes", "--skip-preview"); err == nil || !here() {
		t.Errorf("a stack that is protected is gone:\n%s", out)
	}

	// Somebody deletes the queue.
	l.call(http.MethodDelete, "/v1/stacks/jobs", nil, nil)
	l.cli("refresh", "--yes", "--skip-preview")
	if gone := l.all("Queue"); len(gone) > 0 {
		t.Errorf("after the refresh the state has %v", gone)
	}
	l.up()
	l.unchanged()

	// Pulumi lets go of the stack, and takes it over with nothing changed on the target. What
	// only the program knows, as the folder of the code, gets into the state.
	l.program("%s", open+jobs+shop("store", "retainOnDelete: true"))
	l.up()
	l.program("%s", open+jobs)
	l.up()
	if kept := l.all("Stack"); len(kept) > 0 || !here() {
		t.Fatalf("the stack that was to stay is %v, in the state %v", here(), kept)
	}
	l.program("%s", open+jobs+shop("shop", "import: shop"))
	l.up()
	l.program("%s", open+jobs+shop("shop", "protect: false"))
	l.unchanged()
	var there struct {
		Functions map[string]struct {
			Versions []any `json:"versions"`
		} `json:"functions"`
	}
	l.call(http.MethodGet, "/v1/stacks/shop", nil, &there)
	if n := len(there.Functions["greet"].Versions); n != 1 {
		t.Errorf("all that has published versions: there are %d", n)
	}
	l.noPlainSecret()
	l.cli("destroy", "--yes", "--skip-preview")
	if here() {
		t.Error("the destroyed stack is still there")
	}
}

// declaration is a stack of any kind with one function in a program in YAML.
func (l *lab) declaration(label, kind, name, greeting, options string) string {
	return fmt.Sprintf(`  %s:
    type: tidegate:%s
    properties:
      name: %s
      functions:
        greet: { source: ./greet, runtime: %s, handler: app.handler, environment: { GREETING: %s } }
    options: { %s }
`, label, kind, name, l.python, strings.ReplaceAll(greeting, "${jobs.url}", `"${jobs.url}"`), strings.ReplaceAll(options, "${open}", `"${open}"`))
}
