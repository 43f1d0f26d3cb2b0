package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// streamFolder is where the embedded JetStream keeps a stream.
func streamFolder(dir, stream string) string {
	return filepath.Join(dir, "jetstream", "jetstream", "$G", "streams", stream)
}

// makeStream makes a stream with these consumers.
func makeStream(t *testing.T, s *Store, name string, consumers ...string) {
	t.Helper()
	ctx := testContext(t)
	stream, err := s.js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	for _, consumer := range consumers {
		config := jetstream.ConsumerConfig{Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy}
		if _, err := stream.CreateConsumer(ctx, config); err != nil {
			t.Fatal(err)
		}
	}
}

func removeFiles(t *testing.T, folder string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func wantFolder(t *testing.T, path string, want bool) {
	t.Helper()
	if _, err := os.Stat(path); os.IsNotExist(err) == want {
		t.Errorf("%s: %v, want it to be there: %t", filepath.Base(path), err, want)
	}
}

// A killed process leaves any of the files of what it was making or deleting.
func TestAConsumerThatWasHalfMadeOrHalfDeletedWhenTheProcessWasKilledGoes(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	half := map[string][]string{
		"without-description": {"meta.inf"},
		"without-checksum":    {"meta.sum"},
		"without-both":        {"meta.inf", "meta.sum"},
	}
	names := []string{"whole"}
	for name := range half {
		names = append(names, name)
	}
	makeStream(t, s, "events", names...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	obs := filepath.Join(streamFolder(dir, "events"), "obs")
	for name, files := range half {
		removeFiles(t, filepath.Join(obs, name), files...)
	}

	s = open(t, Options{Dir: dir})

	for name := range half {
		wantFolder(t, filepath.Join(obs, name), false)
	}
	if _, err := s.js.Consumer(testContext(t), "events", "whole"); err != nil {
		t.Errorf("the consumer that was whole: %v", err)
	}
}

func TestAStreamThatWasHalfMadeOrHalfDeletedWhenTheProcessWasKilledGoes(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	for _, name := range []string{"whole", "deleted", "made", "filled"} {
		makeStream(t, s, name, "consumer")
	}
	for _, name := range []string{"whole", "deleted", "filled"} {
		if _, err := s.js.Publish(testContext(t), name, []byte("message")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	removeFiles(t, streamFolder(dir, "deleted"), "meta.inf")
	removeFiles(t, streamFolder(dir, "made"), "meta.sum")
	removeFiles(t, streamFolder(dir, "filled"), "meta.sum")

	s = open(t, Options{Dir: dir})

	wantFolder(t, streamFolder(dir, "deleted"), false)
	wantFolder(t, streamFolder(dir, "made"), false)
	if _, err := s.js.Consumer(testContext(t), "whole", "consumer"); err != nil {
		t.Errorf("the stream that was whole: %v", err)
	}
	// It is made again with what it holds, whatever became of its description.
	for name, want := range map[string]uint64{"filled": 1, "deleted": 0} {
		makeStream(t, s, name)
		stream, err := s.js.Stream(testContext(t), name)
		if err != nil {
			t.Fatal(err)
		}
		if got := stream.CachedInfo().State.Msgs; got != want {
			t.Errorf("stream %s, made again, has %d messages, want %d", name, got, want)
		}
	}
}
