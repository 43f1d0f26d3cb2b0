package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A jwtIdentity is what functions learn of a token that was accepted.
type jwtIdentity struct {
	// Claims as strings: lists as "[a b]", as API Gateway writes them.
	Claims map[string]string `json:"claims"`
	// Scopes that the route wants and the token has; null if it wants none.
	Scopes []string `json:"scopes"`
}

// A jwtError says why a token was refused, as RFC 6750 has it.
type jwtError struct {
	status      int
	code        string // "invalid_token", "insufficient_scope", or empty if there was no token
	description string
}

func (e *jwtError) Error() string { return e.description }

// write answers as API Gateway does
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-jwt.html).
func (e *jwtError) write(w http.ResponseWriter) {
	challenge := "Bearer"
	if e.code != "" {
		challenge = fmt.Sprintf(`Bearer scope="" error=%q error_description=%q`, e.code, e.description)
	}
	w.Header().Set("Www-Authenticate", challenge)
	writeMessage(w, e.status, http.StatusText(e.status))
}

// invalidToken hides nothing from who holds the token, and tells nothing else.
func invalidToken(format string, args ...any) *jwtError {
	return &jwtError{http.StatusUnauthorized, "invalid_token", fmt.Sprintf(format, args...)}
}

// jwtAlgorithms are those API Gateway accepts: RSA's.
var jwtAlgorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512}

// issuers knows the keys of token issuers. It asks an issuer when its first
// token arrives, and again, by way of go-oidc, when a token names an unknown key.
type issuers struct {
	clock Clock
	mu    sync.Mutex
	known map[string]*issuer
}

type issuer struct {
	url      string
	mu       sync.Mutex
	provider *oidc.Provider
	// failure is what the last attempt to reach the issuer came to; until retry it
	// is not tried again.
	failure error
	retry   time.Time
}

// How long to wait for an issuer's answer, and before asking again one that
// failed.
const (
	issuerTimeout = 5 * time.Second
	issuerRetry   = 10 * time.Second
)

func newIssuers(clock Clock) *issuers {
	return &issuers{clock: clock, known: map[string]*issuer{}}
}

// authenticate accepts the request's token, or says why not. Wanted scopes: the
// token must have one of them, if there are any.
func (is *issuers) authenticate(r *http.Request, auth *stack.JWTAuth, wanted []string) (*jwtIdentity, *jwtError) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, &jwtError{status: http.StatusUnauthorized}
	}
	// The scheme may be left out.
	token := header
	if scheme, rest, ok := strings.Cut(header, " "); ok && strings.EqualFold(scheme, "Bearer") {
		token = strings.TrimSpace(rest)
	}
	claims, refusal := is.verify(r.Context(), token, auth)
	if refusal != nil {
		return nil, refusal
	}
	identity := &jwtIdentity{Claims: make(map[string]string, len(claims))}
	for name, value := range claims {
		identity.Claims[name] = fmt.Sprint(value)
	}
	if len(wanted) == 0 {
		return identity, nil
	}
	has := tokenScopes(claims)
	for _, scope := range wanted {
		if slices.Contains(has, scope) {
			identity.Scopes = append(identity.Scopes, scope)
		}
	}
	if len(identity.Scopes) == 0 {
		return nil, &jwtError{http.StatusForbidden, "insufficient_scope", "the token has none of the scopes that the route requires"}
	}
	return identity, nil
}

// verify checks what API Gateway checks: the signature, iss, aud or else
// client_id, exp, nbf and iat.
func (is *issuers) verify(ctx context.Context, token string, auth *stack.JWTAuth) (map[string]any, *jwtError) {
	provider, err := is.provider(auth.Issuer)
	if err != nil {
		return nil, invalidToken("the issuer's keys cannot be fetched just now")
	}
	verified, err := provider.Verifier(&oidc.Config{
		SkipClientIDCheck:    true, // the audience, below, is not quite OpenID Connect's
		SupportedSigningAlgs: jwtAlgorithms,
		Now:                  is.clock.Now,
	}).Verify(ctx, token)
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return nil, invalidToken("the token has expired")
	case err != nil:
		return nil, invalidToken("the token is not a valid one of the issuer")
	}
	if verified.IssuedAt.After(is.clock.Now().Add(time.Minute)) {
		return nil, invalidToken("the token was issued in the future")
	}
	var raw json.RawMessage
	var claims map[string]any
	if err := verified.Claims(&raw); err != nil {
		return nil, invalidToken("the token's claims are not JSON")
	}
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber() // numbers stay as they are written
	if err := decoder.Decode(&claims); err != nil {
		return nil, invalidToken("the token's claims are not an object")
	}
	audience := verified.Audience
	if len(audience) == 0 {
		if id, ok := claims["client_id"].(string); ok {
			audience = []string{id}
		}
	}
	if !slices.ContainsFunc(audience, func(a string) bool { return slices.Contains(auth.Audience, a) }) {
		return nil, invalidToken("the token does not have a valid audience")
	}
	return claims, nil
}

// tokenScopes returns what the token may do: `scope`, a string with spaces, or
// `scp`, which some issuers write as a list.
func tokenScopes(claims map[string]any) []string {
	for _, name := range []string{"scope", "scp"} {
		switch value := claims[name].(type) {
		case string:
			return strings.Fields(value)
		case []any:
			var scopes []string
			for _, each := range value {
				scopes = append(scopes, fmt.Sprint(each))
			}
			return scopes
		}
	}
	return nil
}

// provider returns what the issuer says of itself.
func (is *issuers) provider(url string) (*oidc.Provider, error) {
	is.mu.Lock()
	i, ok := is.known[url]
	if !ok {
		i = &issuer{url: url}
		is.known[url] = i
	}
	is.mu.Unlock()
	return i.discover(is.clock.Now)
}

// discover asks the issuer once; who comes meanwhile waits for the answer.
func (i *issuer) discover(now func() time.Time) (*oidc.Provider, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.provider != nil {
		return i.provider, nil
	}
	if now().Before(i.retry) {
		return nil, i.failure
	}
	// go-oidc keeps this context's client for the keys, which it fetches later, so
	// the time limit is the client's and not the context's.
	client := &http.Client{Timeout: issuerTimeout, Transport: politeTransport()}
	provider, err := oidc.NewProvider(oidc.ClientContext(context.Background(), client), i.url)
	if err != nil {
		i.failure, i.retry = err, now().Add(issuerRetry)
		return nil, err
	}
	i.provider = provider
	return provider, nil
}

// politeTransport limits how often the issuer is asked, because anybody can send
// tokens that name keys it does not have, and each makes go-oidc ask for them.
func politeTransport() http.RoundTripper {
	return &limitedTransport{http.DefaultTransport, rate.NewLimiter(1, 10)}
}

type limitedTransport struct {
	next    http.RoundTripper
	limiter *rate.Limiter
}

func (t *limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.limiter.Allow() {
		return nil, errors.New("the issuer was asked too often")
	}
	return t.next.RoundTrip(r)
}
