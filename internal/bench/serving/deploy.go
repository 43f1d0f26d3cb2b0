package serving

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/bench/load"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// Functions that echo their event; told to, they count their invocations or sleep, as
// the one in Go does. The one in Node tells by which namespace its processes are found.
const (
	nodeCode = `let invocations = 0
exports.handler = async (event) => {
  invocations++
  if (event.sleep_ms) await new Promise(resolve => setTimeout(resolve, event.sleep_ms))
  if (event.namespace) return require('fs').readlinkSync('/proc/self/ns/pid')
  return event.count ? invocations : event
}
`
	pythonCode = `import time

invocations = 0


def handler(event, context):
    global invocations
    invocations += 1
    if "sleep_ms" in event:
        time.sleep(event["sleep_ms"] / 1000)
    return invocations if event.get("count") else event
`
)

// A function is the part of the API's model that these measurements use.
type function struct {
	Runtime     string            `json:"runtime"`
	Handler     string            `json:"handler"`
	CodeSHA256  string            `json:"code_sha256"`
	Memory      int               `json:"memory,omitempty"`
	Timeout     string            `json:"timeout,omitempty"`
	Environment map[string]string `json:"environment,omitempty"`
}

// functions of the three languages, whose packages are uploaded.
type functions struct{ golang, node, python function }

// upload stores the functions' packages on a runtime.
func upload(ctx context.Context, r *harness.Runtime, echo string) (f functions, err error) {
	program, err := os.ReadFile(echo)
	if err != nil {
		return f, err
	}
	node, err := r.RuntimeIdentifier(ctx, "nodejs")
	if err != nil {
		return f, err
	}
	python, err := r.RuntimeIdentifier(ctx, "python3.")
	if err != nil {
		return f, err
	}
	f = functions{
		golang: function{Runtime: "provided.al2023", Handler: "bootstrap"},
		node:   function{Runtime: node, Handler: "index.handler"},
		python: function{Runtime: python, Handler: "app.handler"},
	}
	for _, one := range []struct {
		function *function
		files    map[string][]byte
	}{
		{&f.golang, map[string][]byte{"bootstrap": program}},
		{&f.node, map[string][]byte{"index.js": []byte(nodeCode)}},
		{&f.python, map[string][]byte{"app.py": []byte(pythonCode)}},
	} {
		// As much as one has on Lambda where it counts how fast it is: at the default of
		// 128 MB a function has a fourteenth of a processor.
		one.function.Memory, one.function.Timeout = 1769, "30s"
		if one.function.CodeSHA256, err = put(ctx, r, one.files); err != nil {
			return f, err
		}
	}
	return f, nil
}

// put uploads a package of these files, and returns its hash.
func put(ctx context.Context, r *harness.Runtime, files map[string][]byte) (string, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(0o755)
		f, err := w.CreateHeader(header)
		if err != nil {
			return "", err
		}
		if _, err := f.Write(files[name]); err != nil {
			return "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	sum := sha256.Sum256(archive.Bytes())
	err := r.Call(ctx, http.MethodPut, "/v1/packages/"+base64.RawURLEncoding.EncodeToString(sum[:]), archive.Bytes(), nil)
	return base64.StdEncoding.EncodeToString(sum[:]), err
}

// deploy creates a stack of functions.
func deploy(ctx context.Context, r *harness.Runtime, stack string, functions map[string]function) error {
	return r.Call(ctx, http.MethodPut, "/v1/stacks/"+stack, map[string]any{"name": stack, "functions": functions}, nil)
}

// invocation is a request that invokes a function's alias, and waits for the answer.
func invocation(r *harness.Runtime, stack, function, body string) (load.Target, error) {
	return invoking(r, stack, function, body, "RequestResponse", http.StatusOK)
}

// event is a request that has a function invoked later.
func event(r *harness.Runtime, stack, function, body string) (load.Target, error) {
	return invoking(r, stack, function, body, "Event", http.StatusAccepted)
}

func invoking(r *harness.Runtime, stack, function, body, kind string, status int) (load.Target, error) {
	return load.Post(fmt.Sprintf("%s/2015-03-31/functions/%s-%s:live/invocations", r.Endpoint, stack, function),
		http.Header{"Authorization": {"Bearer " + r.Token}, "X-Amz-Invocation-Type": {kind}}, []byte(body), status)
}
