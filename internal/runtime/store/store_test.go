package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// patience is how long a test waits for what must happen, on a machine with other
// things to do.
const patience = 3 * time.Minute

// testContext ends with the test, or when its patience does.
func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// open opens a store that is closed with the test.
func open(t *testing.T, opts Options) *Store {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	opts.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	s, err := Open(testContext(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// cluster starts a NATS server of its own for the test and returns its URL.
func cluster(t *testing.T) string {
	t.Helper()
	server, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: t.TempDir(), MaxPayload: maxPayload,
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(func() {
		server.Shutdown()
		server.WaitForShutdown()
	})
	if !server.ReadyForConnections(patience) {
		t.Fatal("the NATS server is not ready")
	}
	return server.ClientURL()
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	late := time.After(patience)
	for !holds() {
		select {
		case <-every.C:
		case <-late:
			t.Fatalf("it never came that %s", what)
		}
	}
}

// record returns the record of a new stack with these functions.
func record(name string, functions ...string) *Record {
	r := &Record{
		Stack:       stack.Stack{Name: name, Functions: map[string]stack.Function{}},
		Incarnation: "1",
		Functions:   map[string]*FunctionRecord{},
	}
	for _, f := range functions {
		r.Stack.Functions[f] = stack.NewFunction()
	}
	return r
}

// tombstone returns what stays of a stack after its deletion.
func tombstone(r *Record) *Record {
	return &Record{Stack: stack.Stack{Name: r.Stack.Name}, Deleted: true, Revision: r.Revision}
}

// put stores a record and returns it with its new revision.
func put(t *testing.T, s *Store, r *Record) *Record {
	t.Helper()
	revision, err := s.PutRecord(testContext(t), r)
	if err != nil {
		t.Fatal(err)
	}
	r = r.Clone()
	r.Revision = revision
	return r
}

// random returns n random bytes and their CodeSHA256.
func random(n int) (content []byte, sha string) {
	content = make([]byte, n)
	_, _ = rand.Read(content)
	return content, shaOf(content)
}

func shaOf(content []byte) string {
	sum := sha256.Sum256(content)
	return base64.StdEncoding.EncodeToString(sum[:])
}
