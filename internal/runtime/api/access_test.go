package api

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/trigger"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

const ordersARN = "arn:aws:sqs:open-1:000000000000:orders"

// shop is a directory with one stack, whose function "order" may send to orders.
type shop struct{ record *store.Record }

func newShop() *shop {
	return &shop{&store.Record{
		Incarnation: "first",
		Stack: stack.Stack{Name: "shop", Functions: map[string]stack.Function{
			"order": {Permissions: []stack.Permission{{
				Actions: []string{"sqs:Send*"}, Resources: []string{"arn:aws:sqs:*:*:orders"},
			}}},
			"idle": {},
		}},
	}}
}

func (s *shop) access() *Access {
	return NewAccess("management-token", []byte("key"), func(name string) (*store.Record, bool) {
		return s.record, s.record != nil && name == s.record.Stack.Name
	})
}

func requestWith(token string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/queues/orders", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func TestAFunctionMayDoWhatItsPermissionsSayNow(t *testing.T) {
	shop := newShop()
	access := shop.access()
	token := access.FunctionToken("shop", "first", "order")
	allowed := func(action, arn string) bool {
		err := access.Authorize(requestWith(token), action, arn)
		if errors.Is(err, trigger.ErrUnauthenticated) {
			t.Fatal("the token is not taken for valid")
		}
		return err == nil
	}
	if !allowed("sqs:SendMessage", ordersARN) || !allowed("SQS:sendmessage", ordersARN) {
		t.Error("the function may not send to its queue")
	}
	if allowed("sqs:PurgeQueue", ordersARN) || allowed("sqs:SendMessage", ordersARN+"-dead-letters") || allowed("sqs:SendMessage", strings.ToUpper(ordersARN)) {
		t.Error("the function may do more than its permissions say")
	}
	shop.record.Stack.Functions["order"] = stack.Function{}
	if allowed("sqs:SendMessage", ordersARN) {
		t.Error("the function may still send after its permission was taken away")
	}
}

func TestOnlyTheManagementTokenPassesForManagement(t *testing.T) {
	access := newShop().access()
	if !access.IsManagement(requestWith("management-token")) {
		t.Error("the management token does not pass")
	}
	for _, token := range []string{"", "management-toke", "management-token2", access.FunctionToken("shop", "first", "order")} {
		if access.IsManagement(requestWith(token)) {
			t.Errorf("%q passes for the management token", token)
		}
	}
	if err := access.Authorize(requestWith("management-token"), "sqs:SendMessage", ordersARN); err != nil {
		t.Errorf("the management token does not pass on the ingress: %v", err)
	}
}

func TestATokenOfAnotherStackOrKeyOrShapeIsNoToken(t *testing.T) {
	shop := newShop()
	access := shop.access()
	good := access.FunctionToken("shop", "first", "order")
	forged := NewAccess("", []byte("another key"), nil).FunctionToken("shop", "first", "order")
	claims, signature, _ := strings.Cut(good, ".")
	otherClaims := functionTokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(`{"s":"shop","i":"first","f":"idle"}`))
	for name, token := range map[string]string{
		"none":                  "",
		"another key":           forged,
		"earlier incarnation":   access.FunctionToken("shop", "zeroth", "order"),
		"unknown function":      access.FunctionToken("shop", "first", "gone"),
		"unknown stack":         access.FunctionToken("gone", "first", "order"),
		"no signature":          claims,
		"another's signature":   otherClaims + "." + signature,
		"garbage":               functionTokenPrefix + "!!.!!",
		"claims without prefix": strings.TrimPrefix(good, functionTokenPrefix),
	} {
		if err := access.Authorize(requestWith(token), "sqs:SendMessage", ordersARN); !errors.Is(err, trigger.ErrUnauthenticated) {
			t.Errorf("%s: got %v, want ErrUnauthenticated", name, err)
		}
	}
	shop.record.Deleted = true
	if err := access.Authorize(requestWith(good), "sqs:SendMessage", ordersARN); !errors.Is(err, trigger.ErrUnauthenticated) {
		t.Errorf("a deleted stack's token: got %v, want ErrUnauthenticated", err)
	}
}

func TestWildcards(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true},
		{"*", "anything:at/all", true},
		{"", "", true},
		{"", "a", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"a*c", "ac", true},
		{"a*c", "abcd", false},
		{"*a*b*", "xxaxxbxx", true},
		{"*a*b*", "xxbxxaxx", false},
		{"arn:*:orders", "arn:aws:sqs:x:y:orders", true},
		{"a**", "a", true},
		{"?", "", false},
		{"[a]", "a", false},
	} {
		if got := wildcard(c.pattern, c.text); got != c.want {
			t.Errorf("wildcard(%q, %q) = %v", c.pattern, c.text, got)
		}
	}
}

func FuzzFunctionToken(f *testing.F) {
	access := newShop().access()
	good := access.FunctionToken("shop", "first", "order")
	f.Add(good)
	f.Add("tgf_e30.AAAA")
	f.Add("tgf_.")
	f.Fuzz(func(t *testing.T, token string) {
		if _, _, ok := access.identify(token); ok && token != good {
			t.Fatalf("%q passes", token)
		}
	})
}
