// Package acctest is what acceptance tests share: the real runtime, Terraform and
// NATS server as processes (internal/harness), ended and looked after when the
// test ends.
package acctest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// Main prepares a test package that uses terraform-plugin-testing: it finds the
// Terraform program and lets acceptance tests run. It ends the emulators of AWS
// that tests have started.
//
//	func TestMain(m *testing.M) { acctest.Main(m) }
func Main(m *testing.M) {
	_ = os.Getenv(harness.EnvRun)
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	MainOnEmulators(m)
}

// MainOnEmulators prepares a test package that starts no other programs than emulators
// of AWS. What those are is pinned, and Go sees the pins: the result of an earlier run
// with the same code and the same pins stands.
func MainOnEmulators(m *testing.M) {
	shared.usable = true
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func prepare() error {
	ctx := context.Background()
	program, err := harness.TerraformProgram(ctx)
	if err != nil {
		return err
	}
	settings, err := harness.CacheEnv(ctx)
	if err != nil {
		return err
	}
	settings = append(settings, "TF_ACC=1", "TF_ACC_TERRAFORM_PATH="+program,
		"TF_CLI_CONFIG_FILE="+os.DevNull, "CHECKPOINT_DISABLE=1",
		// A Terraform lives for a second, and need not collect its garbage. The provider has
		// a setting of its own, and the runtime does not see this.
		"GOGC=400")
	if filepath.Base(program) == "tofu" {
		// The address that OpenTofu gives a provider without one.
		settings = append(settings, "TF_ACC_PROVIDER_HOST=registry.opentofu.org")
	}
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

// Binary returns the path of the built `tidegate`.
func Binary(t testing.TB) string {
	t.Helper()
	_ = os.Getenv(harness.EnvRun)
	path, err := harness.Binary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A Runtime is a `tidegate serve` process that belongs to a test.
type Runtime struct {
	*harness.Runtime
	t testing.TB
}

// An Option changes how a runtime is started.
type Option func(*harness.RuntimeOptions)

// WithFlags adds flags of `tidegate serve`.
func WithFlags(flags ...string) Option {
	return func(o *harness.RuntimeOptions) { o.Flags = append(o.Flags, flags...) }
}

// WithEnv adds variables, "NAME=value", to the runtime's environment.
func WithEnv(env ...string) Option {
	return func(o *harness.RuntimeOptions) { o.Env = append(o.Env, env...) }
}

// StartRuntime starts a runtime with a data folder of its own and returns when it
// is ready. When the test ends it is killed, the test fails if anything of it is
// left, and its log is shown if the test has failed.
func StartRuntime(t testing.TB, opts ...Option) *Runtime {
	t.Helper()
	_ = os.Getenv(harness.EnvRun)
	o := harness.RuntimeOptions{Dir: tempDir(t)}
	for _, opt := range opts {
		opt(&o)
	}
	r, err := harness.StartRuntime(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the runtime's log:\n%s", r.Log())
		}
	})
	return &Runtime{r, t}
}

// Kill ends the runtime with SIGKILL.
func (r *Runtime) Kill() {
	r.t.Helper()
	if err := r.Runtime.Kill(); err != nil {
		r.t.Fatal(err)
	}
}

// Stop ends the runtime in order.
func (r *Runtime) Stop() {
	r.t.Helper()
	if err := r.Runtime.Stop(); err != nil {
		r.t.Fatal(err)
	}
}

// Start starts the runtime again, on the same data and ports.
func (r *Runtime) Start() {
	r.t.Helper()
	if err := r.Runtime.Start(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// Call sends a request to the management API; see harness.Runtime.Call.
func (r *Runtime) Call(method, path string, in, out any) {
	r.t.Helper()
	if err := r.Runtime.Call(r.t.Context(), method, path, in, out); err != nil {
		r.t.Fatal(err)
	}
}

// Interpreter returns a runtime identifier with the prefix ("python3.", "nodejs")
// that this machine can run. Without one the test fails: the machines Tidegate is
// tested on have Node and Python.
func (r *Runtime) Interpreter(prefix string) string {
	r.t.Helper()
	id, err := r.RuntimeIdentifier(r.t.Context(), prefix)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// StartNATS starts a NATS server that ends with the test.
func StartNATS(t testing.TB) *harness.NATSServer {
	t.Helper()
	_ = os.Getenv(harness.EnvRun)
	s, err := harness.StartNATS(t.Context(), tempDir(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the NATS server's log:\n%s", s.Log())
		}
	})
	return s
}

// FreePort returns a port of 127.0.0.1 that nothing listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// tempDir is a folder outside every Go module and as short as possible: paths of
// sockets have at most 108 bytes.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := removeAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// removeAll also removes folders that were made read-only.
func removeAll(dir string) error {
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
