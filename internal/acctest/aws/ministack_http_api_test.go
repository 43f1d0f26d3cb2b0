package aws

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// An issuer gives tokens to those who may order.
type issuer struct {
	url string
	key *rsa.PrivateKey
}

func startIssuer(t testing.TB) issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	answer := func(path string, body object) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(body) })
	}
	answer("/.well-known/openid-configuration", object{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
	answer("/keys", object{"keys": []object{{
		"kid": "1", "kty": "RSA", "alg": "RS256", "use": "sig",
		"n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
	}}})
	return issuer{server.URL, key}
}

// token is a JSON Web Token for an audience, good for an hour.
func (i issuer) token(t testing.TB, audience string) string {
	t.Helper()
	var parts []string
	for _, part := range []object{
		{"alg": "RS256", "kid": "1"},
		{"iss": i.url, "aud": audience, "sub": "somebody", "exp": time.Now().Add(time.Hour).Unix()},
	} {
		text, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	digest := sha256.Sum256([]byte(strings.Join(parts, ".")))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(append(parts, base64.RawURLEncoding.EncodeToString(signature)), ".")
}

// answers fails the test unless a request is answered with that status and body.
func answers(t testing.TB, is answer, status int, body string) {
	t.Helper()
	if is.Status != status || is.Body != body {
		t.Errorf("the answer is %v, want %d %s", is, status, body)
	}
}

func TestAnHTTPAPIAnswersWhatItsLiveVersionsSay(t *testing.T) {
	t.Parallel()
	w := onMinistack(t, "requests")
	login := startIssuer(t)
	w.Write("issuer.auto.tfvars", fmt.Sprintf("issuer = %q", login.url))
	w.Apply()
	url := output[string](t, w.Workspace, "url")
	menu := func(want string) {
		t.Helper()
		answers(t, request(t, http.MethodGet, url+"/menu", ""), http.StatusOK, want)
	}
	versions := func(menu, order int) {
		t.Helper()
		is := output[map[string]int](t, w.Workspace, "versions")
		if is["menu"] != menu || is["order"] != order {
			t.Errorf("the versions are %v, want %d of menu and %d of order", is, menu, order)
		}
	}

	menu("the first menu")
	answers(t, request(t, http.MethodDelete, url+"/anything", ""), http.StatusOK, "the first menu")
	for _, token := range []string{"", "none", login.token(t, "another shop")} {
		is := request(t, http.MethodPost, url+"/orders", "", "Authorization: "+token)
		if is.Status != http.StatusUnauthorized || decode(t, is.Body)["message"] != "Unauthorized" {
			t.Errorf("the token %q is answered %v", token, is)
		}
	}
	answers(t, request(t, http.MethodPost, url+"/orders", "", "Authorization: Bearer "+login.token(t, "shop")), http.StatusOK, "an order of somebody")

	w.Proxy.Forget()
	w.edit("menu/app.py", "first", "second")
	w.Apply()
	menu("the second menu")
	versions(2, 1)
	for _, r := range w.Proxy.Matching("lambda:UpdateFunctionCode", "lambda:PublishVersion", "lambda:UpdateAlias") {
		if !strings.Contains(r.URL.Path, "/shop-menu") {
			t.Errorf("%v, though that function has not changed", r)
		}
	}

	w.edit("menu/app.py", "second", "first")
	w.Apply()
	menu("the first menu")
	versions(1, 1) // Versions are found by their content.

	w.Python(`
lambda_.update_alias(FunctionName="shop-menu", Name="live", FunctionVersion="2")
policy = json.loads(lambda_.get_policy(FunctionName="shop-order", Qualifier="live")["Policy"])
for statement in policy["Statement"]:
    lambda_.remove_permission(FunctionName="shop-order", Qualifier="live", StatementId=statement["Sid"])
`, nil)
	menu("the second menu")
	w.planSays(`"functions/menu/alias"        = "points at version 2, but version 1 was released" -> "ready"`,
		`"functions/order/permissions" = "missing" -> "ready"`,
		`the alias of function "menu" points at version 2 now (was version 1)`)
	w.Apply()
	menu("the first menu")
	statements := string(w.Python(`result = json.loads(lambda_.get_policy(FunctionName="shop-order", Qualifier="live")["Policy"])["Statement"]`, nil))
	if !strings.Contains(statements, "apigateway.amazonaws.com") {
		t.Errorf("the permission of the API is not back: %s", statements)
	}
	w.EmptyPlan()
	w.Destroy()
	w.NothingLeft()
}
