package language

import (
	"maps"
	"slices"
	"testing"
)

// Functions that tell whether there is a socket for the Runtime API, and whether their
// process is connected with port 9001 instead.
var connections = map[string]map[string]string{
	"nodejs": {"app.js": `
const fs = require('fs');
exports.handler = async () => [
	fs.statSync('/var/runtime-api', { throwIfNoEntry: false })?.isSocket() ?? false,
	/0100007F:2329 01 /.test(fs.readFileSync('/proc/net/tcp', 'utf8')),
].join()`},
	"python": {"app.py": `
import os, stat
def handler(event, context):
  there = os.path.exists('/var/runtime-api') and stat.S_ISSOCK(os.stat('/var/runtime-api').st_mode)
  connected = '0100007F:2329 01 ' in open('/proc/net/tcp').read()
  return ('%s,%s' % (there, connected)).lower()
`},
}

// renames calls the Runtime API's address something else, as who puts a proxy there does.
const renames = "#!/bin/sh\nAWS_LAMBDA_RUNTIME_API=localhost:9001 exec \"$@\"\n"

func TestBootstrapsPreferTheirSandboxesSocketButNotToAProxy(t *testing.T) {
	if !slices.Contains(shared.sandbox.Isolation().Enforced, "network namespace per instance") {
		t.Log("there is neither that port nor the socket:", shared.sandbox.Isolation().Missing)
		return
	}
	for language, files := range connections {
		each(t, language, func(t *testing.T, runtime string) {
			f := start(t, runtime, "app.handler", files)
			a := f.invoke(`{}`)
			if a.body != `"true,false"` && a.body != `"false,true"` {
				t.Errorf("socket, connected by TCP: %s", a.body)
			}
			f.responds(`{}`, a.body)
			proxied := maps.Clone(files)
			proxied["wrap"] = renames
			want := `"true,true"`
			if a.body == `"false,true"` {
				want = a.body
			}
			start(t, runtime, "app.handler", proxied, with(envWrapper, "/var/task/wrap")).responds(`{}`, want)
		})
	}
}
