package store

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// testContext ends with the test, or after a minute.
func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// open opens a store that is closed with the test.
func open(t *testing.T, opts Options) *Store {
	t.Helper()
	opts.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	s, err := Open(testContext(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
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

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	ctx := testContext(t)
	r := record("orders", "fulfil")
	revision, err := s.PutRecord(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Record(ctx, "orders")
	if err != nil {
		t.Fatal(err)
	}
	if got.Revision != revision || got.Stack.Name != "orders" {
		t.Errorf("got %+v at %d, want orders at %d", got, got.Revision, revision)
	}
	if err := s.Directory().Start(ctx); err != nil {
		t.Fatal(err)
	}
	if _, function, ok := s.Directory().Function("orders-fulfil"); !ok || function != "fulfil" {
		t.Errorf("Function(orders-fulfil) = %q, %v", function, ok)
	}
}
