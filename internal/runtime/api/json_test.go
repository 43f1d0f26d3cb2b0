package api

import (
	"errors"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestABodyThatIsNotUnderstoodIsExplained(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		want       []string
	}{
		{"empty", " ", 400, []string{"the body is empty"}},
		{"cut short", `{"name":`, 400, []string{"not valid JSON", "ends too early"}},
		{"malformed", "{\n  \"name\": orders}", 400, []string{"not valid JSON", "line 2, column 11"}},
		{"two values", `{} {}`, 400, []string{"send one value"}},
		{"no object", `[]`, 422, []string{"must be an object, not a list"}},
		{"unknown field", `{"functions":{"f":{"timout":"3s"}}}`, 422, []string{`functions["f"].timout: there is no such field`, "timeout"}},
		{"another case", `{"Name":"orders"}`, 422, []string{"Name: there is no such field"}},
		{"wrong kind", `{"functions":{"f":{"memory":"128"}}}`, 422, []string{`functions["f"].memory: must be a whole number, not a string`}},
		{"fraction", `{"functions":{"f":{"memory":1.5}}}`, 422, []string{"must be a whole number, not 1.5"}},
		{"duration", `{"functions":{"f":{"timeout":"soon"}}}`, 422, []string{`functions["f"].timeout: "soon" is not a duration`}},
		{"time", `{"trigger":{"schedule":{"schedules":{"n":{"start":"tomorrow"}}}}}`, 422, []string{`trigger.schedule.schedules["n"].start: must be a time such as`}},
		{"list", `{"functions":{"f":{"permissions":[{"actions":"*"}]}}}`, 422, []string{`functions["f"].permissions[0].actions: must be a list, not a string`}},
		{"boolean", `{"trigger":{"queue":{"fifo":1}}}`, 422, []string{"trigger.queue.fifo: must be true or false, not a number"}},
		{"several", `{"functions":{"f":{"memory":"x","nope":1}}}`, 422, []string{"for 2 reasons", "memory", "nope"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var into stack.Stack
			err := decodeJSON([]byte(c.body), &into)
			var p *Problem
			if !errors.As(err, &p) {
				t.Fatalf("got %v, want a problem", err)
			}
			if p.Status != c.status {
				t.Errorf("status %d, want %d", p.Status, c.status)
			}
			for _, want := range c.want {
				if !strings.Contains(p.Detail, want) {
					t.Errorf("%q does not say %q", p.Detail, want)
				}
			}
		})
	}
}

func TestSecretsAreNotRepeatedInErrors(t *testing.T) {
	var into stack.Stack
	for _, body := range []string{
		`{"functions":{"f":{"secrets":"hunter2"}}}`,
		`{"functions":{"f":{"secrets":{"PASSWORD":["hunter2"]}}}}`,
		`{"functions":{"f":{"secrets":{"PASSWORD":"hunter2"}}}`,
	} {
		err := decodeJSON([]byte(body), &into)
		if err == nil {
			t.Errorf("%s was accepted", body)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}

func TestDefaultsHoldForWhatIsLeftOut(t *testing.T) {
	var s stack.Stack
	body := `{"functions":{"f":{"runtime":"provided","async":{"retries":0}}},"trigger":{"queue":{"consumer":{"function":"f"}}}}`
	if err := decodeJSON([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	f := s.Functions["f"]
	if f.Memory != 128 || f.Async.Retries != 0 || f.KeepVersions != 10 || !s.Trigger.Queue.Consumer.Enabled {
		t.Errorf("got %+v and %+v", f, s.Trigger.Queue)
	}
}

// Whatever is sent, the strict check lets through only what decodes.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{
		`{"functions":{"f":{"timeout":"3s","memory":128,"permissions":[{"actions":["*"],"resources":["*"]}]}}}`,
		`{"trigger":{"schedule":{"schedules":{"n":{"start":"2026-01-31T12:00:00Z","enabled":false}}}}}`,
		`{"tags":{"a":null},"functions":null}`, `{`, `[[]]`, `{"functions":{"f":{"memory":1e400}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var into stack.Stack
		err := decodeJSON([]byte(body), &into)
		var p *Problem
		if err != nil && !errors.As(err, &p) {
			t.Fatalf("%v is not a problem", err)
		}
		if p != nil && strings.Contains(p.Detail, "Go struct field") {
			t.Fatalf("encoding/json's words got through: %s", p.Detail)
		}
	})
}
