package language

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// javaPackages are the test functions, compiled once by each JDK.
var javaPackages sync.Map

// javaPackage returns a package with the classes of testdata/java: the function in
// the root, and the interfaces it was compiled against in a jar in lib, where
// build tools put them.
func javaPackage(t *testing.T, runtime string) string {
	t.Helper()
	l, err := shared.registry.Find(runtime)
	if err != nil {
		t.Fatal(err)
	}
	home := l.(*java).home //nolint:forcetypeassert // it is one
	compiled, _ := javaPackages.LoadOrStore(runtime, sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp(shared.registry.options.Dir, "java-test-*")
		if err != nil {
			return "", err
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			return "", err
		}
		api := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "lib"), 0o755); err != nil {
			return "", err
		}
		for _, command := range [][]string{
			append([]string{"javac", "-d", api}, glob(t, "testdata/java/api/com/amazonaws/services/lambda/runtime/*.java")...),
			{"jar", "cf", filepath.Join(dir, "lib", "aws-lambda-java-core.jar"), "-C", api, "."},
			append([]string{"javac", "-cp", api, "-d", dir}, glob(t, "testdata/java/functions/demo/*.java")...),
		} {
			if out, err := exec.Command(filepath.Join(home, "bin", command[0]), command[1:]...).CombinedOutput(); err != nil {
				return "", fmt.Errorf("%v: %w: %s", command, err, out)
			}
		}
		return dir, nil
	}))
	dir, err := compiled.(func() (string, error))() //nolint:forcetypeassert // stored above
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return files
}

func TestJavaHandlers(t *testing.T) {
	each(t, "java", func(t *testing.T, runtime string) {
		dir := javaPackage(t, runtime)
		for handler, c := range map[string]struct{ event, want string }{
			"demo.Functions$MapHandler": {
				`{"i":1,"l":3000000000,"d":1.5,"s":"ü","b":true,"n":null,"a":[1,"x"],"o":{"k":2}}`,
				`{"i":1,"l":3000000000,"d":1.5,"s":"ü","b":true,"n":null,"a":[1,"x"],"o":{"k":2},"kinds":["Integer","Long","Double","String","Boolean","null","ArrayList","LinkedHashMap"]}`,
			},
			"demo.Functions$MapHandler::handleRequest": {`{}`, `{"kinds":[]}`},
			"demo.Functions$Last":                      {`[1,2,3]`, `3`},
			"demo.Functions$Streams":                   {`{"raw": "as it is" }`, `{"raw": "as it is" }`},
			"demo.Functions::text":                     {`"a\"\\\u00fc\n"`, `"a\"\\ü\n!"`},
			"demo.Functions::number":                   {`41`, `42`},
			"demo.Functions::flag":                     {`{"any":"thing"}`, `true`},
			"demo.Functions::nothing":                  {`{}`, `null`},
			"demo.Functions::array":                    {`[3,1,2]`, `[1,2,3]`},
		} {
			t.Run(handler, func(t *testing.T) {
				f := startIn(t, dir, runtime, handler)
				f.responds(c.event, c.want)
				f.responds(c.event, c.want)
			})
		}
	})
}

func TestJavaObjects(t *testing.T) {
	each(t, "java", func(t *testing.T, runtime string) {
		f := startIn(t, javaPackage(t, runtime), runtime, "demo.Functions$Ship")
		a := f.invoke(`{"ID":"o-1","amount":2,"price":9.5,"paid":true,"state":"OPEN","items":[{"sku":"a"},{"sku":"b"}],"note":"fragile","unknown":{}}`)
		var got map[string]any
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatalf("%s %s: %v", a.to, a.body, err)
		}
		want := "map[amount:4 id:o-1 items:[map[sku:a] map[sku:b]] note:fragile paid:true price:9.5 state:SHIPPED]"
		if fmt.Sprint(got) != want {
			t.Errorf("got %v, not %s", got, want)
		}
		got = nil
		failed := f.fails(`{"items":"none"}`, "java.lang.RuntimeException", "An error occurred during JSON parsing")
		if failed.Cause == nil || !strings.Contains(failed.Cause.ErrorMessage, "does not fit java.util.List") {
			t.Errorf("it failed because of %+v", failed.Cause)
		}
	})
}

func TestJavaContext(t *testing.T) {
	each(t, "java", func(t *testing.T, runtime string) {
		f := startIn(t, javaPackage(t, runtime), runtime, "demo.Functions::context")
		a := f.invokeWith(`{}`, map[string]string{
			"Lambda-Runtime-Client-Context":   `{"custom":{"name":"Jörg"},"client":{"app_title":"shop"}}`,
			"Lambda-Runtime-Cognito-Identity": `{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}`,
		})
		var got map[string]any
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatalf("%s %s: %v", a.to, a.body, err)
		}
		for name, want := range map[string]string{
			"name": "shop-orders", "version": "7", "memory": "512", "id": requestID, "group": "/aws/lambda/shop-orders",
			"stream": "2025/01/31/[7]abc", "arn": functionARN, "left": "true", "client": "shop {name=Jörg}", "identity": "id pool",
			"trace": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700", "execution": "AWS_Lambda_" + runtime,
		} {
			if fmt.Sprint(got[name]) != want {
				t.Errorf("%s is %v, not %s", name, got[name], want)
			}
		}
		f.prints("two\rlines")
		f.prints("plain")
	})
}

func TestJavaErrors(t *testing.T) {
	each(t, "java", func(t *testing.T, runtime string) {
		dir := javaPackage(t, runtime)
		f := startIn(t, dir, runtime, "demo.Functions::fail")
		got := f.fails(`"checked"`, "java.lang.IllegalStateException", "broken")
		if len(got.StackTrace) != 1 || !strings.HasPrefix(got.StackTrace[0], "demo.Functions.fail(Functions.java:") {
			t.Errorf("the stack trace is %q", got.StackTrace)
		}
		if got.Cause == nil || got.Cause.ErrorType != "java.io.IOException" || got.Cause.ErrorMessage != "the cause" {
			t.Errorf("the cause is %+v", got.Cause)
		}
		f.prints(`broken: java\.lang\.IllegalStateException\rjava\.lang\.IllegalStateException: broken\r\tat demo\.Functions\.fail.*`)
		f.fails(`{"not":"text"}`, "java.lang.RuntimeException", "An error occurred during JSON parsing")
		f.fails(`"unfinished`, "java.lang.RuntimeException", "An error occurred during JSON parsing")
		f.responds(`"fine"`, `"fine"`)
		if a := f.invoke(`"exit"`); a.to != "exit" || a.body != "4" {
			t.Errorf("System.exit(4) gives %+v", a)
		}

		f = startIn(t, dir, runtime, "demo.Functions::fail")
		f.fails(`"memory"`, "java.lang.OutOfMemoryError", "Java heap space")
		if status := f.ended(); status != 1 {
			t.Errorf("after running out of memory it ends with status %d", status)
		}

		f = startIn(t, dir, runtime, "demo.Functions::unwritable")
		f.fails(`{}`, "java.lang.RuntimeException", "An error occurred during JSON serialization of response")
	})
}

func TestJavaFunctionsThatCannotStart(t *testing.T) {
	each(t, "java", func(t *testing.T, runtime string) {
		dir := javaPackage(t, runtime)
		for handler, c := range map[string]struct{ errorType, message string }{
			"demo.Nothing":                      {"java.lang.ClassNotFoundException", `^Class not found: demo\.Nothing$`},
			"demo.Functions":                    {"java.lang.ClassCastException", `^Class demo\.Functions does not implement an appropriate handler interface$`},
			"demo.Functions::lost":              {"java.lang.NoSuchMethodException", `^No public method named lost with appropriate method signature found on class demo\.Functions$`},
			"demo.Functions$BrokenStart::run":   {"java.lang.IllegalArgumentException", `while loading`},
			"demo.Functions$NoConstructor::run": {"java.lang.NoSuchMethodException", `^Class demo\.Functions\$NoConstructor has no public zero-argument constructor$`},
		} {
			t.Run(handler, func(t *testing.T) {
				startIn(t, dir, runtime, handler).failsToStart(c.errorType, regexp.MustCompile(c.message))
			})
		}
	})
}

func TestJavaPayloads(t *testing.T) {
	each(t, "java", func(t *testing.T, runtime string) {
		testPayloads(t, startIn(t, javaPackage(t, runtime), runtime, "demo.Functions$Streams"))
	})
}

func TestTheJavaBootstrapIsCompiledOnce(t *testing.T) {
	each(t, "java", func(t *testing.T, runtime string) {
		l, err := shared.registry.Find(runtime)
		if err != nil {
			t.Fatal(err)
		}
		first, err := l.Command(t.Context(), Function{Runtime: runtime, Handler: "a.B", Memory: 128})
		if err != nil {
			t.Fatal(err)
		}
		known := l.(*java) //nolint:forcetypeassert // it is one
		again := &java{runtime: known.runtime, home: known.home, version: known.version, sources: known.sources, classes: known.classes, readable: known.readable}
		before, err := os.Stat(filepath.Join(first.RuntimeDir, "tidegate", "Bootstrap.class"))
		if err != nil {
			t.Fatal(err)
		}
		second, err := again.Command(t.Context(), Function{Runtime: runtime, Handler: "a.B", Memory: 128})
		if err != nil {
			t.Fatal(err)
		}
		after, err := os.Stat(filepath.Join(second.RuntimeDir, "tidegate", "Bootstrap.class"))
		if err != nil || !os.SameFile(before, after) {
			t.Errorf("it was compiled again: %v", err)
		}
	})
}
