package telemetry

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// patience is how long a test waits for what must happen, on a machine with other
// things to do.
const patience = 2 * time.Minute

func usageJetStream(t *testing.T) jetstream.JetStream {
	t.Helper()
	server, err := natsserver.NewServer(&natsserver.Options{DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(func() {
		server.Shutdown()
		server.WaitForShutdown()
	})
	if !server.ReadyForConnections(patience) {
		t.Fatal("the NATS server did not start")
	}
	conn, err := nats.Connect("", nats.InProcessServer(server))
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

// openMeter returns a meter that writes only when it is closed, unless given an
// interval. It is not closed at the end of the test: as if it were killed.
func openMeter(t *testing.T, js jetstream.JetStream, node string, interval time.Duration) *Meter {
	t.Helper()
	m, err := OpenMeter(t.Context(), MeterOptions{JetStream: js, Node: node, interval: interval})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.once.Do(func() { close(m.closing) })
		<-m.done
	})
	return m
}

func usageOf(t *testing.T, m *Meter, stack, function string) []string {
	t.Helper()
	usage, err := m.Usage(context.Background(), stack, function)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{}
	for _, u := range usage {
		texts = append(texts, fmt.Sprintf("%s/%s:%s %d %d %d %d %d", u.Stack, u.Function, u.Version, u.Invocations, u.Errors, u.Throttles, u.BilledMS, u.BilledMBMS))
	}
	return texts
}

func wantUsage(t *testing.T, m *Meter, stack, function string, want ...string) {
	t.Helper()
	if got := usageOf(t, m, stack, function); !slices.Equal(got, want) {
		t.Errorf("the usage is %q, want %q", got, want)
	}
}

func TestUsageIsCountedByVersion(t *testing.T) {
	m := openMeter(t, usageJetStream(t), "a", time.Hour)
	now := time.Now()
	m.Counter("orders", "fulfil", "10").Invocation(now, 3*time.Millisecond, 512, false)
	m.Counter("orders", "fulfil", "9").Invocation(now, 7*time.Millisecond, 128, true)
	m.Counter("orders", "fulfil", "9").Invocation(now, 1*time.Millisecond, 128, false)
	m.Counter("orders", "report", "1").Throttle(now)
	m.Counter("other", "fulfil", "1").Invocation(now, 0, 128, true)
	m.Counter("other", "idle", "1")
	fulfil := []string{"orders/fulfil:9 2 1 0 8 1024", "orders/fulfil:10 1 0 0 3 1536"}
	wantUsage(t, m, "orders", "fulfil", fulfil...)
	wantUsage(t, m, "orders", "", append(fulfil, "orders/report:1 0 0 1 0 0")...)
	wantUsage(t, m, "", "", append(fulfil, "orders/report:1 0 0 1 0 0", "other/fulfil:1 1 1 0 0 0")...)
	wantUsage(t, m, "none", "")
	if u, err := m.Usage(t.Context(), "orders", "fulfil"); err != nil || u[1].Priced().GBSeconds != 0.0015 || now.Sub(u[1].Last) > time.Second {
		t.Errorf("usage is %+v, %v", u, err)
	}
	var none *Meter
	none.Counter("a", "b", "c").Invocation(now, time.Second, 1, true)
	none.Counter("a", "b", "c").Throttle(now)
}

// A process that is killed has written all but the last of what it counted; the next
// goes on from there. Nodes are added up.
func TestUsageOutlivesItsProcessAndIsNotCountedTwice(t *testing.T) {
	js := usageJetStream(t)
	now := time.Now()
	count := func(m *Meter) { m.Counter("orders", "fulfil", "1").Invocation(now, time.Millisecond, 1024, false) }
	other := openMeter(t, js, "b", time.Hour)
	count(other)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	for kill := range 3 {
		m := openMeter(t, js, "a", time.Hour)
		wantUsage(t, m, "", "", fmt.Sprintf("orders/fulfil:1 %d 0 0 %[1]d %d", 1+2*kill, 1024*(1+2*kill)))
		count(m)
		count(m)
		if got := m.Unwritten(); got != 2 {
			t.Errorf("%d invocations are unwritten, want 2", got)
		}
		// Twice: what is written again is not counted again.
		for range 2 {
			if err := m.write(); err != nil {
				t.Fatal(err)
			}
		}
		if got := m.Unwritten(); got != 0 {
			t.Errorf("%d invocations are unwritten, want none", got)
		}
		count(m) // and is killed
	}
}

func TestUsageIsWrittenOnlyWhereItChanges(t *testing.T) {
	js := usageJetStream(t)
	m := openMeter(t, js, "a", time.Hour)
	writes := func() uint64 {
		stream, err := js.Stream(t.Context(), "KV_"+usageBucketName)
		if err != nil {
			t.Fatal(err)
		}
		return stream.CachedInfo().State.LastSeq
	}
	for i := range 1000 {
		m.Counter(fmt.Sprint("stack-", i), "fulfil", "1").Invocation(time.Now(), time.Millisecond, 128, false)
	}
	for i, want := range []uint64{usageParts, usageParts, usageParts + 1, usageParts + 1} {
		if i == 2 {
			m.Counter("stack-7", "fulfil", "1").Throttle(time.Now())
		}
		if err := m.write(); err != nil {
			t.Fatal(err)
		}
		if got := writes(); got != want {
			t.Errorf("after %d rounds there were %d writes, want %d", i+1, got, want)
		}
	}
}

func TestUsageIsWrittenByItself(t *testing.T) {
	m := openMeter(t, usageJetStream(t), "a", 10*time.Millisecond)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 1000 {
				m.Counter("orders", "fulfil", "1").Invocation(time.Now(), time.Millisecond, 128, false)
			}
		})
	}
	all.Wait()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for m.Unwritten() > 0 {
		if time.Now().After(deadline) {
			t.Fatal("it never is")
		}
		<-tick.C
	}
	wantUsage(t, m, "", "", "orders/fulfil:1 4000 0 0 4000 512000")
}

func TestUsageIsForgottenAfterItsTime(t *testing.T) {
	js := usageJetStream(t)
	long := time.Now().Add(-UsageKept - time.Hour)
	gone := openMeter(t, js, "gone", time.Hour)
	gone.Counter("orders", "fulfil", "1").Invocation(long, time.Millisecond, 128, false)
	kept := openMeter(t, js, "kept", time.Hour)
	kept.Counter("orders", "fulfil", "1").Invocation(long, time.Millisecond, 128, false)
	kept.Counter("orders", "fulfil", "2").Invocation(time.Now(), time.Millisecond, 128, false)
	for _, m := range []*Meter{gone, kept} {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	m := openMeter(t, js, "a", time.Hour)
	wantUsage(t, m, "", "", "orders/fulfil:2 1 0 0 1 128")
	if err := m.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := m.bucket.read(t.Context(), ">")
	if err != nil || len(entries) != 1 || entries[usageName("kept", partOf("orders"))] == nil {
		t.Errorf("there are %v (%v), want what the node has that is in use", entries, err)
	}
	m = openMeter(t, js, "kept", time.Hour)
	if m.Counter("orders", "fulfil", "1").usage().Invocations != 0 {
		t.Error("a version that is forgotten has usage")
	}
}
