package conformance_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// A client is an official client of the Runtime API.
type client struct {
	// name of the language, and of the client with its version.
	name, official string
	// runtime identifier, or the beginning of those that do.
	runtime string
	handler string
	// failure is the type of the error that "fail" gives.
	failure string
	// atStart is the type of the error of a function that cannot start, and startError its
	// message.
	atStart, startError string
}

const unreported = "Runtime exited with error: exit status 5"

var clients = []client{
	{"go", "aws-lambda-go 1.55.1", "provided.al2023", "bootstrap", "failure", "Runtime.ExitError", unreported},
	{"rust", "lambda_runtime 1.5.0", "provided.al2023", "bootstrap", "Failure", "Runtime.ExitError", unreported},
	{"python", "awslambdaric 4.2.2", "python3.", "app.handler", "Failure", "RuntimeError", "told to fail"},
	{"node", "aws-lambda-ric 4.0.2", "nodejs", "app.handler", "Failure", "RangeError", "told to fail"},
	{"java", "aws-lambda-java-runtime-interface-client 2.9.0", "java", "Function", "Function$Failure", "java.lang.ExceptionInInitializerError", "Error loading class Function"},
}

// One runtime has the functions of all clients.
func TestOfficialClients(t *testing.T) {
	b := newBench(t)
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for name, test := range map[string]func(*testing.T, *function){
				"payloads":  payloads,
				"context":   contexts,
				"many":      manyEventsOnOneInstance,
				"errors":    errors,
				"crashes":   crashes,
				"timeout":   timeouts,
				"start":     failuresAtStart,
				"too large": answersThatAreTooLarge,
				"streams":   streams,
				"ending":    lastWords,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, &function{b, c, t})
				})
			}
		})
	}
}

func TestTheDocumentationNamesWhatIsProven(t *testing.T) {
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "fidelity.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		if !strings.Contains(string(page), "| "+c.official+" ") {
			t.Errorf("docs/fidelity.md does not name %s", c.official)
		}
	}
}

// A bench is a runtime with the functions of all clients.
type bench struct {
	*acctest.Runtime
}

func newBench(t *testing.T) *bench {
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	jdk := strings.TrimSpace(run(t, filepath.Join(root, "tools", "jdk")))
	packages := map[string]string{}
	for line := range strings.Lines(run(t, filepath.Join(root, "tools", "clients"))) {
		name, folder, _ := strings.Cut(strings.TrimSpace(line), " ")
		packages[name] = folder
	}
	b := &bench{acctest.StartRuntime(t, acctest.WithFlags("--interpreters", jdk, "--idle-timeout", idle.String()))}
	acctest.Terraform(t, b.Runtime, map[string]string{"main.tf.json": b.configuration(t, packages)}).Apply()
	return b
}

// configuration has one stack for each client, with a function for each purpose.
func (b *bench) configuration(t *testing.T, packages map[string]string) string {
	stacks := map[string]any{}
	for _, c := range clients {
		identifier := c.runtime
		if !strings.HasPrefix(identifier, "provided") {
			identifier = b.Interpreter(c.runtime)
		}
		function := func(settings map[string]any, environment map[string]string) map[string]any {
			if environment == nil {
				environment = map[string]string{}
			}
			if identifier != c.runtime {
				// The package's own program is started in place of the runtime's, and starts the
				// official client.
				environment["AWS_LAMBDA_EXEC_WRAPPER"] = "/var/task/runtime"
			}
			f := map[string]any{
				"source": packages[c.name], "runtime": identifier, "handler": c.handler,
				"memory": 512, "timeout": "2m", "environment": environment,
			}
			maps.Copy(f, settings)
			return f
		}
		stream := function(map[string]any{"url": map[string]any{"auth": "none", "invoke_mode": "response_stream"}}, nil)
		if c.name == "node" {
			stream["handler"] = "app.stream"
		}
		stacks[c.name] = map[string]any{"name": c.name, "functions": map[string]any{
			"main":    function(nil, nil),
			"many":    function(map[string]any{"concurrency": map[string]any{"reserved": 1}}, nil),
			"crashes": function(map[string]any{"concurrency": map[string]any{"reserved": 1}}, nil),
			"slow":    function(map[string]any{"timeout": "1s"}, nil),
			"stream":  stream,
			"ending":  function(nil, map[string]string{"AT_SIGTERM": lastWord}),
			"broken":  function(nil, map[string]string{"FAIL_AT_START": "yes"}),
		}}
	}
	text, err := json.MarshalIndent(map[string]any{
		"terraform": map[string]any{"required_providers": map[string]any{"tidegate": map[string]any{"source": "tidegate-io/tidegate"}}},
		"resource":  map[string]any{"tidegate_stack": stacks},
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// run returns what a tool prints.
func run(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, arguments...)
	cmd.Stderr = os.Stderr // it may take minutes, once
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return string(out)
}

// keys returns an object's, sorted.
func keys(object map[string]any) string {
	return fmt.Sprint(slices.Sorted(maps.Keys(object)))
}
