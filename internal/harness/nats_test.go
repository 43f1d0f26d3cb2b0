package harness

import (
	"os"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestANATSServerFindsItsDataAgainAfterAKill(t *testing.T) {
	s, err := StartNATS(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	js := func() jetstream.JetStream {
		conn, err := nats.Connect(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		js, err := jetstream.New(conn)
		if err != nil {
			t.Fatal(err)
		}
		return js
	}
	if _, err := js().CreateStream(t.Context(), jetstream.StreamConfig{Name: "kept", Subjects: []string{"kept"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := js().Stream(t.Context(), "kept"); err != nil {
		t.Error(err)
	}
}

func TestABuildIsKeptUnderItsContent(t *testing.T) {
	first, err := natsBinary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := natsBinary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, err := os.Stat(second)
	if err != nil {
		t.Fatal(err)
	}
	if first != second || !again.ModTime().Equal(info.ModTime()) {
		t.Errorf("%s of %v, then %s of %v", first, info.ModTime(), second, again.ModTime())
	}
}
