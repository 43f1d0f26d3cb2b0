package tests

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// The life of a stack from a program's first preview to its end, with its function invoked
// in between, is the same in each language.
func TestAStackLivesFromPreviewToDestroy(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l *lab, p program) {
		l.configure(p.stack(), map[string]string{
			"name": "orders", "greeting": "hello", "source": l.source("greet"), "python": l.python, "apiKey": secret,
		})

		expected, err := p.preview()
		check(t, err)
		expected.only(t, create)

		made, err := p.up()
		check(t, err)
		made.changes.only(t, create)
		if url, _ := made.outputs["url"].(string); url != l.runtime.Ingress+"/queues/orders" {
			t.Errorf("the queue's url is %q", url)
		}
		if arn, _ := made.outputs["aliasArn"].(string); !strings.HasSuffix(arn, ":function:orders-greet:live") {
			t.Errorf("the alias is %q", arn)
		}
		if got := l.invoke("orders/greet", `{"name":"Ada"}`); got["greeting"] != "hello" || got["name"] != "Ada" || got["secret"] != secret {
			t.Errorf("the function answers %v", got)
		}
		l.noPlainSecret(p.stack())

		again, err := p.preview()
		check(t, err)
		again.only(t, same)

		l.configure(p.stack(), map[string]string{"greeting": "good morning"})
		changed, err := p.up()
		check(t, err)
		changed.changes.only(t, update)
		if changed.outputs["releaseId"] == made.outputs["releaseId"] {
			t.Errorf("both releases are %v", made.outputs["releaseId"])
		}
		if got := l.invoke("orders/greet", `{}`); got["greeting"] != "good morning" {
			t.Errorf("after the update the function answers %v", got)
		}

		// Somebody deletes the alias.
		l.call(http.MethodDelete, "/v1/stacks/orders/functions/greet/aliases/live", nil, nil)
		_, err = p.stack().Refresh(l.context())
		check(t, err)
		drifted, err := p.preview()
		check(t, err)
		drifted.only(t, update)
		repaired, err := p.up()
		check(t, err)
		repaired.changes.only(t, update)
		if got := l.invoke("orders/greet", `{}`); got["greeting"] != "good morning" {
			t.Errorf("after the repair the function answers %v", got)
		}

		l.configure(p.stack(), map[string]string{"name": "renamed"})
		replaced, err := p.up()
		check(t, err)
		replaced.changes.only(t, replace)
		if got := l.invoke("renamed/greet", `{}`); got["greeting"] != "good morning" {
			t.Errorf("after the replacement the function answers %v", got)
		}
		if err := l.runtime.Call(l.context(), http.MethodGet, "/v1/stacks/orders", nil, nil); !harness.IsStatus(err, http.StatusNotFound) {
			t.Errorf("the replaced stack is still there: %v", err)
		}

		_, err = p.stack().Destroy(l.context())
		check(t, err)
		if err := l.runtime.Call(l.context(), http.MethodGet, "/v1/stacks/renamed", nil, nil); !harness.IsStatus(err, http.StatusNotFound) {
			t.Errorf("the destroyed stack is still there: %v", err)
		}
	})
}
