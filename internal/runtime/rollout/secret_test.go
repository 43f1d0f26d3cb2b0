package rollout

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestTheLongerOfTwoSecretsIsLeftOutWhole(t *testing.T) {
	if got, want := redacted("horse, horse-battery, battery", []string{"horse", "horse-battery"}), "(secret), (secret), battery"; got != want {
		t.Errorf("redacted it is %s, want %s", got, want)
	}
}

func TestSecretsAreLeftOutHoweverTheyAreWritten(t *testing.T) {
	for name, c := range map[string]struct{ secret, text, want string }{
		"as it is":                {"correct-horse", "the key correct-horse is wrong", "the key (secret) is wrong"},
		"in JSON":                 {"a\"b\\c\nd<e\"", `{"key":"a\"b\\c\nd<e\""}`, `{"key":"(secret)"}`},
		"in JSON within a string": {`a"bcd`, `{"errorMessage":"{\"key\":\"a\\\"bcd\"}"}`, `{"errorMessage":"{\"key\":\"(secret)\"}"}`},
		"in ASCII":                {"grün 🌱", `{"key": "gr\u00fcn \ud83c\udf31"}`, `{"key": "(secret)"}`},
		"at the end of a path":    {`a:\b\`, `a:\b\ "a:\\b\\"`, `(secret) "(secret)"`},
		"short, in quotes":        {"to", `{"go":"to","a":"\"to\""} 'to' to`, `{"go":(secret),"a":"(secret)"} (secret) to`},
		"empty":                   {"", `{"key":""}`, `{"key":""}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := redacted(c.text, []string{c.secret}); got != c.want {
				t.Errorf("redacted it is %s, want %s", got, c.want)
			}
		})
	}
}

// What a hook returned is told to people, and kept: no secret of the stack may be in it,
// not even the half of one that is left where it is cut off.
func TestAHooksFailureHasNoSecrets(t *testing.T) {
	with := func(s stack.Stack, function, secret string) {
		f := s.Functions[function]
		f.Secrets, f.SecretsVersion = map[string]string{"KEY": secret}, secret[:1]
		s.Functions[function] = f
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.hook = func(context.Context, int) (invoke.Response, error) {
			text := "stable key, candidate's key, hook's own key." + strings.Repeat(" ", maxPayload)
			text = text[:maxPayload-10] + "candidate's key"
			return invoke.Response{FunctionError: "Unhandled", Payload: []byte(text)}, nil
		}
		w.node()
		old := shop(stack.Release{}, "A", "A")
		with(old, "g", "stable key")
		w.deploy(old)
		p := policy(stack.Canary, 10)
		p.Before = "smoke"
		next := shop(p, "B", "A")
		with(next, "f", "candidate's key")
		with(next, "smoke", "hook's own key")
		w.deploy(next)
		w.ended(release.RolledBack, 1, 1)
		if !strings.Contains(w.last(), " failed and returned (secret), (secret), (secret). ") || strings.Contains(w.last(), "cand") {
			t.Errorf("it ended because %q", w.last())
		}
		w.kill(w.nodes[0])
	})
}
