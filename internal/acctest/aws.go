package acctest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// The emulators of AWS. Moto is a second opinion on the control plane, Ministack
// also runs the functions.
const (
	Moto      = harness.Moto
	Ministack = harness.Ministack
)

// Region is where the tests' stacks live.
const Region = "us-east-1"

// An AWSAccount is an account of its own on an emulator, with a recording proxy
// before it. Accounts share emulators and do not see each other, so that tests may
// run side by side.
type AWSAccount struct {
	// Account is the account's ID, and its access key.
	Account  string
	Emulator *harness.Emulator
	// Proxy is what the provider talks to.
	Proxy *awswire.Proxy
	// hand is what boto3 talks to: a proxy without rules, whose requests nobody judges.
	hand *awswire.Proxy
	t    testing.TB
}

// StartAWS returns a new account. Where the emulator is known to deviate from AWS, it
// is corrected; see deviation. When the test ends, it fails for every request through
// the proxy that real AWS would refuse for its form.
func StartAWS(t testing.TB, kind harness.EmulatorKind) *AWSAccount {
	t.Helper()
	emulator, err := shared.emulator(t.Context(), kind)
	if err != nil {
		t.Fatal(err)
	}
	models, err := shared.awsModels(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := &AWSAccount{Account: shared.account(), Emulator: emulator, t: t}
	m := newMemory()
	for _, proxy := range []**awswire.Proxy{&a.Proxy, &a.hand} {
		*proxy, err = awswire.Start(awswire.Options{Backend: emulator.URL, Models: models, Account: a.Account, Correct: corrections(kind, m)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := (*proxy).Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		for _, problem := range a.Proxy.Problems() {
			t.Errorf("AWS would refuse this request: %s", problem)
		}
		if t.Failed() {
			t.Logf("the log of %s, which other tests of this package share:\n%s", kind, tail(emulator.Log()))
		}
	})
	return a
}

// Corrections make an emulator answer as AWS does where it is known to deviate; see
// deviation. They are for one awswire.Proxy, before an emulator that is new.
func Corrections(kind harness.EmulatorKind) func(*awswire.Request, awswire.Ask) (*awswire.Answer, error) {
	return corrections(kind, newMemory())
}

// tail is the end of a log, short enough to be read.
func tail(log string) string {
	const most = 8 << 10
	if len(log) > most {
		log = log[len(log)-most:]
	}
	return log
}

// Env makes AWS's SDKs find the proxy, and nothing of the user's.
func (a *AWSAccount) Env() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + a.Proxy.URL,
		"AWS_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=" + a.Account,
		"AWS_SECRET_ACCESS_KEY=test",
		"AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// Provider is the configuration of a provider that deploys to the account.
func (a *AWSAccount) Provider() string {
	return fmt.Sprintf(`terraform {
  required_providers {
    tidegate = { source = "tidegate-io/tidegate" }
  }
}

provider "tidegate" {
  target = "aws"
  aws = {
    region     = %q
    access_key = %q
    secret_key = "test"
    endpoint   = %q
  }
}
`, Region, a.Account, a.Proxy.URL)
}

// Python executes a snippet with boto3 on the account, past Proxy, and returns
// the JSON of what it leaves in `result`; see harness.Python.Do.
func (a *AWSAccount) Python(code string, vars map[string]any) json.RawMessage {
	a.t.Helper()
	python, err := shared.boto3(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	result, err := python.Do(harness.Account{Endpoint: a.hand.URL, ID: a.Account}, code, vars)
	if err != nil {
		a.t.Fatal(err)
	}
	return result
}

// An AWSWorkspace is a Terraform workspace whose provider deploys to an account of
// its own.
type AWSWorkspace struct {
	*Workspace
	*AWSAccount
}

// AWS returns a workspace on a new account. files are the configuration: name ->
// text; a file provider.tf with Provider is added.
func AWS(t testing.TB, kind harness.EmulatorKind, files map[string]string) *AWSWorkspace {
	t.Helper()
	account := StartAWS(t, kind)
	program, err := harness.TerraformProgram(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := harness.NewWorkspace(t.Context(), tempDir(t), program)
	if err != nil {
		t.Fatal(err)
	}
	w.Env = slices.DeleteFunc(w.Env, func(kv string) bool { return strings.HasPrefix(kv, "AWS_") })
	for _, kv := range account.Env() {
		// The provider's block names the rest.
		if strings.HasSuffix(kv, "="+os.DevNull) || strings.HasPrefix(kv, "AWS_EC2_METADATA_DISABLED=") {
			w.Env = append(w.Env, kv)
		}
	}
	workspace := &Workspace{w, t}
	workspace.Write("provider.tf", account.Provider())
	for name, text := range files {
		workspace.Write(name, text)
	}
	return &AWSWorkspace{workspace, account}
}

// shared are the processes that the tests of a package share.
var shared sharedAWS

type sharedAWS struct {
	mu        sync.Mutex
	usable    bool // Main ends them
	accounts  int
	emulators map[harness.EmulatorKind]*harness.Emulator
	// free are emulators that were a test's own, and are empty again.
	free   map[harness.EmulatorKind][]*harness.Emulator
	python *harness.Python
	models *awswire.Models
	dirs   []string
}

func (s *sharedAWS) account() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts++
	return fmt.Sprintf("%012d", 100_000_000_000+s.accounts)
}

// OwnEmulator returns an emulator that is empty, and nobody else's until the test ends. To
// start one takes longer than most tests, so the next test gets it after this; only
// Ministack cannot be emptied, since it remembers the URLs of functions.
func OwnEmulator(t testing.TB, kind harness.EmulatorKind) *harness.Emulator {
	t.Helper()
	e, err := shared.take(t.Context(), kind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shared.giveBack(e); err != nil {
			t.Error(err)
		}
	})
	return e
}

func (s *sharedAWS) take(ctx context.Context, kind harness.EmulatorKind) (*harness.Emulator, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if free := s.free[kind]; len(free) > 0 {
		s.free[kind] = free[1:]
		return free[0], nil
	}
	return s.start(ctx, kind)
}

func (s *sharedAWS) giveBack(e *harness.Emulator) error {
	if e.Kind == Ministack {
		return e.Kill()
	}
	if err := e.Reset(context.Background()); err != nil {
		return errors.Join(err, e.Kill())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free == nil {
		s.free = map[harness.EmulatorKind][]*harness.Emulator{}
	}
	s.free[e.Kind] = append(s.free[e.Kind], e)
	return nil
}

// start starts an emulator. The caller holds the lock.
func (s *sharedAWS) start(ctx context.Context, kind harness.EmulatorKind) (*harness.Emulator, error) {
	dir, err := s.dir()
	if err != nil {
		return nil, err
	}
	return harness.StartEmulator(ctx, kind, dir)
}

func (s *sharedAWS) emulator(ctx context.Context, kind harness.EmulatorKind) (*harness.Emulator, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.emulators[kind]; e != nil {
		return e, nil
	}
	e, err := s.start(ctx, kind)
	if err != nil {
		return nil, err
	}
	if s.emulators == nil {
		s.emulators = map[harness.EmulatorKind]*harness.Emulator{}
	}
	s.emulators[kind] = e
	return e, nil
}

func (s *sharedAWS) boto3(ctx context.Context) (*harness.Python, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.python != nil {
		return s.python, nil
	}
	dir, err := s.dir()
	if err != nil {
		return nil, err
	}
	s.python, err = harness.StartPython(ctx, dir)
	return s.python, err
}

func (s *sharedAWS) awsModels(ctx context.Context) (*awswire.Models, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.models != nil {
		return s.models, nil
	}
	environment, err := harness.EmulatorEnvironment(ctx)
	if err != nil {
		return nil, err
	}
	s.models, err = awswire.OpenModels(environment)
	return s.models, err
}

// dir makes a folder that goes when the package's tests have ended.
func (s *sharedAWS) dir() (string, error) {
	if !s.usable {
		return "", errors.New("a package that uses AWS's emulators needs a TestMain that calls acctest.Main, which ends them")
	}
	dir, err := os.MkdirTemp("", "tg")
	s.dirs = append(s.dirs, dir)
	return dir, err
}

// stop ends everything that was started.
func (s *sharedAWS) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, e := range s.emulators {
		errs = append(errs, e.Kill())
	}
	for _, free := range s.free {
		for _, e := range free {
			errs = append(errs, e.Kill())
		}
	}
	if s.python != nil {
		errs = append(errs, s.python.Kill())
	}
	for _, dir := range s.dirs {
		errs = append(errs, removeAll(dir))
	}
	return errors.Join(errs...)
}
