package language

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestPythonHandlers(t *testing.T) {
	each(t, "python", func(t *testing.T, runtime string) {
		for name, c := range map[string]struct {
			handler string
			files   map[string]string
			want    string
		}{
			"plain":            {"app.handler", map[string]string{"app.py": "def handler(event, context):\n  return {'got': event['n']}"}, `{"got": 1}`},
			"nothing returned": {"app.handler", map[string]string{"app.py": "def handler(event, context): pass"}, `null`},
			"package":          {"pkg.module.handler", map[string]string{"pkg/__init__.py": "", "pkg/module.py": "from .other import value\ndef handler(event, context): return value", "pkg/other.py": "value = 2"}, `2`},
			"folder":           {"src/app.handler", map[string]string{"src/app.py": "def handler(event, context): return 'src'"}, `"src"`},
			"class":            {"app.handler", map[string]string{"app.py": "class H:\n  def __call__(self, event, context): return 3\nhandler = H()"}, `3`},
			"own modules":      {"app.handler", map[string]string{"app.py": "import dep, json\ndef handler(event, context): return dep.value", "dep.py": "value = 4"}, `4`},
			"own json module":  {"app.handler", map[string]string{"app.py": "import simplejson_like\ndef handler(event, context): return simplejson_like.value", "simplejson_like.py": "value = 'ü'"}, `"\u00fc"`},
			"standard library": {"app.handler", map[string]string{"app.py": "import ssl, sqlite3, subprocess, ctypes\ndef handler(event, context): return subprocess.run(['echo', 'x'], stdout=subprocess.PIPE).stdout.decode()"}, `"x\n"`},
			"dates in a file":  {"app.handler", map[string]string{"app.py": "import os\ndef handler(event, context): return [os.getcwd() == os.environ['LAMBDA_TASK_ROOT'], __name__]"}, `[true, "app"]`},
		} {
			t.Run(name, func(t *testing.T) {
				f := start(t, runtime, c.handler, c.files)
				f.responds(`{"n":1}`, c.want)
				f.responds(`{"n":1}`, c.want)
			})
		}
	})
}

func TestPythonTraceID(t *testing.T) {
	each(t, "python", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{"app.py": `
import os, subprocess, sys
from os import environ
name = "_X_AMZN_TRACE_ID"
child = ["/bin/sh", "-c", 'printf %s "$' + name + '"']
def forked():
  read, write = os.pipe()
  if os.fork() == 0:
    os.dup2(write, 1)
    os.execv(child[0], child)
  os.close(write)
  with open(read) as f: return f.read()
def own():
  os.environ[name] = "own"
  return "%s,%s" % (environ[name], ways["child"]())
def removed():
  del os.environ[name]
  return "%s,%s" % (name in environ, ways["child"]())
ways = {
  "read": lambda: os.environ[name], "imported": lambda: environ.get(name), "getenv": lambda: os.getenv(name), "bytes": lambda: os.environb[name.encode()].decode(),
  "copy": lambda: dict(os.environ)[name], "child": lambda: subprocess.run(child, stdout=subprocess.PIPE).stdout.decode(),
  "popen": lambda: os.popen('printf %s "$' + name + '"').read(), "forked": forked, "own": own, "removed": removed,
}
def handler(how, context): return ways[how]()`})
		for _, how := range []string{"read", "imported", "getenv", "bytes", "copy", "child", "popen", "forked"} {
			for _, id := range []string{"Root=1-a", "Root=1-b", "Root=1-a"} {
				a := f.invokeWith(`"`+how+`"`, map[string]string{"Lambda-Runtime-Trace-Id": id + how})
				if want := `"` + id + how + `"`; a.body != want {
					t.Errorf("%s gives %s and not %s", how, a.body, want)
				}
			}
		}
		f.responds(`"own"`, `"own,own"`)
		f.responds(`"child"`, `"Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"`)
		f.responds(`"removed"`, `"False,"`)
		f.responds(`"child"`, `"Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"`)
	})
}

func TestPythonContext(t *testing.T) {
	each(t, "python", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{"app.py": `
import os
def handler(event, c):
  c.log("logged\n")
  left = c.get_remaining_time_in_millis()
  return dict(name=c.function_name, version=c.function_version, memory=c.memory_limit_in_mb, id=c.aws_request_id,
    group=c.log_group_name, stream=c.log_stream_name, arn=c.invoked_function_arn, left=50000 < left <= 60000,
    client=[c.client_context.custom, c.client_context.env, c.client_context.client.app_title],
    identity=[c.identity.cognito_identity_id, c.identity.cognito_identity_pool_id],
    trace=os.environ['_X_AMZN_TRACE_ID'], execution=os.environ['AWS_EXECUTION_ENV'], own=os.environ['OWN'], handler=os.environ['_HANDLER'])
`}, with("OWN", "mine"), with("_HANDLER", "other"))
		a := f.invokeWith(`{}`, map[string]string{
			"Lambda-Runtime-Client-Context":   `{"custom":{"name":"Jörg"},"env":{"a":"b"},"client":{"app_title":"shop"}}`,
			"Lambda-Runtime-Cognito-Identity": `{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}`,
		})
		var got map[string]any
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatalf("%s %s: %v", a.to, a.body, err)
		}
		for name, want := range map[string]string{
			"name": "shop-orders", "version": "7", "memory": "512", "id": requestID, "group": "/aws/lambda/shop-orders",
			"stream": "2025/01/31/[7]abc", "arn": functionARN, "left": "true", "client": "[map[name:Jörg] map[a:b] shop]",
			"identity": "[id pool]", "trace": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700", "execution": "AWS_Lambda_" + runtime,
			"own": "mine", "handler": "app.handler",
		} {
			if fmt.Sprint(got[name]) != want {
				t.Errorf("%s is %v, not %s", name, got[name], want)
			}
		}
		f.prints("logged")
	})
}

func TestPythonErrors(t *testing.T) {
	each(t, "python", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{"app.py": `
import datetime
class Odd(Exception): pass
def deep(): raise Odd("odd")
def handler(event, context):
  how = event.get("how")
  if how == "raise": deep()
  if how == "date": return datetime.datetime.now()
  if how == "set": return {1, 2}
  return "fine"
`})
		got := f.fails(`{"how":"raise"}`, "Odd", "odd")
		if got.RequestID != requestID || len(got.StackTrace) != 2 || !strings.Contains(got.StackTrace[0], `app.py", line 7, in handler`) || !strings.Contains(got.StackTrace[1], "in deep") {
			t.Errorf("it failed with %+v", got)
		}
		f.prints(`\[ERROR\] Odd: odd\rTraceback \(most recent call last\):\r  File "[^"]*app\.py", line 7, in handler\r.*raise Odd\("odd"\)[^\n]*`)
		got = f.fails(`{"how":"date"}`, "Runtime.MarshalError", "Unable to marshal response: Object of type datetime is not JSON serializable")
		if len(got.StackTrace) != 0 || got.RequestID != requestID {
			t.Errorf("it failed with %+v", got)
		}
		f.fails(`{"how":"set"}`, "Runtime.MarshalError", "Unable to marshal response: Object of type set is not JSON serializable")
		if got := f.invoke(`{"how":`).failure(t); got.ErrorType != "Runtime.UnmarshalError" {
			t.Errorf("malformed JSON fails with %+v", got)
		}
		f.responds(`{}`, `"fine"`)
	})
}

func TestPythonExits(t *testing.T) {
	each(t, "python", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{"app.py": "import sys\ndef handler(event, context): sys.exit(5)"})
		if a := f.invoke(`{}`); a.to != "exit" || a.body != "5" {
			t.Errorf("sys.exit(5) gives %+v", a)
		}
	})
}

func TestPythonFunctionsThatCannotStart(t *testing.T) {
	each(t, "python", func(t *testing.T, runtime string) {
		for name, c := range map[string]struct {
			handler            string
			files              map[string]string
			errorType, message string
		}{
			"no module":     {"app.handler", nil, "Runtime.ImportModuleError", `^Unable to import module 'app': No module named 'app'$`},
			"no dependency": {"app.handler", map[string]string{"app.py": "import lost"}, "Runtime.ImportModuleError", `^Unable to import module 'app': No module named 'lost'$`},
			"no handler":    {"app.handler", map[string]string{"app.py": ""}, "Runtime.HandlerNotFound", `^Handler 'handler' missing on module 'app'$`},
			"malformed":     {"app", map[string]string{"app.py": ""}, "Runtime.MalformedHandlerName", `^Bad handler 'app'`},
			"built-in":      {"sys.exit", nil, "Runtime.ImportModuleError", `^Cannot use built-in module sys as a handler module$`},
			"syntax":        {"app.handler", map[string]string{"app.py": "def handler(:"}, "Runtime.UserCodeSyntaxError", `^Syntax error in module 'app': `},
			"raises":        {"app.handler", map[string]string{"app.py": "raise ValueError('while loading')"}, "ValueError", `^while loading$`},
		} {
			t.Run(name, func(t *testing.T) {
				start(t, runtime, c.handler, c.files).failsToStart(c.errorType, regexp.MustCompile(c.message))
			})
		}
	})
}

func TestPythonLogging(t *testing.T) {
	each(t, "python", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{"app.py": `
import logging, sys
logging.basicConfig(level=logging.ERROR)  # does nothing: there is a handler already
logging.warning("loading")
log = logging.getLogger("mine")
log.setLevel(logging.INFO)
def handler(event, context):
  log.info("a %s", "b")
  logging.warning("two\nlines")
  logging.info("not shown")
  print("printed")
  print("to stderr", file=sys.stderr)
  try:
    1 / 0
  except ZeroDivisionError:
    log.exception("caught")
`})
		f.responds(`{}`, `null`)
		const now = `\t20..-..-..T..:..:..\....Z\t`
		f.prints(`\[WARNING\]` + now + `\tloading`)
		f.prints(`\[INFO\]` + now + requestID + `\ta b`)
		f.prints(`\[WARNING\]` + now + requestID + `\ttwo\rlines`)
		f.prints(`\[ERROR\]` + now + requestID + `\tcaught\rTraceback .*\rZeroDivisionError: division by zero`)
		f.prints(`printed`)
		f.prints(`to stderr`)
		if strings.Contains(f.output.String(), "not shown") {
			t.Errorf("the root logger's level is below WARNING: %s", f.output)
		}
	})
}

func TestPythonPayloads(t *testing.T) {
	each(t, "python", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{"app.py": "import json\ndef handler(event, context): return event\njson.dumps = json.dumps"})
		f.chunked = 0
		for _, chunk := range []int{0, 1000, 65536} {
			f.chunked = chunk
			for _, size := range []int{1, 1000, 65536, 1<<20 + 1} {
				payload := `"` + strings.Repeat("x", size) + `"`
				if a := f.invoke(payload); a.to != "response" || a.body != payload {
					t.Fatalf("%d bytes in chunks of %d come back as %s, %d bytes", len(payload), chunk, a.to, len(a.body))
				}
			}
		}
		f.responds(`"ü€😀"`, `"\u00fc\u20ac\ud83d\ude00"`)
	})
}

func TestPythonLayersComeAfterThePackage(t *testing.T) {
	each(t, "python", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{
			"app.py": "import shared, versioned, both\ndef handler(event, context): return [shared.v, versioned.v, both.v]", "both.py": "v = 'package'",
		}, layer(t, map[string]string{
			"python/shared.py": "v = 'layer'", "python/both.py": "v = 'layer'",
			"python/lib/" + runtime + "/site-packages/versioned.py": "v = 'versioned'",
		}))
		f.responds(`{}`, `["layer", "versioned", "package"]`)
	})
}

func TestPythonSeesNothingOfTheHostsUser(t *testing.T) {
	t.Setenv("PYTHONPATH", "/evil")
	t.Setenv("PYTHONSTARTUP", "/evil.py")
	each(t, "python", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{"app.py": `
import sys
def handler(event, context): return [p for p in sys.path if 'evil' in p or '.local' in p], 'site' in sys.modules`})
		f.responds(`{}`, `[[], false]`)
	})
}
