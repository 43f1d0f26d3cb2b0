package invoke

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// lastWords echoes, and takes as long to end as it is given.
func lastWords(took time.Duration) program {
	return func(p *process) {
		p.onTerminate = func() {
			time.AfterFunc(took, func() {
				p.print("last words\n")
				p.kill()
			})
		}
		echo(p)
	}
}

func TestAnInstanceThatIsNotNeededMayPutItsThingsInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		took, ended time.Duration
		said        bool
	}{
		"at once":  {0, 0, true},
		"in time":  {400 * time.Millisecond, 400 * time.Millisecond, true},
		"too late": {time.Hour, shutdownGrace, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, lastWords(c.took))
				h.must(Request{})
				began := time.Now()
				h.drain(t.Context())
				h.close()
				if took := time.Since(began); took != c.ended {
					t.Errorf("it took %v, want %v", took, c.ended)
				}
				if said := strings.Contains(h.logs.text(), "last words"); said != c.said {
					t.Errorf("its last words are in the log: %t, want %t", said, c.said)
				}
			})
		})
	}
}

func TestATimeoutIsAnsweredAtOnceAndKills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			p.onTerminate = func() { t.Error("a function that takes too long is asked to end") }
			p.next()
			p.hang()
		})
		began := time.Now()
		h.must(Request{})
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("the answer took %v", took)
		}
		synctest.Wait()
		if n := h.sandbox.running.Load(); n != 0 {
			t.Errorf("%d instances are still there", n)
		}
	})
}

func TestProcessesGetSIGTERMBeforeTheyAreKilled(t *testing.T) {
	for name, c := range map[string]struct{ runtime, file, code string }{
		"Node.js": {"nodejs", "app.js", `
			process.on('SIGTERM', () => { console.log('last words'); process.exit(0) })
			exports.handler = async () => 'ok'`},
		"Node.js that goes on": {"nodejs", "app.js", `
			process.on('SIGTERM', () => console.log('last words'))
			setInterval(() => {}, 1000)
			exports.handler = async () => 'ok'`},
		"Python": {"python", "app.py", `
import signal, sys
def end(*_):
    print('last words')
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
def handler(event, context):
    return 'ok'
`},
	} {
		t.Run(name, func(t *testing.T) {
			n := newRealNode(t)
			n.deploy(n.runtime(c.runtime), "app.handler", map[string]string{c.file: c.code})
			n.invoke(`{}`)
			n.Close(t.Context()) // returns when the processes are gone
			said := false
			for line, err := range n.logs.Read(t.Context(), telemetry.Query{Stack: "shop"}) {
				if err != nil {
					t.Fatal(err)
				}
				said = said || strings.Contains(line.Line, "last words")
			}
			if !said {
				t.Error("the function could not say its last words")
			}
		})
	}
}

// What an invocation leaves in /tmp the next one of the same instance finds, and no
// other instance does.
func TestTmpIsKeptBetweenInvocationsOfAnInstance(t *testing.T) {
	n := newRealNode(t)
	n.deploy(n.runtime("nodejs"), "app.handler", map[string]string{"app.js": `
		const fs = require('fs'), path = require('path').join(require('os').tmpdir(), 'kept')
		exports.handler = async (e) => {
			const before = fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : ''
			fs.appendFileSync(path, e.text)
			if (e.end) process.exit(1)
			return before
		}`})
	for _, step := range []struct{ event, want string }{
		{`{"text":"a"}`, `""`}, {`{"text":"b"}`, `"a"`}, {`{"text":"c"}`, `"ab"`},
	} {
		if r := n.invoke(step.event); string(r.Payload) != step.want {
			t.Errorf("%s found %s, want %s", step.event, r.Payload, step.want)
		}
	}
	n.invoke(`{"text":"d","end":true}`)
	if r := n.invoke(`{"text":"x"}`); string(r.Payload) != `""` {
		t.Errorf("another instance found %s", r.Payload)
	}
}
