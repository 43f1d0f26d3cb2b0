package open

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

type bytesPackage []byte

func (p bytesPackage) Size() int64 { return int64(len(p)) }

func (p bytesPackage) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(p)), nil }

func shaOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func standardBase64(urlForm string) string {
	raw, _ := base64.RawURLEncoding.DecodeString(urlForm)
	return base64.StdEncoding.EncodeToString(raw)
}

// orders is a stack whose one function's code is the text.
func orders(code string) target.Deploy {
	f := stack.NewFunction()
	f.CodeSHA256, f.Runtime, f.Handler = shaOf(code), "python3.13", "app.handler"
	return target.Deploy{
		Stack:    stack.Stack{Name: "orders", Functions: map[string]stack.Function{"fulfil": f}},
		Packages: map[string]target.Package{f.CodeSHA256: bytesPackage(code)},
	}
}

func withMemory(d target.Deploy, memory int) target.Deploy {
	f := d.Stack.Functions["fulfil"]
	f.Memory = memory
	d.Stack.Functions = map[string]stack.Function{"fulfil": f}
	return d
}

func create(t *testing.T, c *Client, d target.Deploy) *stack.Deployment {
	t.Helper()
	got, err := c.Create(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestCreateUploadsMakesAndConfirms(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	got := create(t, c, orders("code"))
	if got.Creation != stack.CreationFinished || got.Stack.Name != "orders" {
		t.Errorf("the answer is %+v", got)
	}
	if string(f.packages[shaOf("code")]) != "code" {
		t.Errorf("the runtime has the packages %q", f.packages)
	}
}

func TestAPackageThatTheRuntimeHasIsNotSentAgain(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	create(t, c, orders("code"))
	if _, err := c.Update(t.Context(), withMemory(orders("code"), 256)); err != nil {
		t.Fatal(err)
	}
	if n := f.count("PUT /v1/packages/"); n != 1 {
		t.Errorf("the package was sent %d times", n)
	}
}

func TestAPackageThatWasCollectedInBetweenIsSentAgain(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && r.URL.Path == "/v1/stacks/orders" {
			f.before = nil
			f.packages = map[string][]byte{}
		}
		return false
	}
	create(t, c, orders("code"))
}

func TestCreateAdoptsWhatAnInterruptedCreateLeft(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	create(t, c, orders("code"))
	f.creation = stack.CreationUnfinished
	got := create(t, c, withMemory(orders("other code"), 512))
	if got.Creation != stack.CreationFinished || got.Stack.Functions["fulfil"].Memory != 512 {
		t.Errorf("the answer is %+v", got)
	}
}

func TestCreateAdoptsWhatIsExactlyWhatItWouldMake(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	create(t, c, orders("code"))
	create(t, c, orders("code"))
}

func TestCreateLeavesSomebodyElsesStackAlone(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	create(t, c, orders("code"))
	before := f.revision
	d, err := c.Create(t.Context(), withMemory(orders("code"), 512))
	var exists *target.ExistsError
	if !errors.As(err, &exists) || d != nil || f.revision != before {
		t.Errorf("Create returned %v, %v and the revision went from %d to %d", d, err, before, f.revision)
	}
}

func TestACreateWhoseAnswerIsLostStillSucceeds(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	loseAnswerTo(f, http.MethodPut, "/v1/stacks/orders")
	create(t, c, orders("code"))
	if f.creation != stack.CreationFinished {
		t.Errorf("the stack is %s", f.creation)
	}
}

func TestAnUpdateWhoseAnswerIsLostStillSucceeds(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	seen := create(t, c, orders("code"))
	loseAnswerTo(f, http.MethodPut, "/v1/stacks/orders")
	d := withMemory(orders("code"), 512)
	d.Revision = seen.Revision
	got, err := c.Update(t.Context(), d)
	if err != nil || got.Stack.Functions["fulfil"].Memory != 512 {
		t.Errorf("Update returned %+v, %v", got, err)
	}
}

// loseAnswerTo cuts the connection after the next such request was handled.
func loseAnswerTo(f *fakeRuntime, method, path string) {
	f.after = func(r *http.Request) {
		if r.Method == method && r.URL.Path == path {
			f.after = nil
			panic(http.ErrAbortHandler)
		}
	}
}

func TestAnUpdateOfWhatChangedSinceIsAConflict(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	seen := create(t, c, orders("code"))
	if _, err := c.Update(t.Context(), withMemory(orders("code"), 1024)); err != nil {
		t.Fatal(err)
	}
	d := withMemory(orders("code"), 512)
	d.Revision = seen.Revision
	_, err := c.Update(t.Context(), d)
	var conflict *target.ConflictError
	if !errors.As(err, &conflict) || f.stack.Functions["fulfil"].Memory != 1024 {
		t.Errorf("Update returned %v and the memory is %d", err, f.stack.Functions["fulfil"].Memory)
	}
}

func TestAnUpdateOfWhatIsGoneSaysSo(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	if _, err := c.Update(t.Context(), orders("code")); !errors.Is(err, target.ErrNotFound) {
		t.Errorf("Update returned %v", err)
	}
}

func TestACreateThatFailsHalfWayReturnsWhatThereIs(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			refuse(w, http.StatusInternalServerError, "the disk is on fire")
			return true
		}
		return false
	}
	d, err := c.Create(t.Context(), orders("code"))
	if err == nil || d == nil || d.Stack.Name != "orders" {
		t.Errorf("Create returned %+v, %v", d, err)
	}
}

func TestACreateThatIsInterruptedReturnsWhatThereIs(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.after = func(r *http.Request) {
		if r.Method == http.MethodPut && r.URL.Path == "/v1/stacks/orders" {
			cancel()
			<-r.Context().Done()
		}
	}
	d, err := c.Create(ctx, orders("code"))
	if !errors.Is(err, context.Canceled) || d == nil || d.Creation != stack.CreationUnfinished {
		t.Errorf("Create returned %+v, %v", d, err)
	}
}

func TestDeletingWhatIsGoneSucceeds(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	if err := c.Delete(t.Context(), "orders"); err != nil {
		t.Error(err)
	}
}

// changingPackage is a source that somebody writes to while it is sent.
type changingPackage struct{ bytesPackage }

var errChanged = errors.New("app.py changed while it was packaged")

func (p changingPackage) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(bytes.NewReader(p.bytesPackage[:1]), failingReader{})), nil
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errChanged }

func TestASourceThatChangesWhileItIsSentIsNotBlamedOnTheRuntime(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	d := orders("code")
	d.Packages[shaOf("code")] = changingPackage{bytesPackage("code")}
	if _, err := c.Create(t.Context(), d); !errors.Is(err, errChanged) || err.Error() != errChanged.Error() {
		t.Errorf("Create returned %v", err)
	}
}
