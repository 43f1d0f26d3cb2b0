package store

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	r := record("orders", "fulfil")
	f := r.Stack.Functions["fulfil"]
	f.Secrets = map[string]string{"KEY": "value"}
	r.Stack.Functions["fulfil"] = f
	r.Functions["fulfil"] = &FunctionRecord{
		LastVersion: 3,
		Versions:    []VersionRecord{{Version: stack.Version{Number: 3, Config: f.Config}, Secrets: f.Secrets}},
		Live:        stack.RouteTo(3),
	}
	r.Creation = stack.CreationUnfinished
	r.Format = formatPlain
	want := put(t, s, r)

	s.Close()
	s = open(t, Options{Dir: dir})
	got, err := s.Record(testContext(t), "orders")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestARecordThatIsNotThere(t *testing.T) {
	s := open(t, Options{})
	for _, name := range []string{"orders", "", "../orders", "*", ">", "a b"} {
		if r, err := s.Record(testContext(t), name); !errors.Is(err, ErrNotFound) {
			t.Errorf("Record(%q) = %v, %v, want ErrNotFound", name, r, err)
		}
	}
}

func TestARecordIsReplacedByWhoSawItLast(t *testing.T) {
	s := open(t, Options{})
	ctx := testContext(t)
	first := put(t, s, record("orders", "a"))
	second := put(t, s, first)
	for what, r := range map[string]*Record{
		"a creation of what exists":   record("orders", "a"),
		"an update of what was":       first,
		"an update of what never was": func() *Record { r := record("none", "a"); r.Revision = 99; return r }(),
	} {
		if _, err := s.PutRecord(ctx, r); !errors.Is(err, ErrConflict) {
			t.Errorf("%s: %v, want ErrConflict", what, err)
		}
	}
	if got, err := s.Record(ctx, "orders"); err != nil || got.Revision != second.Revision {
		t.Errorf("the record is %+v, %v, want revision %d", got, err, second.Revision)
	}
}

func TestOfWritersAtOnceOneWins(t *testing.T) {
	s := open(t, Options{})
	base := put(t, s, record("orders", "a"))
	results := make(chan error)
	for range 8 {
		go func() {
			_, err := s.PutRecord(t.Context(), base)
			results <- err
		}()
	}
	won := 0
	for range 8 {
		err := <-results
		if err == nil {
			won++
		} else if !errors.Is(err, ErrConflict) {
			t.Errorf("a loser got %v, want ErrConflict", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 8 writers won, want 1", won)
	}
}

func TestADeletedStackLeavesATombstoneThatACreationReplaces(t *testing.T) {
	s := open(t, Options{})
	gone := put(t, s, tombstone(put(t, s, record("orders", "a"))))
	got, err := s.Record(testContext(t), "orders")
	if err != nil || !got.Deleted {
		t.Fatalf("the tombstone reads as %+v, %v", got, err)
	}
	again := record("orders", "a")
	again.Revision = gone.Revision
	put(t, s, again)
}

func TestARecordThatIsTooLargeIsRefused(t *testing.T) {
	s := open(t, Options{})
	r := record("orders", "a")
	r.Stack.Tags = map[string]string{"large": strings.Repeat("x", maxPayload)}
	_, err := s.PutRecord(testContext(t), r)
	if err == nil || !strings.Contains(err.Error(), `the record of stack "orders" would be 838`) {
		t.Errorf("PutRecord says %v", err)
	}
	if _, err := s.Record(testContext(t), "orders"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the record is there: %v", err)
	}
}

func TestARecordOfANewerVersionIsNotRead(t *testing.T) {
	s := open(t, Options{})
	ctx := testContext(t)
	if _, err := s.stacks.Put(ctx, "orders", []byte(`{"format": 3, "stack": "all different"}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Record(ctx, "orders"); err == nil || !strings.Contains(err.Error(), "written by a newer version of Tidegate (format 3") {
		t.Errorf("Record says %v", err)
	}
}

func TestACloneIsARecordOfItsOwn(t *testing.T) {
	r := record("orders", "a")
	r.Revision = 7
	r.Functions["a"] = &FunctionRecord{LastVersion: 1, Live: stack.RouteTo(1)}
	c := r.Clone()
	if !reflect.DeepEqual(c, r) {
		t.Errorf("got  %+v\nwant %+v", c, r)
	}
	c.Functions["a"].Live[2] = 1
	delete(c.Stack.Functions, "a")
	if len(r.Functions["a"].Live) != 1 || len(r.Stack.Functions) != 1 {
		t.Error("a change of the clone changed the record")
	}
}

// A program that knows nothing of further aliases must not write their record again.
func TestARecordWithFurtherAliasesIsOfANewerFormat(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	r := record("orders", "fulfil")
	r.Functions["fulfil"] = &FunctionRecord{
		LastVersion: 1,
		Versions:    []VersionRecord{{Version: stack.Version{Number: 1}}},
		Aliases:     map[string]stack.Alias{"beta": {Routing: stack.RouteTo(1)}},
	}
	put(t, s, r)
	got, err := s.Record(testContext(t), "orders")
	if err != nil || got.Format != RecordFormat || got.Functions["fulfil"].Aliases["beta"].Routing[1] != 100 {
		t.Errorf("the record is %+v (%v)", got, err)
	}
}
