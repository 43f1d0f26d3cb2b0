package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/trigger"
)

// functionTokenPrefix tells functions' tokens from the management token, and
// from anybody else's, at a glance.
const functionTokenPrefix = "tgf_"

// Access decides what bearer tokens may do. There are two kinds: the
// management token, which may do everything, and functions' tokens, which may do
// what their function's permissions say now.
//
// A function's token is stateless: it names the function and its stack's
// incarnation and carries a signature. Tokens of a deleted stack do not pass for
// those of a later one of the same name.
type Access struct {
	management []byte
	key        []byte
	stack      func(name string) (*store.Record, bool)
}

// NewAccess makes it of the management token, the key that signs functions'
// tokens, and a look-up of stacks.
func NewAccess(managementToken string, signingKey []byte, stack func(name string) (*store.Record, bool)) *Access {
	digest := sha256.Sum256([]byte(managementToken))
	return &Access{management: digest[:], key: signingKey, stack: stack}
}

// identity is what a function's token says.
type identity struct {
	Stack       string `json:"s"`
	Incarnation string `json:"i"`
	Function    string `json:"f"`
}

// FunctionToken makes the token of one function.
func (a *Access) FunctionToken(stackName, incarnation, function string) string {
	claims, _ := json.Marshal(identity{stackName, incarnation, function})
	text := base64.RawURLEncoding.EncodeToString(claims)
	return functionTokenPrefix + text + "." + a.sign(text)
}

func (a *Access) sign(text string) string {
	mac := hmac.New(sha256.New, a.key)
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// IsManagement tells whether the request carries the management token. The
// comparison takes as long for any token.
func (a *Access) IsManagement(r *http.Request) bool {
	return a.isManagement(r.Header.Get("Authorization"))
}

func (a *Access) isManagement(authorization string) bool {
	token, ok := bearerOf(authorization)
	digest := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(digest[:], a.management) == 1 && ok
}

// Authorize is a trigger.Authorizer.
func (a *Access) Authorize(r *http.Request, action, resourceARN string) error {
	if a.IsManagement(r) {
		return nil
	}
	token, ok := bearer(r)
	if !ok {
		return trigger.ErrUnauthenticated
	}
	who, record, ok := a.identify(token)
	if !ok {
		return trigger.ErrUnauthenticated
	}
	for _, p := range record.Permissions(who.Function) {
		if matchesAny(p.Actions, action, true) && matchesAny(p.Resources, resourceARN, false) {
			return nil
		}
	}
	return fmt.Errorf("function %s of stack %s has no permission for %s on %s", who.Function, who.Stack, action, resourceARN)
}

var _ trigger.Authorizer = (*Access)(nil).Authorize

// identify returns whose token it is, if it is a valid one of a function that
// exists.
func (a *Access) identify(token string) (identity, *store.Record, bool) {
	token, ok := strings.CutPrefix(token, functionTokenPrefix)
	if !ok {
		return identity{}, nil, false
	}
	text, signature, ok := strings.Cut(token, ".")
	if !ok || !hmac.Equal([]byte(signature), []byte(a.sign(text))) {
		return identity{}, nil, false
	}
	var who identity
	claims, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(claims, &who) != nil {
		return identity{}, nil, false
	}
	record, ok := a.stack(who.Stack)
	if !ok || record.Deleted || record.Incarnation != who.Incarnation {
		return identity{}, nil, false
	}
	_, _, ok = record.Function(who.Function)
	return who, record, ok
}

// bearer returns the token of an Authorization header (RFC 6750).
func bearer(r *http.Request) (string, bool) { return bearerOf(r.Header.Get("Authorization")) }

func bearerOf(authorization string) (string, bool) {
	scheme, token, ok := strings.Cut(authorization, " ")
	token = strings.TrimSpace(token)
	return token, ok && token != "" && strings.EqualFold(scheme, "Bearer")
}

// matchesAny tells whether a pattern of an IAM policy matches: * stands for any
// characters, ? for one. Actions are compared without regard to case, ARNs with.
func matchesAny(patterns []string, text string, foldCase bool) bool {
	if foldCase {
		text = strings.ToLower(text)
	}
	for _, pattern := range patterns {
		if foldCase {
			pattern = strings.ToLower(pattern)
		}
		if wildcard(pattern, text) {
			return true
		}
	}
	return false
}

// wildcard matches in time proportional to the product of the lengths at worst:
// on a mismatch it goes back to the last * only.
func wildcard(pattern, text string) bool {
	p, t := 0, 0
	star, mark := -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
