package tests

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// The life of a stack from a program's first preview to its end, with its function invoked
// in between, is the same in each language.
func TestAStackLivesFromPreviewToDestroy(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l *lab, p program) {
		l.configure(p.stack(), map[string]string{"runtime": p.runtime(), "signingKey": secret})

		expected, err := p.preview()
		check(t, err)
		expected.only(t, create)

		made, err := p.up()
		check(t, err)
		made.changes.only(t, create)
		if url := made.outputs["url"]; url != l.runtime.Ingress+"/apis/shop" {
			t.Errorf("the API's url is %q", url)
		}
		if arn, _ := made.outputs["alias"].(string); !strings.HasSuffix(arn, ":function:shop-quote:live") {
			t.Errorf("the alias is %q", arn)
		}
		l.quotes(made, "tea 3 EUR")
		l.noPlainSecret()
		id := l.only("HttpApi").ID

		again, err := p.preview()
		check(t, err)
		again.only(t, same)

		l.configure(p.stack(), map[string]string{"currency": "CHF"})
		changed, err := p.up()
		check(t, err)
		changed.changes.only(t, update)
		if changed.outputs["releaseId"] == made.outputs["releaseId"] {
			t.Errorf("both releases are %v", made.outputs["releaseId"])
		}
		l.quotes(changed, "tea 3 CHF")

		// Somebody deletes the alias.
		l.call(http.MethodDelete, "/v1/stacks/shop/functions/quote/aliases/live", nil, nil)
		_, err = p.stack().Refresh(l.context())
		check(t, err)
		repaired, err := p.up()
		check(t, err)
		repaired.changes.only(t, update)
		l.quotes(repaired, "tea 3 CHF")

		if now := l.only("HttpApi"); now.ID != id || id != "shop" {
			t.Errorf("the id was %q and is %q", id, now.ID)
		}

		// Pulumi forgets it, and imports it.
		l.cli("state", "delete", l.only("HttpApi").URN, "--yes")
		l.imports("tidegate:index/httpApi:HttpApi", "shop", "shop")

		l.configure(p.stack(), map[string]string{"name": "renamed"})
		replaced, err := p.up()
		check(t, err)
		replaced.changes.only(t, replace)
		l.quotes(replaced, "tea 3 CHF")
		if err := l.runtime.Call(l.context(), http.MethodGet, "/v1/stacks/shop", nil, nil); !harness.IsStatus(err, http.StatusNotFound) {
			t.Errorf("the replaced stack is still there: %v", err)
		}

		_, err = p.stack().Destroy(l.context())
		check(t, err)
		if err := l.runtime.Call(l.context(), http.MethodGet, "/v1/stacks/renamed", nil, nil); !harness.IsStatus(err, http.StatusNotFound) {
			t.Errorf("the destroyed stack is still there: %v", err)
		}
	})
}

// quotes asks the API that an example has deployed for a price, and fails the test unless the
// answer is signed with the secret.
func (l *lab) quotes(deployed result, want string) {
	l.t.Helper()
	url, _ := deployed.outputs["url"].(string)
	signer := hmac.New(sha256.New, []byte(secret))
	_, _ = signer.Write([]byte(want))
	got := l.get(url + "/quotes/tea")
	if got["quote"] != want || got["signature"] != hex.EncodeToString(signer.Sum(nil)) {
		l.t.Errorf("the function answers %v; the quote should be %q", got, want)
	}
}
