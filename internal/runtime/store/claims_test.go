package store

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

func TestTwoFunctionsCannotBeCalledTheSame(t *testing.T) {
	s := open(t, Options{})
	put(t, s, record("a", "b-c", "d"))
	_, err := s.PutRecord(testContext(t), record("a-b", "c"))
	var taken *NameTakenError
	if !errors.As(err, &taken) {
		t.Fatalf("PutRecord says %v, want *NameTakenError", err)
	}
	want := `function "c" of stack "a-b" would be called "a-b-c", which is what function "b-c" of stack "a" is called: rename one of them`
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if _, err := s.Record(testContext(t), "a-b"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the second stack is there: %v", err)
	}
}

func TestANameIsFreeAgainAtOnce(t *testing.T) {
	t.Run("when the function is gone", func(t *testing.T) {
		s := open(t, Options{})
		r := put(t, s, record("a", "b-c", "d"))
		delete(r.Stack.Functions, "b-c")
		put(t, s, r)
		put(t, s, record("a-b", "c"))
	})
	t.Run("when the stack is gone", func(t *testing.T) {
		s := open(t, Options{})
		put(t, s, tombstone(put(t, s, record("a", "b-c"))))
		put(t, s, record("a-b", "c"))
	})
	t.Run("when the same stack is made again", func(t *testing.T) {
		s := open(t, Options{})
		gone := put(t, s, tombstone(put(t, s, record("a", "b-c"))))
		again := record("a", "b-c")
		again.Revision = gone.Revision
		put(t, s, again)
	})
}

// claimed leaves a claim as a deployment does that was killed before it wrote
// its record.
func claimed(t *testing.T, s *Store, full string, c claim) {
	t.Helper()
	value, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.names.Put(testContext(t), full, value); err != nil {
		t.Fatal(err)
	}
}

func TestAClaimOfADeploymentUnderWayIsRespected(t *testing.T) {
	s := open(t, Options{})
	claimed(t, s, "a-b-c", claim{Stack: "a", Function: "b-c"})
	_, err := s.PutRecord(testContext(t), record("a-b", "c"))
	var taken *NameTakenError
	if !errors.As(err, &taken) {
		t.Errorf("PutRecord says %v, want *NameTakenError", err)
	}
}

func TestAClaimThatACrashLeftIsTakenOver(t *testing.T) {
	t.Run("by its own stack", func(t *testing.T) {
		s := open(t, Options{})
		claimed(t, s, "a-b-c", claim{Stack: "a", Function: "b-c"})
		put(t, s, record("a", "b-c"))
	})
	t.Run("by another stack, when it is old", func(t *testing.T) {
		s := open(t, Options{claimTime: time.Nanosecond})
		claimed(t, s, "a-b-c", claim{Stack: "a", Function: "b-c"})
		put(t, s, record("a-b", "c"))
	})
	t.Run("by another stack, when its deployment can only fail", func(t *testing.T) {
		s := open(t, Options{})
		put(t, s, record("a", "d")) // not the revision 0 that the claim is for
		claimed(t, s, "a-b-c", claim{Stack: "a", Function: "b-c"})
		put(t, s, record("a-b", "c"))
	})
}

func TestAClaimThatWasTakenOverIsTheNewOwners(t *testing.T) {
	s := open(t, Options{claimTime: time.Nanosecond})
	claimed(t, s, "a-b-c", claim{Stack: "a", Function: "b-c"})
	put(t, s, record("a-b", "c"))
	_, err := s.PutRecord(testContext(t), record("a", "b-c"))
	var taken *NameTakenError
	if !errors.As(err, &taken) || taken.OwnerStack != "a-b" {
		t.Errorf("PutRecord says %v, want that a-b has the name", err)
	}
}

func TestReleasingANameLeavesALaterClaimOfTheSameStack(t *testing.T) {
	s := open(t, Options{})
	ctx := testContext(t)
	old := put(t, s, record("a", "b-c"))
	next := tombstone(old)
	revision, err := s.stacks.Put(ctx, "a", []byte(`{"deleted": true}`))
	if err != nil {
		t.Fatal(err)
	}
	// Somebody makes the stack again before its names were given back.
	claimed(t, s, "a-b-c", claim{Stack: "a", Function: "b-c", Base: revision})
	s.releaseNames(ctx, old, next, revision)
	if _, held, err := s.readClaim(ctx, "a-b-c"); err != nil || held.Base != revision {
		t.Errorf("the claim is %+v, %v", held, err)
	}
}

func TestOfStacksThatWantANameAtOnceOneGetsIt(t *testing.T) {
	s := open(t, Options{})
	for range 20 {
		first, second := record("a", "b-c"), record("a-b", "c")
		results := make(chan error)
		var revisions [2]uint64
		for i, r := range []*Record{first, second} {
			go func() {
				var err error
				revisions[i], err = s.PutRecord(t.Context(), r)
				results <- err
			}()
		}
		var taken *NameTakenError
		one, other := <-results, <-results
		if (one == nil) == (other == nil) || !errors.As(errors.Join(one, other), &taken) {
			t.Fatalf("one gets %v, the other %v", one, other)
		}
		for i, r := range []*Record{first, second} {
			if revisions[i] != 0 {
				if err := s.stacks.Purge(testContext(t), r.Stack.Name); err != nil {
					t.Fatal(err)
				}
				s.releaseNames(testContext(t), r, &Record{}, revisions[i])
			}
		}
	}
}
