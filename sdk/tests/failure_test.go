package tests

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// What is not there, or is another kind of stack, is an error for whoever imports or reads it,
// and nothing of it gets into the state.
func TestWhatIsNotThereIsAnError(t *testing.T) {
	l := newLab(t)
	l.program("resources:\n%s", l.declaration("jobs", "Queue", "jobs", "hello", "protect: false"))
	l.up()
	check(t, os.WriteFile(filepath.Join(l.dir, "import.json"), []byte(`{"resources": [
		{"type": "tidegate:index/httpApi:HttpApi", "name": "a", "id": "ghost-a"},
		{"type": "tidegate:index/queue:Queue", "name": "b", "id": "ghost-b"},
		{"type": "tidegate:index/schedule:Schedule", "name": "c", "id": "ghost-c"},
		{"type": "tidegate:index/stack:Stack", "name": "d", "id": "ghost-d"},
		{"type": "tidegate:index/alias:Alias", "name": "e", "id": "jobs/greet/ghost-e"},
		{"type": "tidegate:index/alias:Alias", "name": "f", "id": "ghost-f"},
		{"type": "tidegate:index/stack:Stack", "name": "g", "id": "jobs"}
	]}`), 0o600))
	_, err := l.try("import", "--file", "import.json", "--yes", "--generate-code=false")
	for _, name := range []string{"ghost-a", "ghost-b", "ghost-c", "ghost-d"} {
		says(t, err, `Cannot import stack "`+name+`": There is no stack of that name on the target.`)
	}
	says(t, err, `Cannot import alias "jobs/greet/ghost-e": `)
	says(t, err, `Cannot import alias "ghost-f": An alias is imported by <stack>/<function>/<name>`)
	says(t, err, `It is a tidegate.Queue, not a tidegate.Stack; use: pulumi import tidegate:index/queue:Queue <label> jobs`)
	if all := l.all(""); len(all) != 1 {
		t.Errorf("the state has what is not there: %v", all)
	}

	l.program(`variables:
  a: { "fn::invoke": { function: tidegate:getStack, arguments: { name: ghost-a } } }
  b: { "fn::invoke": { function: tidegate:getVersions, arguments: { stack: ghost-b, function: greet } } }
  c: { "fn::invoke": { function: tidegate:getReleases, arguments: { stack: ghost-c } } }
outputs: { a: "${a}", b: "${b}", c: "${c}" }
`)
	_, err = l.try("preview")
	says(t, err, `Cannot read stack "ghost-a": There is no stack of that name on the target.`)
	says(t, err, `Cannot read stack "ghost-b": There is no stack of that name on the target.`)
	says(t, err, `Cannot read releases of stack "ghost-c": There is no stack of that name on the target.`)
}

// A create that ran out of its customTimeouts, and a release that was rolled back, leave what
// they have made in the state. The next `pulumi up` goes on from there.
func TestWhatAFailedOperationLeftIsKept(t *testing.T) {
	l := newLab(t)
	declare := func(options string) {
		l.program(`resources:
  shop:
    type: tidegate:Stack
    properties:
      name: shop
      functions: { greet: { source: ./code, runtime: %s, handler: app.handler, environment: { API_KEY: { "fn::secret": %s } } } }
      release: { strategy: linear, weight: 50, interval: 1s, before: greet }
    options: { %s }
`, l.python, secret, options)
	}
	write := func(body string) {
		check(t, os.MkdirAll(filepath.Join(l.dir, "code"), 0o700))
		code := "import os\n\n\ndef handler(event, context):\n    " + body + "\n"
		check(t, os.WriteFile(filepath.Join(l.dir, "code", "app.py"), []byte(code), 0o600))
	}
	// all traffic goes to one version, as the state has it and as the target has it.
	allTo := func(version float64) {
		t.Helper()
		f := l.only("Stack").function(t, "greet")
		if routing, _ := f["routing"].(map[string]any); f["version"] != version || len(routing) != 1 || routing[fmt.Sprint(version)] != 100.0 {
			t.Errorf("the state has version %v and routing %v", f["version"], f["routing"])
		}
		if got := l.invoke("shop/greet", `{}`); got["release"] != version {
			t.Errorf("the function answers %v", got)
		}
	}
	write("return {'release': 1}")
	declare("customTimeouts: { create: 1ms }")
	says(t, l.upFails(), "the create timeout of 1ms has passed")
	declare("protect: false")
	l.up()
	allTo(1)

	write("return {'release': 2}")
	l.up()
	allTo(2)

	// The function that a release runs first fails, so that it is rolled back.
	write("raise Exception('not ready')")
	err := l.upFails()
	says(t, err, "rolled back")
	says(t, err, "not ready")
	allTo(2)
	if failures := l.only("Stack").Failures; len(failures) != 1 || !strings.Contains(failures[0], "rolled back") {
		t.Errorf("what the state tells of the failure is %q", failures)
	}

	write("return {'release': 4}")
	l.up()
	allTo(4)
	if failures := l.only("Stack").Failures; len(failures) > 0 {
		t.Errorf("after all was set right the state tells of %q", failures)
	}
	l.unchanged()
	l.noPlainSecret()
}

// What a provider's sentences name are the properties and types of the program's language.
func TestBadInputIsNamedAsInPulumi(t *testing.T) {
	l := newLab(t)
	l.program(`resources:
  orders:
    type: tidegate:Queue
    properties:
      name: Orders!
      visibilityTimeout: 13h
      consumer: { function: nosuch, batchSize: 100 }
      functions:
        greet: { source: ./greet, runtime: %s, handler: app.handler, environment: { API_KEY: { "fn::secret": %s } } }
`, l.python, secret)
	_, err := l.try("preview")
	for _, words := range []string{
		"orders.name", "visibilityTimeout", "consumer.batchWindow",
		`there is no function "nosuch" in this stack; there is "greet"`,
	} {
		says(t, err, words)
	}
	for _, name := range []string{"batch_window", "visibility_timeout", "Terraform"} {
		if strings.Contains(fmt.Sprint(err), name) {
			t.Errorf("an error says %q as in Terraform: %v", name, err)
		}
	}
	if err := l.runtime.Call(l.context(), http.MethodGet, "/v1/stacks/orders", nil, nil); !harness.IsStatus(err, http.StatusNotFound) {
		t.Errorf("a preview has made a stack: %v", err)
	}
}

// What languages without types let pass is found by a preview, and no value is shown with it:
// it could be a secret.
func TestProgramsWithoutTypesLearnWhatIsWrong(t *testing.T) {
	for _, language := range []struct {
		name, file string
		start      func(*lab) program
	}{
		{"Python", "wrong.py", pythonProgram},
		{"JavaScript", "wrong.js", func(l *lab) program {
			l.copyExample("typescript")
			linkNodeModules(l.t, l.dir)
			return javaScriptProgram(l)
		}},
	} {
		t.Run(language.name, func(t *testing.T) {
			l := newLab(t)
			p := language.start(l).(foreign)
			l.configure(p.stack(), map[string]string{"signingKey": secret})
			err := p.previewFile(language.file)
			for _, words := range []string{
				"`functions.greet.memory` ", "`functions.greet.layers` ", "`functions.greet.memry` is not a property", "`consumer.function` is missing",
			} {
				says(t, err, words)
			}
			for _, shown := range []string{secret, "plenty", "base.zip"} {
				if strings.Contains(fmt.Sprint(err), shown) {
					t.Errorf("the error shows %q: %v", shown, err)
				}
			}
		})
	}
}

// says fails the test unless err has the words.
func says(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil {
		t.Error(errors.New("there is no error; it should say: " + words))
	} else if !strings.Contains(strings.Join(strings.Fields(err.Error()), " "), words) {
		t.Errorf("the error does not say %q:\n%v", words, err)
	}
}
