package aws

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestAnEnvironmentTellsItsSecretsFromTheRest(t *testing.T) {
	plain, secrets := map[string]string{"A": "1"}, map[string]string{"KEY": "k", "PASSWORD": "p"}
	all := joinEnvironment(plain, secrets, "7")
	if got := all[secretsVariable]; got != `{"version":"7","names":["KEY","PASSWORD"]}` {
		t.Errorf("the note is %s", got)
	}
	if got := plainVariables(all, nil); !cmp.Equal(got, plain) {
		t.Errorf("plain: %v", got)
	}
	if got := secretVariables(all); !cmp.Equal(got, secrets) {
		t.Errorf("secret: %v", got)
	}
	if got := joinEnvironment(plain, nil, ""); !cmp.Equal(got, plain) {
		t.Errorf("without secrets: %v", got)
	}
	if got := joinEnvironment(nil, nil, "7")[secretsVariable]; got != `{"version":"7","names":[]}` {
		t.Errorf("a version of no secrets: %s", got)
	}
	if got := plainVariables(map[string]string{"PASSWORD": "p", secretsVariable: "{"}, map[string]bool{"PASSWORD": true}); got != nil {
		t.Errorf("with a broken note: %v", got)
	}
}

func TestSecretsAreComparedWithTheLiveVersionOfTheSameSecrets(t *testing.T) {
	with := func(version string, secrets map[string]string) map[string]string {
		return joinEnvironment(nil, secrets, version)
	}
	live := with("1", map[string]string{"A": "1", "B": "2"})
	lost := with("1", map[string]string{"A": "1", "B": "2"})
	delete(lost, "B")
	for _, test := range []struct {
		what   string
		latest map[string]string
		want   string
	}{
		{"the same", with("1", map[string]string{"A": "1", "B": "2"}), ""},
		{"another value", with("1", map[string]string{"A": "9", "B": "2"}), "the secret A was changed"},
		{"two other values", with("1", map[string]string{"A": "9", "B": "9"}), "the secret A was changed and the secret B was changed"},
		{"one lost", lost, "the secret B is missing"},
		{"other secrets", with("2", map[string]string{"A": "9"}), ""},
		{"none", map[string]string{"PLAIN": "1"}, ""},
	} {
		if got := secretsDrift(test.latest, live); got != test.want {
			t.Errorf("%s: %q", test.what, got)
		}
	}
	if got := secretsDrift(lost, nil); got != "the secret B is missing" {
		t.Errorf("without a live version: %q", got)
	}
}

func TestTheEnvironmentIsMeasuredAsLambdaDoes(t *testing.T) {
	if got := environmentSize(map[string]string{"A": "<>&"}); got != len(`{"A":"<>&"}`) {
		t.Errorf("%d bytes", got)
	}
}

func FuzzSecretsNeverBecomePlainVariables(f *testing.F) {
	f.Add("NAME", "value", "1", "PLAIN")
	f.Add(secretsVariable, `{"names":[]}`, "", "")
	f.Fuzz(func(t *testing.T, name, value, version, plain string) {
		if name == secretsVariable || plain == name || !utf8.ValidString(name) {
			return // stack.Validate refuses these.
		}
		all := joinEnvironment(map[string]string{plain: "x"}, map[string]string{name: value}, version)
		if got, ok := plainVariables(all, nil)[name]; ok {
			t.Errorf("%q became plain: %q", name, got)
		}
	})
}
