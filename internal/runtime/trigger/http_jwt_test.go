package trigger

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A testIssuer issues tokens, and can be down.
type testIssuer struct {
	*httptest.Server
	key  *rsa.PrivateKey
	down atomic.Bool
	asks atomic.Int32
}

func newTestIssuer(t *testing.T) *testIssuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	is := &testIssuer{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		is.asks.Add(1)
		if is.down.Load() {
			http.Error(w, "down", http.StatusInternalServerError)
			return
		}
		writeJSON(w, 200, map[string]any{"issuer": is.URL, "jwks_uri": is.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "RS256"}}})
	})
	is.Server = httptest.NewServer(mux)
	t.Cleanup(is.Close)
	return is
}

// token makes a valid token, with changes; a nil value takes a claim away.
func (is *testIssuer) token(t *testing.T, changes map[string]any) string {
	t.Helper()
	claims := map[string]any{
		"iss": is.URL, "aud": []string{"other", "shop"}, "sub": "u1", "scope": "orders:read profile",
		"iat": testStart.Unix(), "exp": testStart.Add(time.Hour).Unix(), "groups": []string{"a", "b"}, "admin": true,
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: is.key, KeyID: "1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func jwtAPI(t *testing.T, is *testIssuer) (*apiTest, *fakeInvoker) {
	f := answering(`"ok"`)
	return serveAPI(t, stack.HTTPAPI{
		Routes: map[string]stack.Route{
			"GET /":       {Function: "f", Auth: "inherit"},
			"GET /open":   {Function: "f", Auth: "none"},
			"GET /scoped": {Function: "f", Auth: "inherit", Scopes: []string{"orders:write", "orders:read"}},
		},
		Auth: &stack.JWTAuth{Issuer: is.URL, Audience: []string{"shop", "desk"}},
	}, f), f
}

const unauthorized = `{"message":"Unauthorized"}`

func TestJWTReachesTheFunctionAsClaims(t *testing.T) {
	is := newTestIssuer(t)
	api, f := jwtAPI(t, is)
	api.wants("GET", "/", 200, "ok", "Authorization: Bearer "+is.token(t, nil))
	api.wants("GET", "/scoped", 200, "ok", "Authorization: "+is.token(t, nil)) // the scheme may be left out
	api.wants("GET", "/open", 200, "ok")
	want := func(i int, scopes string) {
		t.Helper()
		var event struct {
			RequestContext struct {
				Authorizer json.RawMessage
			}
		}
		if err := json.Unmarshal(f.seen()[i].Payload, &event); err != nil {
			t.Fatal(err)
		}
		wantJSON(t, event.RequestContext.Authorizer, `{"jwt":{"claims":{
			"iss":"`+is.URL+`","aud":"[other shop]","sub":"u1","scope":"orders:read profile",
			"iat":"1584039838","exp":"1584043438","groups":"[a b]","admin":"true"},"scopes":`+scopes+`}}`)
	}
	want(0, `null`)
	want(1, `["orders:read"]`)
	if is.asks.Load() != 1 {
		t.Errorf("the issuer was asked %d times", is.asks.Load())
	}
}

func TestJWTThatIsNotAccepted(t *testing.T) {
	is, other := newTestIssuer(t), newTestIssuer(t)
	api, f := jwtAPI(t, is)
	ago := func(d time.Duration) int64 { return testStart.Add(-d).Unix() }
	for name, token := range map[string]string{
		"expired":                is.token(t, map[string]any{"exp": ago(time.Minute)}),
		"without an end":         is.token(t, map[string]any{"exp": nil}),
		"not yet valid":          is.token(t, map[string]any{"nbf": ago(-time.Hour)}),
		"from the future":        is.token(t, map[string]any{"iat": ago(-time.Hour)}),
		"for somebody else":      is.token(t, map[string]any{"aud": "other"}),
		"without an audience":    is.token(t, map[string]any{"aud": nil}),
		"aud goes before client": is.token(t, map[string]any{"aud": "other", "client_id": "shop"}),
		"of another issuer":      other.token(t, nil),
		"with another's key":     other.token(t, map[string]any{"iss": is.URL}),
		"garbage":                "garbage",
	} {
		t.Run(name, func(t *testing.T) {
			response, text := api.do("GET", "/", nil, "Authorization: Bearer "+token)
			if response.StatusCode != 401 || text != unauthorized {
				t.Fatalf("answered %d %s", response.StatusCode, text)
			}
			if challenge := response.Header.Get("Www-Authenticate"); len(challenge) < len(`Bearer scope="" error="invalid_token" error_description=""`) {
				t.Errorf("challenge is %s", challenge)
			}
		})
	}
	response := api.wants("GET", "/", 401, unauthorized)
	wantHeaders(t, response, map[string]string{"Www-Authenticate": "Bearer"})
	api.wants("GET", "/", 200, "ok", "Authorization: "+is.token(t, map[string]any{"aud": nil, "client_id": "desk"}))
	if len(f.seen()) != 1 {
		t.Errorf("the function was invoked %d times", len(f.seen()))
	}
}

func TestJWTWithoutTheScopeIsForbidden(t *testing.T) {
	is := newTestIssuer(t)
	api, _ := jwtAPI(t, is)
	api.wants("GET", "/scoped", 403, `{"message":"Forbidden"}`, "Authorization: "+is.token(t, map[string]any{"scope": "profile"}))
	api.wants("GET", "/scoped", 200, "ok", "Authorization: "+is.token(t, map[string]any{"scope": nil, "scp": []string{"orders:write"}}))
}

func TestIssuerThatIsDownIsAskedAgainLater(t *testing.T) {
	is := newTestIssuer(t)
	api, _ := jwtAPI(t, is)
	is.down.Store(true)
	token := "Authorization: " + is.token(t, nil)
	api.wants("GET", "/", 401, unauthorized, token)
	is.down.Store(false)
	api.wants("GET", "/", 401, unauthorized, token)
	if is.asks.Load() != 1 {
		t.Errorf("the issuer was asked %d times", is.asks.Load())
	}
	api.clock.advance(10 * time.Second)
	api.wants("GET", "/", 200, "ok", token)
}
