package runtime

import (
	"slices"
	"testing"
)

func TestNATSServersAreNamedWithTheirPorts(t *testing.T) {
	got := Config{NATSURL: "nats://user:secret@one.example:4333, tls://two.example,192.0.2.7, ,nats://[2001:db8::1]:4222"}.natsServers()
	want := []string{"one.example:4333", "two.example:4222", "192.0.2.7:4222", "[2001:db8::1]:4222"}
	if !slices.Equal(got, want) {
		t.Errorf("servers are %q, not %q", got, want)
	}
	if got := (Config{}).natsServers(); len(got) != 0 {
		t.Errorf("without NATS, servers are %q", got)
	}
}
