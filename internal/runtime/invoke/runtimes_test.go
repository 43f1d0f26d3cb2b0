package invoke

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/language"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A real node has real packages, languages and processes.
type realNode struct {
	*Service
	t         *testing.T
	store     *store.Store
	sandbox   sandbox.Sandbox
	languages *language.Registry
	logs      *telemetry.Logs
	// compiled is the folder of compile caches.
	compiled string
	// again deploys what deploy has, with another timeout.
	again func(timeout time.Duration)
}

// newRealNode starts one that knows the host's interpreters and those in the folders.
func newRealNode(t *testing.T, interpreters ...string) *realNode {
	t.Helper()
	dir := t.TempDir()
	n := &realNode{t: t, store: openStore(t, filepath.Join(dir, "store")), compiled: filepath.Join(dir, "compiled")}
	var err error
	if n.sandbox, err = sandbox.New(t.Context(), sandbox.Options{Dir: filepath.Join(dir, "instances")}); err != nil {
		t.Fatal(err)
	}
	if n.languages, err = language.New(t.Context(), language.Options{Dir: filepath.Join(dir, "languages"), Interpreters: interpreters}); err != nil {
		t.Fatal(err)
	}
	if n.logs, err = telemetry.NewLogs(t.Context(), telemetry.LogsOptions{JetStream: n.store.JetStream()}); err != nil {
		t.Fatal(err)
	}
	n.Service, err = New(t.Context(), Options{
		Store: n.store, Sandbox: n.sandbox, Languages: n.languages, Logs: n.logs, Metrics: telemetry.NewMetrics(), CompiledDir: n.compiled,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		n.Close(ctx)
		_ = n.logs.Close(context.Background())
		if err := n.sandbox.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// runtime is the newest of the host's runtimes whose name begins so.
func (n *realNode) runtime(prefix string) string {
	n.t.Helper()
	for _, name := range slices.Backward(n.languages.Available()) {
		if strings.HasPrefix(name, prefix) {
			return name
		}
	}
	n.t.Fatalf("this host has no runtime %s*: %v", prefix, n.languages.Available())
	return ""
}

// deploy makes "shop-cart" a function of these files, which has time for everything.
func (n *realNode) deploy(runtime, handler string, files map[string]string, change ...func(*stack.Function)) {
	n.t.Helper()
	sha := n.upload(files)
	n.again = func(timeout time.Duration) {
		n.t.Helper()
		rec := shop(changeCart(func(f *stack.Function) {
			f.Runtime, f.Handler, f.CodeSHA256, f.Memory, f.Timeout = runtime, handler, sha, 512, stack.Duration(timeout)
			for _, c := range change {
				c(f)
			}
		}))
		rec.Functions["cart"].Versions[0].Config = rec.Stack.Functions["cart"].Config
		if err := n.OnChange(n.t.Context(), nil, rec); err != nil {
			n.t.Fatal(err)
		}
	}
	n.again(testPatience)
}

func (n *realNode) upload(files map[string]string) (sha string) {
	n.t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(0o755)
		f, err := w.CreateHeader(header)
		if err != nil {
			n.t.Fatal(err)
		}
		if _, err := f.Write([]byte(content)); err != nil {
			n.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		n.t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	sha = base64.StdEncoding.EncodeToString(sum[:])
	if err := n.store.PutPackage(n.t.Context(), sha, &b); err != nil {
		n.t.Fatal(err)
	}
	return sha
}

func (n *realNode) invoke(payload string) Response {
	n.t.Helper()
	r, err := n.Invoke(n.t.Context(), Request{
		Function: "shop-cart", Qualifier: "live", Payload: []byte(payload), LogTail: true,
	})
	if err != nil {
		n.t.Fatalf("%s: %v", payload, err)
	}
	return r
}

// A shape is what an invocation must give.
type shape struct {
	event string
	// answer is a regular expression of the whole payload; ID stands for the
	// request's id.
	answer        string
	functionError string
	// log is a regular expression of a part of the log.
	log string
}

func (n *realNode) check(shapes ...shape) {
	n.t.Helper()
	for _, s := range shapes {
		r := n.invoke(s.event)
		answer := regexp.MustCompile(`(?s)^` + strings.ReplaceAll(s.answer, "ID", regexp.QuoteMeta(r.RequestID)) + `$`)
		if !answer.Match(r.Payload) || r.FunctionError != s.functionError || r.ExecutedVersion != "1" {
			n.t.Errorf("%s: %q is answered with\n%.2000s, want\n%s", s.event, r.FunctionError, r.Payload, s.answer)
		}
		if s.log != "" && !regexp.MustCompile(s.log).Match(r.LogTail) {
			n.t.Errorf("%s: the log is\n%s, want %q in it", s.event, r.LogTail, s.log)
		}
	}
}

// checkShapesOfEveryLanguage checks what does not depend on the language, given a function
// that does what the event says.
func (n *realNode) checkShapesOfEveryLanguage() {
	n.t.Helper()
	const report = `\tDuration: [0-9.]+ ms\tBilled Duration: [0-9]+ ms\tMemory Size: 512 MB\tMax Memory Used: [0-9]+ MB\t`
	n.check(
		shape{
			`{"do":"print"}`, `"shop-cart"`, "",
			`(?s)^START RequestId: [0-9a-f-]{36} Version: 1\n.*printed by the function\nEND RequestId: [0-9a-f-]{36}\nREPORT RequestId: [0-9a-f-]{36}` + report + `Init Duration: [0-9.]+ ms\t\n$`,
		},
		shape{`{"do":"nothing"}`, `"shop-cart"`, "", `Max Memory Used: [0-9]+ MB\t\n$`},
		shape{
			`{"do":"large"}`,
			`{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size \(6291556 bytes\)."}`,
			"Unhandled", `Error Type: Function.ResponseSizeTooLarge`,
		},
		shape{
			`{"do":"exit"}`,
			`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 7"}`,
			"Unhandled", `Runtime exited with error: exit status 7\nRuntime.ExitError\n`,
		},
	)
	n.again(2 * time.Second)
	n.check(shape{
		`{"do":"hang"}`,
		`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 2.00 seconds"}`,
		"Unhandled", `Task timed out after 2.00 seconds\n\nEND .*\n.*Status: timeout\n$`,
	})
	n.again(testPatience)
	n.check(shape{`{"do":"nothing"}`, `"shop-cart"`, "", `Init Duration`})
}

func TestNode(t *testing.T) {
	n := newRealNode(t)
	runtime := n.runtime("nodejs")
	n.deploy(runtime, "index.handler", map[string]string{"index.mjs": `
		export const handler = async (event, context) => {
			switch (event.do) {
			case 'print': console.log('printed by the function'); break
			case 'large': return 'x'.repeat(7 << 20)
			case 'exit': process.exit(7)
			case 'hang': await new Promise(resolve => setTimeout(resolve, 1e6)); break
			case 'throw': throw new TypeError('asked to')
			}
			return context.functionName
		}`})
	n.checkShapesOfEveryLanguage()
	n.check(shape{
		`{"do":"throw"}`, `{"errorType":"TypeError","errorMessage":"asked to","trace":\["TypeError: asked to",.*\]}`, "Unhandled", "asked to",
	})
	n.deploy(runtime, "index.handler", map[string]string{"other.js": ""})
	n.check(shape{
		`{}`, `{"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module '(./)?index'.*`, "Unhandled",
		`Error Type: Runtime.ImportModuleError\n$`,
	})
}

func TestPython(t *testing.T) {
	n := newRealNode(t)
	runtime := n.runtime("python3")
	n.deploy(runtime, "app.handler", map[string]string{"app.py": `
import mmap, os, time
def handler(event, context):
    do = event.get("do")
    if do == "print": print("printed by the function")
    if do == "large": return "x" * (7 << 20)
    if do == "exit": os._exit(7)
    if do == "kill": os.kill(os.getpid(), 9)
    if do == "eat": mmap.mmap(-1, 1 << 30)[::4096] = bytes(1 << 18) # a byte of each page, which takes least time
    if do == "hang": time.sleep(1000)
    if do == "throw": raise ValueError("asked to")
    return context.function_name
`})
	n.checkShapesOfEveryLanguage()
	n.check(
		shape{
			`{"do":"kill"}`, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: killed"}`,
			"Unhandled", "",
		},
		shape{
			`{"do":"eat"}`, `{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: killed"}`,
			"Unhandled", `Status: error\tError Type: Runtime.OutOfMemory\n$`,
		},
		shape{
			`{"do":"throw"}`, `{"errorMessage": "asked to", "errorType": "ValueError", "requestId": "ID", "stackTrace": \[.*\]}`,
			"Unhandled", `\[ERROR\] ValueError: asked to`,
		},
	)
	n.deploy(runtime, "app.handler", map[string]string{"app.py": "import nothing_of_the_sort"})
	n.check(shape{
		`{}`, `{"errorMessage": "Unable to import module 'app': No module named 'nothing_of_the_sort'", "errorType": "Runtime.ImportModuleError".*}`,
		"Unhandled", `Error Type: Runtime.ImportModuleError\n$`,
	})
	n.deploy(runtime, "app.handler", map[string]string{"app.py": "import os; os._exit(1)"})
	n.check(shape{
		`{}`, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 1"}`, "Unhandled", "",
	})
}

func TestProvided(t *testing.T) {
	n := newRealNode(t)
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-trimpath", "-o", bootstrap, "./testdata/provided")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	program, err := os.ReadFile(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	n.deploy("provided.al2023", "bootstrap", map[string]string{"bootstrap": string(program)})
	n.checkShapesOfEveryLanguage()
	n.deploy("provided.al2023", "bootstrap", map[string]string{"readme": "no program"})
	n.check(shape{`{}`, `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: ID Error: .*bootstrap.*"}`, "Unhandled", ""})
}

func TestWhatAFunctionPrintsIsInTheLogOfItsInvocation(t *testing.T) {
	n := newRealNode(t)
	n.deploy(n.runtime("python3"), "app.handler", map[string]string{"app.py": `
def handler(event, context):
    for i in range(20): print(context.aws_request_id, flush=True)
`})
	for range 200 {
		if _, err := n.Invoke(t.Context(), Request{Function: "shop-cart", Qualifier: "live"}); err != nil {
			t.Fatal(err)
		}
	}
	open := map[string]string{} // by instance
	for e, err := range n.logs.Read(t.Context(), telemetry.Query{Stack: "shop"}) {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(e.Line, "START "):
			open[e.Instance] = e.RequestID
		case strings.HasPrefix(e.Line, "END "):
			open[e.Instance] = ""
		case !strings.HasPrefix(e.Line, "REPORT ") && !strings.HasPrefix(e.Line, "INIT_START ") && (e.Line != open[e.Instance] || e.RequestID != e.Line):
			t.Fatalf("%s printed a line in the log of %q", e.Line, open[e.Instance])
		}
	}
}

func TestALogCanBeFollowedWhileTheFunctionRuns(t *testing.T) {
	n := newRealNode(t)
	n.deploy(n.runtime("python3"), "app.handler", map[string]string{"app.py": `
import time
def handler(event, context):
    print("begun", flush=True)
    time.sleep(1000)
`})
	lines := make(chan telemetry.Entry)
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	go func() {
		defer close(lines)
		for e, err := range n.logs.Read(ctx, telemetry.Query{Stack: "shop", Function: "cart", Follow: true}) {
			if err != nil {
				t.Error(err)
				return
			}
			select {
			case lines <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	// The function goes on until the node closes.
	go func() {
		_, _ = n.Invoke(t.Context(), Request{Function: "shop-cart", Qualifier: "live", Payload: []byte(`{}`)})
	}()
	for e := range lines {
		if e.Line == "begun" {
			return
		}
	}
	t.Error("the line did not come")
}
