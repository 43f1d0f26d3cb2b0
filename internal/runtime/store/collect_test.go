package store

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// old is a grace that is over at once.
const old = time.Nanosecond

// collect collects packages and fails the test if it cannot.
func collect(t *testing.T, s *Store) {
	t.Helper()
	if err := s.CollectPackages(testContext(t)); err != nil {
		t.Fatal(err)
	}
}

func TestPackagesThatNoRecordNamesAreRemoved(t *testing.T) {
	s := open(t, Options{packageGrace: old})
	var shas []string
	for _, name := range []string{"code", "layer one", "layer two", "code of a version", "code of a deleted stack", "code of nobody"} {
		shas = append(shas, upload(t, s, zipped(t, map[string]string{"file": name})))
	}
	code, one, two, version, deleted, nobody := shas[0], shas[1], shas[2], shas[3], shas[4], shas[5]

	r := record("orders", "f")
	f := r.Stack.Functions["f"]
	f.CodeSHA256, f.Layers = code, []string{one, two}
	r.Stack.Functions["f"] = f
	r.Functions["f"] = &FunctionRecord{Versions: []VersionRecord{{Version: stack.Version{Number: 1, Config: stack.Config{CodeSHA256: version}}}}}
	put(t, s, r)
	gone := record("gone", "f")
	f.CodeSHA256, f.Layers = deleted, nil
	gone.Stack.Functions["f"] = f
	put(t, s, tombstone(put(t, s, gone)))

	var keep []string
	for _, stays := range [][]string{{code}, {one, two}, {version}} {
		keep = append(keep, filepath.Base(unpacked(t, s, stays...)))
	}
	for _, goes := range [][]string{{deleted}, {nobody}, {two, one}} {
		unpacked(t, s, goes...)
	}
	collect(t, s)

	for sha, want := range map[string]bool{code: true, one: true, two: true, version: true, deleted: false, nobody: false} {
		if got := has(t, s, sha); got != want {
			t.Errorf("package %d is there: %v, want %v", slices.Index(shas, sha), got, want)
		}
	}
	if got := messages(t, s); got != 8 {
		t.Errorf("%d messages are left, want a chunk and an entry of each of four", got)
	}
	slices.Sort(keep)
	if got := dirs(t, s); !slices.Equal(got, keep) {
		t.Errorf("folders %v are left, want %v", got, keep)
	}
}

func TestAPackageWaitsAnHourForItsRecord(t *testing.T) {
	s := open(t, Options{})
	sha := upload(t, s, zipped(t, map[string]string{"file": "x"}))
	dir := filepath.Base(unpacked(t, s, sha))
	collect(t, s)
	if !has(t, s, sha) || !slices.Equal(dirs(t, s), []string{dir}) {
		t.Error("it is gone")
	}
}

func TestAskingForAPackageKeepsIt(t *testing.T) {
	s := open(t, Options{})
	content, sha := random(10)
	upload(t, s, content)
	key, err := packageKey(sha)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := s.packages.entry(testContext(t), key)
	if err != nil {
		t.Fatal(err)
	}
	entry.written = entry.written.Add(-packageGrace * 3 / 4)
	if there, err := s.packages.touch(testContext(t), entry); err != nil || !there {
		t.Fatalf("touch says %v, %v", there, err)
	}
	young, err := s.packages.entry(testContext(t), key)
	if err != nil || young.sequence == entry.sequence {
		t.Errorf("the entry was not written anew: %v", err)
	}
	// A collector that saw the old entry.
	if err := s.packages.stream.DeleteMsg(testContext(t), entry.sequence); err == nil {
		t.Error("the old entry is still there")
	}
	if there, err := s.packages.touch(testContext(t), entry); err != nil || !there {
		t.Errorf("a touch that comes second says %v, %v", there, err)
	}
	if got, err := s.PackageSize(testContext(t), sha); err != nil || got != 10 {
		t.Errorf("its size is %d, %v", got, err)
	}
}

func TestATouchOfAPackageThatWasJustCollectedSaysSo(t *testing.T) {
	s := open(t, Options{packageGrace: old})
	content, sha := random(10)
	upload(t, s, content)
	key, err := packageKey(sha)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := s.packages.entry(testContext(t), key)
	if err != nil {
		t.Fatal(err)
	}
	collect(t, s)
	if there, err := s.packages.touch(testContext(t), entry); err != nil || there {
		t.Errorf("touch says %v, %v", there, err)
	}
	upload(t, s, content)
	if !has(t, s, sha) {
		t.Error("it cannot be uploaded again")
	}
}

func TestWhatInterruptedUploadsLeftIsRemoved(t *testing.T) {
	for grace, want := range map[time.Duration]uint64{packageGrace: 1, old: 0} {
		s := open(t, Options{packageGrace: grace})
		if _, err := s.js.PublishMsg(testContext(t), &nats.Msg{Subject: chunkSubjects + "x", Data: []byte("half")}); err != nil {
			t.Fatal(err)
		}
		collect(t, s)
		if got := messages(t, s); got != want {
			t.Errorf("after %s: %d messages, want %d", grace, got, want)
		}
	}
}

func TestNothingIsCollectedIfARecordCannotBeRead(t *testing.T) {
	s := open(t, Options{packageGrace: old})
	content, sha := random(10)
	upload(t, s, content)
	if _, err := s.stacks.Put(testContext(t), "orders", []byte(`{"format": 3}`)); err != nil {
		t.Fatal(err)
	}
	if err := s.CollectPackages(testContext(t)); err == nil {
		t.Error("CollectPackages succeeds")
	}
	if !has(t, s, sha) {
		t.Error("the package is gone")
	}
}
