package aws

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// A testPackage is a package in memory.
type testPackage []byte

func (p testPackage) Size() int64                  { return int64(len(p)) }
func (p testPackage) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(p)), nil }
func (p testPackage) sha() string {
	sum := sha256.Sum256(p)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// packageOf one file with this text, and padding bytes that do not compress.
func packageOf(t *testing.T, text string, padding int) testPackage {
	t.Helper()
	var buffer bytes.Buffer
	archive := zip.NewWriter(&buffer)
	file, err := archive.CreateHeader(&zip.FileHeader{Name: "app.py", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(append([]byte(text+"\n#"), make([]byte, padding)...)); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// A shop is a stack of one function on an emulator, and the packages it may have.
type shop struct {
	*emulatorAccount
	s3       *s3.Client
	target   *Target
	t        *testing.T
	packages map[string]target.Package
}

// connectedTo is a target that has a session already.
func connectedTo(s *session) *Target {
	connected := make(chan struct{})
	close(connected)
	return &Target{made: s, connected: connected}
}

func openShop(t *testing.T) *shop { return openShopOn(t, harness.Moto) }

func openShopOn(t *testing.T, kind harness.EmulatorKind) *shop {
	t.Helper()
	m := startEmulator(t, kind)
	o := m.lambda.Options()
	s := &shop{
		m, s3.New(s3.Options{Region: o.Region, BaseEndpoint: o.BaseEndpoint, Credentials: o.Credentials, UsePathStyle: true}),
		connectedTo(m.session), t,
		map[string]target.Package{},
	}
	m.session.s3 = s.s3
	return s
}

// in is the same shop in a subtest.
func (s *shop) in(t *testing.T) *shop {
	other := *s
	other.t = t
	return &other
}

// pack makes a package with this text the shop's.
func (s *shop) pack(text string) string {
	p := packageOf(s.t, text, 0)
	s.packages[p.sha()] = p
	return p.sha()
}

// stack with a function "create" of this code.
func (s *shop) stack(code string, edit ...func(f *stack.Function)) stack.Stack {
	f := stack.NewFunction()
	f.CodeSHA256, f.Runtime, f.Handler = code, "python3.13", "app.handler"
	for _, e := range edit {
		e(&f)
	}
	return stack.Stack{Name: "shop", Functions: map[string]stack.Function{"create": f}, Tags: map[string]string{"team": "shop"}}
}

func (s *shop) create(want stack.Stack) *stack.Deployment {
	s.t.Helper()
	d, err := s.target.Create(s.t.Context(), target.Deploy{Stack: want, Packages: s.packages})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.settled(d, want)
}

func (s *shop) update(want stack.Stack) *stack.Deployment {
	s.t.Helper()
	d, err := s.tryUpdate(want)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.settled(d, want)
}

// tryUpdate may fail.
func (s *shop) tryUpdate(want stack.Stack) (*stack.Deployment, error) {
	s.t.Helper()
	return s.target.Update(s.t.Context(), target.Deploy{Stack: want, Prior: stack.Stack{Name: want.Name}, Packages: s.packages})
}

func (s *shop) read(prior stack.Stack) *stack.Deployment {
	s.t.Helper()
	d, err := s.target.Read(s.t.Context(), prior)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// settled checks that what an apply told is what a read tells, and that nothing of it
// is to be repaired.
func (s *shop) settled(applied *stack.Deployment, want stack.Stack) *stack.Deployment {
	s.t.Helper()
	read := s.read(want)
	if diff := cmp.Diff(applied, read, cmpopts.EquateEmpty(), cmpopts.IgnoreTypes(stack.Version{}.Created)); diff != "" {
		s.t.Errorf("what the apply told differs from what a read tells (-applied +read):\n%s", diff)
	}
	for name, is := range read.Components {
		if is != stack.Ready {
			s.t.Errorf("component %s: %s", name, is)
		}
	}
	for name, f := range want.Functions {
		if got := read.Stack.Functions[name].Hash(); got != f.Hash() {
			s.t.Errorf("function %s is not what was wanted:\n%s", name, cmp.Diff(f.Config, read.Stack.Functions[name].Config, cmpopts.EquateEmpty()))
		}
	}
	return read
}

// is what a component of the function "create" says, given what was applied last.
func (s *shop) is(prior stack.Stack, component string) string {
	s.t.Helper()
	return s.read(prior).Components[functionComponent("create", component)]
}
