package language

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestNodeHandlers(t *testing.T) {
	each(t, "nodejs", func(t *testing.T, runtime string) {
		for name, c := range map[string]struct {
			handler string
			files   map[string]string
			want    string
		}{
			"async":              {"app.handler", map[string]string{"app.js": `exports.handler = async (e) => ({ got: e.n })`}, `{"got":1}`},
			"promise":            {"app.handler", map[string]string{"app.js": `exports.handler = (e) => new Promise((r) => setTimeout(() => r(e.n), 5))`}, `1`},
			"callback":           {"app.handler", map[string]string{"app.js": `exports.handler = (e, c, done) => setTimeout(() => done(null, 'late'), 5)`}, `"late"`},
			"done":               {"app.handler", map[string]string{"app.js": `exports.handler = (e, c) => c.done(null, 2)`}, `2`},
			"succeed":            {"app.handler", map[string]string{"app.js": `exports.handler = (e, c) => { setInterval(() => {}, 1000); c.succeed(3) }`}, `3`},
			"nothing returned":   {"app.handler", map[string]string{"app.js": `exports.handler = async () => {}`}, `null`},
			"nothing ever said":  {"app.handler", map[string]string{"app.js": `exports.handler = () => {}`}, `null`},
			"promise left alone": {"app.handler", map[string]string{"app.js": `exports.handler = () => new Promise(() => {})`}, `null`},
			"waits for the loop": {"app.handler", map[string]string{"app.js": `exports.handler = (e, c, done) => { const o = { n: 1 }; done(null, o); setTimeout(() => { o.n = 2 }, 5) }`}, `{"n":2}`},
			"does not wait":      {"app.handler", map[string]string{"app.js": `exports.handler = (e, c, done) => { c.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 1000); done(null, 4) }`}, `4`},
			"nested":             {"src/deep/app.api.v1.run", map[string]string{"src/deep/app.js": `exports.api = { v1: { run: async () => 'deep' } }`}, `"deep"`},
			"cjs":                {"app.handler", map[string]string{"app.cjs": `exports.handler = async () => 'cjs'`}, `"cjs"`},
			"mjs":                {"app.handler", map[string]string{"app.mjs": `export const handler = async () => 'mjs'`}, `"mjs"`},
			"mjs default":        {"app.handler", map[string]string{"app.mjs": `export default { handler: async () => 'default' }`}, `"default"`},
			"top-level await":    {"app.handler", map[string]string{"app.mjs": `const v = await new Promise((r) => setTimeout(() => r(5), 5)); export const handler = async () => v`}, `5`},
			"module by package":  {"app.handler", map[string]string{"package.json": `{"type":"module"}`, "app.js": `export const handler = async () => import.meta.url`}, `"file:///var/task/app.js"`},
			"nearer package":     {"a/app.handler", map[string]string{"package.json": `{"type":"module"}`, "a/package.json": `{}`, "a/app.js": `exports.handler = async () => __filename`}, `"/var/task/a/app.js"`},
			"own packages":       {"app.handler", map[string]string{"app.js": `exports.handler = async () => require('dep')`, "node_modules/dep/index.js": `module.exports = 'dep'`}, `"dep"`},
			"index of a folder":  {"app.handler", map[string]string{"app/index.js": `exports.handler = async () => 'index'`}, `"index"`},
			"typescript name":    {"app.lambda-handler", map[string]string{"app.js": `exports['lambda-handler'] = async () => 6`}, `6`},
		} {
			t.Run(name, func(t *testing.T) {
				if shared.sandbox.Isolation().Mode == "process" && strings.Contains(c.want, "/var/task") {
					return
				}
				f := start(t, runtime, c.handler, c.files)
				f.responds(`{"n":1}`, c.want)
				f.responds(`{"n":1}`, c.want)
			})
		}
	})
}

func TestNodeContext(t *testing.T) {
	each(t, "nodejs", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{"app.js": `exports.handler = async (e, c) => {
			const left = c.getRemainingTimeInMillis();
			return { ...c, left: left > 50000 && left <= 60000, trace: process.env._X_AMZN_TRACE_ID,
				env: ['_HANDLER', 'AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_EXECUTION_ENV', 'AWS_LAMBDA_FUNCTION_NAME', 'AWS_LAMBDA_FUNCTION_VERSION',
					'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', 'AWS_LAMBDA_LOG_GROUP_NAME', 'AWS_LAMBDA_LOG_STREAM_NAME', 'AWS_LAMBDA_INITIALIZATION_TYPE', 'TZ', 'OWN'].map((n) => process.env[n]) };
		}`}, with("OWN", "mine {task}"), with("AWS_REGION", "elsewhere"))
		a := f.invokeWith(`{}`, map[string]string{
			"Lambda-Runtime-Client-Context":   `{"custom":{"name":"Jörg"}}`,
			"Lambda-Runtime-Cognito-Identity": `{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}`,
		})
		var got map[string]any
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatalf("%s %s: %v", a.to, a.body, err)
		}
		for name, want := range map[string]string{
			"functionName": "shop-orders", "functionVersion": "7", "memoryLimitInMB": "512", "awsRequestId": requestID,
			"logGroupName": "/aws/lambda/shop-orders", "logStreamName": "2025/01/31/[7]abc", "invokedFunctionArn": functionARN,
			"left": "true", "trace": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700", "callbackWaitsForEmptyEventLoop": "true",
			"clientContext": "map[custom:map[name:Jörg]]", "identity": "map[cognitoIdentityId:id cognitoIdentityPoolId:pool]",
			"env": "[app.handler open-1 open-1 AWS_Lambda_" + runtime + " shop-orders 7 512 /aws/lambda/shop-orders 2025/01/31/[7]abc on-demand :UTC mine {task}]",
		} {
			if fmt.Sprint(got[name]) != want {
				t.Errorf("%s is %v, not %s", name, got[name], want)
			}
		}
	})
}

func TestNodeTraceID(t *testing.T) {
	each(t, "nodejs", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{"app.mjs": `
			import { execFileSync } from 'child_process';
			import { env } from 'process';
			const name = '_X_AMZN_TRACE_ID', captured = process.env;
			const read = {
				read: () => process.env[name],
				captured: () => captured[name],
				imported: () => env[name],
				copy: () => ({ ...process.env })[name],
				listed: () => name in process.env && Object.hasOwn(process.env, name) && Object.keys(process.env).includes(name) && process.env[name],
				child: () => execFileSync('/bin/sh', ['-c', 'printf %s "$' + name + '"']).toString(),
				print: () => console.log(process.env) ?? process.env[name],
				set: () => { process.env[name] = 'own'; return [process.env[name], read.copy(), read.child()].join(); },
				remove: () => { delete process.env[name]; return [name in process.env, read.read(), read.child()].join(); },
				others: () => { process.env.OTHER = 1; return [process.env.OTHER, read.child() === process.env[name], delete process.env.OTHER, 'OTHER' in process.env].join(); },
			};
			export const handler = async (how) => read[how]()`})
		for _, how := range []string{"read", "captured", "imported", "copy", "listed", "child", "print"} {
			for _, id := range []string{"Root=1-a", "Root=1-b", "Root=1-a"} {
				a := f.invokeWith(`"`+how+`"`, map[string]string{"Lambda-Runtime-Trace-Id": id + how})
				if want := `"` + id + how + `"`; a.body != want {
					t.Errorf("%s gives %s and not %s", how, a.body, want)
				}
			}
		}
		f.prints(`.*_X_AMZN_TRACE_ID: 'Root=1-bprint'.*`)
		f.responds(`"set"`, `"own,own,own"`)
		f.responds(`"copy"`, `"Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"`)
		f.responds(`"remove"`, `"false,,"`)
		f.responds(`"child"`, `"Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"`)
		f.responds(`"others"`, `"1,true,true,false"`)
	})
}

func TestNodeErrors(t *testing.T) {
	each(t, "nodejs", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{"app.js": `
			class Odd extends Error { constructor() { super('odd'); this.name = 'Odd'; this.code = 7 } }
			exports.handler = (e, c, done) => {
				switch (e.how) {
				case 'throw': throw new Odd();
				case 'reject': return Promise.reject(new TypeError('rejected'));
				case 'callback': return done(new Error('called'));
				case 'fail': return c.fail('text');
				case 'string': return Promise.reject('a string');
				case 'nothing': return Promise.reject();
				case 'bigint': return Promise.resolve(10n);
				case 'circle': { const o = {}; o.o = o; return Promise.resolve(o) }
				default: return Promise.resolve('fine');
				}
			}`})
		if got := f.fails(`{"how":"throw"}`, "Odd", "odd"); len(got.Trace) < 2 || got.Trace[0] != "Odd: odd" || !strings.Contains(got.Trace[1], "/app.js:") {
			t.Errorf("the trace is %q", got.Trace)
		}
		f.prints(`20..-..-..T..:..:..\....Z\t` + requestID + `\tERROR\tInvoke Error \t\{"errorType":"Odd","errorMessage":"odd","name":"Odd","code":7,"stack":\["Odd: odd",.*\]\}`)
		f.fails(`{"how":"reject"}`, "TypeError", "rejected")
		f.fails(`{"how":"callback"}`, "Error", "called")
		f.fails(`{"how":"fail"}`, "string", "text")
		f.fails(`{"how":"string"}`, "string", "a string")
		f.fails(`{"how":"nothing"}`, "undefined", "undefined")
		f.fails(`{"how":"bigint"}`, "Runtime.MarshalError", "Unable to stringify response body: Do not know how to serialize a BigInt")
		if got := f.invoke(`{"how":"circle"}`).failure(t); got.ErrorType != "Runtime.MarshalError" {
			t.Errorf("a value that holds itself fails with %+v", got)
		}
		f.responds(`{}`, `"fine"`)
	})
}

func TestNodeCrashes(t *testing.T) {
	each(t, "nodejs", func(t *testing.T, runtime string) {
		for name, c := range map[string]struct {
			code, errorType, message string
			status                   int
		}{
			"unhandled rejection": {`exports.handler = () => new Promise(() => { Promise.reject(new Error('lost')); setInterval(() => {}, 1000) })`, "Runtime.UnhandledPromiseRejection", "Error: lost", 128},
			"uncaught exception":  {`exports.handler = () => { setTimeout(() => { throw new RangeError('thrown') }, 1); return new Promise(() => {}) }`, "RangeError", "thrown", 129},
		} {
			t.Run(name, func(t *testing.T) {
				f := start(t, runtime, "app.handler", map[string]string{"app.js": c.code})
				f.fails(`{}`, c.errorType, c.message)
				if got := f.ended(); got != c.status {
					t.Errorf("the process ends with status %d, not %d", got, c.status)
				}
			})
		}
		t.Run("exit", func(t *testing.T) {
			f := start(t, runtime, "app.handler", map[string]string{"app.js": `exports.handler = async () => process.exit(3)`})
			if a := f.invoke(`{}`); a.to != "exit" || a.body != "3" {
				t.Errorf("process.exit(3) gives %+v", a)
			}
		})
	})
}

func TestNodeFunctionsThatCannotStart(t *testing.T) {
	each(t, "nodejs", func(t *testing.T, runtime string) {
		for name, c := range map[string]struct {
			handler            string
			files              map[string]string
			errorType, message string
		}{
			"no module":         {"app.handler", nil, "Runtime.ImportModuleError", `^Error: Cannot find module '\./app'`},
			"no dependency":     {"app.handler", map[string]string{"app.js": `require('lost')`}, "Runtime.ImportModuleError", `^Error: Cannot find module 'lost'\nRequire stack:\n- .*/app\.js`},
			"no es dependency":  {"app.handler", map[string]string{"app.mjs": `import 'lost'`}, "Runtime.ImportModuleError", `Cannot find package 'lost'`},
			"no handler":        {"app.handler", map[string]string{"app.js": ``}, "Runtime.HandlerNotFound", `^app\.handler is undefined or not exported$`},
			"no function":       {"app.handler", map[string]string{"app.js": `exports.handler = 7`}, "Runtime.HandlerNotFound", `^app\.handler is not a function$`},
			"malformed":         {"app", map[string]string{"app.js": ``}, "Runtime.MalformedHandlerName", `^Bad handler$`},
			"out of the folder": {"../app.handler", nil, "Runtime.MalformedHandlerName", `is not a valid handler name`},
			"syntax":            {"app.handler", map[string]string{"app.js": `exports.handler = (`}, "Runtime.UserCodeSyntaxError", `^SyntaxError: `},
			"es syntax":         {"app.handler", map[string]string{"app.mjs": `export const handler = (`}, "Runtime.UserCodeSyntaxError", `^SyntaxError: `},
			"throws":            {"app.handler", map[string]string{"app.js": `throw new TypeError('while loading')`}, "TypeError", `^while loading$`},
			"throws later":      {"app.handler", map[string]string{"app.mjs": `Promise.reject(new Error('unseen')); await new Promise((r) => setTimeout(r, 1000)); export const handler = () => {}`}, "Runtime.UnhandledPromiseRejection", `^Error: unseen$`},
		} {
			t.Run(name, func(t *testing.T) {
				start(t, runtime, c.handler, c.files).failsToStart(c.errorType, regexp.MustCompile(c.message))
			})
		}
	})
}

func TestNodeConsole(t *testing.T) {
	each(t, "nodejs", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{"app.js": `
			console.log('loading');
			exports.handler = async () => {
				console.log('a %s', 'b', { c: 1 }); console.warn('two\nlines'); console.error('e'); console.debug('d'); console.info('i');
				process.stdout.write('raw\n');
			}`})
		f.responds(`{}`, `null`)
		const now = `20..-..-..T..:..:..\....Z\t`
		f.prints(now + `undefined\tINFO\tloading`)
		f.prints(now + requestID + `\tINFO\ta b \{ c: 1 \}`)
		f.prints(now + requestID + `\tWARN\ttwo\rlines`)
		f.prints(now + requestID + `\tERROR\te`)
		f.prints(now + requestID + `\tDEBUG\td`)
		f.prints(now + requestID + `\tINFO\ti`)
		f.prints(`raw`)
	})
}

func TestNodePayloads(t *testing.T) {
	each(t, "nodejs", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{"app.js": `exports.handler = async (e) => e`})
		testPayloads(t, f)
	})
}

// testPayloads sends a function that answers with its event payloads of all
// sizes, with multi-byte characters at the borders of packets and chunks.
func testPayloads(t *testing.T, f *function) {
	for _, size := range []int{1, 1000, 65535, 65536, 65537, 6<<20 - 1000} {
		for _, chunk := range []int{0, 1000, 65536} {
			if size > 1<<20 && chunk == 1000 {
				continue
			}
			f.chunked = chunk
			payload := `"` + strings.Repeat("ü€😀x", size/10+1) + `"`
			if a := f.invoke(payload); a.to != "response" || a.body != payload {
				t.Fatalf("%d bytes in chunks of %d come back as %s, %d bytes: %.100s", len(payload), chunk, a.to, len(a.body), a.body)
			}
		}
	}
}

func TestNodeLayers(t *testing.T) {
	each(t, "nodejs", func(t *testing.T, runtime string) {
		f := start(t, runtime, "app.handler", map[string]string{"app.js": `exports.handler = async () => [require('shared'), require('versioned')]`},
			layer(t, map[string]string{
				"nodejs/node_modules/shared/index.js": `module.exports = 'from a layer'`,
				"nodejs/" + strings.TrimSuffix(strings.Replace(runtime, "js", "", 1), ".x") + "/node_modules/versioned/index.js": `module.exports = 'for this version'`,
			}))
		f.responds(`{}`, `["from a layer","for this version"]`)
	})
}
