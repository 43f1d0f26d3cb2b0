package telemetry_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

var orders = telemetry.Group{Stack: "orders", Incarnation: "one", Function: "fulfil"}

// patience is how long a test waits for what must happen, on a machine with other
// things to do.
const patience = 2 * time.Minute

func TestLinesComeBackInOrderFromTheTimeAskedFor(t *testing.T) {
	logs := openLogs(t, jetStream(t), telemetry.LogsOptions{})
	start := time.Now().UTC().Add(-time.Second)
	for i := range 100 {
		logs.Append(orders, telemetry.Entry{Time: start.Add(time.Duration(i) * time.Millisecond), Line: fmt.Sprint(i)})
	}

	lines := read(t, logs, telemetry.Query{Stack: "orders", Function: "fulfil", Since: start.Add(50 * time.Millisecond)})

	if len(lines) != 50 || lines[0].Line != "50" || lines[49].Line != "99" {
		t.Fatalf("got %d lines: %v", len(lines), lines)
	}
	if lines[0].Stack != "orders" || lines[0].Function != "fulfil" {
		t.Errorf("the line is %s/%s's, want orders/fulfil's", lines[0].Stack, lines[0].Function)
	}
}

func TestALogIsOfOneStackAndOneFunctionOrAll(t *testing.T) {
	logs := openLogs(t, jetStream(t), telemetry.LogsOptions{})
	for _, g := range []telemetry.Group{
		orders,
		{Stack: "orders", Incarnation: "one", Function: "report"},
		{Stack: "other", Incarnation: "two", Function: "fulfil"},
	} {
		logs.Append(g, telemetry.Entry{Time: time.Now(), Line: g.Stack + "/" + g.Function})
	}

	if got := len(read(t, logs, telemetry.Query{Stack: "orders", Function: "fulfil"})); got != 1 {
		t.Errorf("one function's log has %d lines, want 1", got)
	}
	if got := len(read(t, logs, telemetry.Query{Stack: "orders"})); got != 2 {
		t.Errorf("the stack's log has %d lines, want 2", got)
	}
	if got := len(read(t, logs, telemetry.Query{Stack: "none"})); got != 0 {
		t.Errorf("the log of a stack that is not there has %d lines, want none", got)
	}
}

func TestAFollowerGetsLinesAsTheyAreWritten(t *testing.T) {
	logs := openLogs(t, jetStream(t), telemetry.LogsOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	seen := make(chan string)
	ended := make(chan error, 1)
	go func() {
		defer close(ended)
		for e, err := range logs.Read(ctx, telemetry.Query{Stack: "orders", Follow: true}) {
			if err != nil {
				ended <- err
				return
			}
			seen <- e.Line
		}
	}()
	for i := range 3 {
		line := fmt.Sprint("line ", i)
		logs.Append(orders, telemetry.Entry{Time: time.Now(), Line: line})
		select {
		case got := <-seen:
			if got != line {
				t.Fatalf("got %q, want %q", got, line)
			}
		case <-time.After(patience):
			t.Fatalf("%q did not come", line)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the end of following is no error, got %v", err)
	}
}

func TestCloseLosesNoLine(t *testing.T) {
	js := jetStream(t)
	logs := openLogs(t, js, telemetry.LogsOptions{})
	for i := range 5000 {
		logs.Append(orders, telemetry.Entry{Time: time.Now(), Line: fmt.Sprint(i)})
	}
	if err := logs.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	logs.Append(orders, telemetry.Entry{Time: time.Now(), Line: "too late"})

	lines := read(t, openLogs(t, js, telemetry.LogsOptions{}), telemetry.Query{Stack: "orders"})

	if len(lines) != 5000 {
		t.Fatalf("%d of 5000 lines are in the log", len(lines))
	}
}

func TestLinesOfAFloodAreDroppedAndCounted(t *testing.T) {
	logs := openLogs(t, jetStream(t), telemetry.LogsOptions{Rate: 1, Burst: 100 << 10})
	const flood = 1000
	for range flood {
		logs.Append(orders, telemetry.Entry{Time: time.Now(), RequestID: "r", Line: strings.Repeat("x", 1000)})
	}

	lines := read(t, logs, telemetry.Query{Stack: "orders"})

	kept := len(lines) - 1
	if kept < 50 || kept > 100 {
		t.Fatalf("%d lines were kept, want what fits in 100 KiB", kept)
	}
	notice := lines[kept]
	if want := fmt.Sprintf("... %d lines dropped", flood-kept); notice.Line != want {
		t.Errorf("the last line is %q, want %q", notice.Line, want)
	}
	if notice.RequestID != "r" {
		t.Errorf("the notice is of request %q, want the dropped lines' request", notice.RequestID)
	}
}

func TestMemoryIsBoundedWhileJetStreamIsAway(t *testing.T) {
	server := startServer(t)
	logs, err := telemetry.NewLogs(t.Context(), telemetry.LogsOptions{JetStream: connect(t, server), MaxPending: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	server.Shutdown()
	appended := make(chan struct{})
	go func() {
		defer close(appended)
		for range 100_000 {
			logs.Append(orders, telemetry.Entry{Time: time.Now(), Line: strings.Repeat("x", 1000)})
		}
	}()
	select {
	case <-appended:
	case <-time.After(patience):
		t.Fatal("Append waits for JetStream")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := logs.Close(ctx); err == nil {
		t.Error("Close lost lines and did not say so")
	}
}

func TestLinesLeaveAfterTheirRetention(t *testing.T) {
	js := jetStream(t)
	logs := openLogs(t, js, telemetry.LogsOptions{})
	short := orders
	short.Retention = 24 * time.Hour
	logs.Append(short, telemetry.Entry{Time: time.Now(), Line: "a day"})
	if err := logs.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "TIDEGATE_LOGS")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := msg.Header.Get("Nats-TTL"); got != "24h0m0s" {
		t.Errorf("the message lives for %q, want 24h0m0s", got)
	}
}

func TestRemoveTakesOneIncarnationsLog(t *testing.T) {
	logs := openLogs(t, jetStream(t), telemetry.LogsOptions{})
	again := orders
	again.Incarnation = "two"
	logs.Append(orders, telemetry.Entry{Time: time.Now(), Line: "old"})
	logs.Append(again, telemetry.Entry{Time: time.Now(), Line: "new"})
	if err := logs.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := logs.Remove(t.Context(), "orders", "one", "fulfil"); err != nil {
		t.Fatal(err)
	}
	lines := read(t, logs, telemetry.Query{Stack: "orders"})
	if len(lines) != 1 || lines[0].Line != "new" {
		t.Fatalf("got %v, want the new incarnation's line only", lines)
	}
}

func TestAnyBytesMakeALine(t *testing.T) {
	logs := openLogs(t, jetStream(t), telemetry.LogsOptions{})
	logs.Append(orders, telemetry.Entry{Time: time.Now(), Line: "\xff\x00\n\"" + strings.Repeat("\x01", telemetry.MaxLine)})
	lines := read(t, logs, telemetry.Query{Stack: "orders"})
	if len(lines) != 1 || len(lines[0].Line) > telemetry.MaxLine+len("\uFFFD") || !strings.HasPrefix(lines[0].Line, "\uFFFD\x00\n\"\x01") {
		t.Fatalf("the line did not survive: %d lines", len(lines))
	}
}

func read(t *testing.T, logs *telemetry.Logs, q telemetry.Query) []telemetry.Entry {
	t.Helper()
	var lines []telemetry.Entry
	for e, err := range logs.Read(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, e)
	}
	return lines
}

func openLogs(t *testing.T, js jetstream.JetStream, opts telemetry.LogsOptions) *telemetry.Logs {
	t.Helper()
	opts.JetStream = js
	logs, err := telemetry.NewLogs(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := logs.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return logs
}

func jetStream(t *testing.T) jetstream.JetStream { return connect(t, startServer(t)) }

func startServer(t *testing.T) *natsserver.Server {
	t.Helper()
	server, err := natsserver.NewServer(&natsserver.Options{
		DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
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
		t.Fatal("the NATS server did not start")
	}
	return server
}

func connect(t *testing.T, server *natsserver.Server) jetstream.JetStream {
	t.Helper()
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

func TestTheLogsThereAreCanBeListed(t *testing.T) {
	logs := openLogs(t, jetStream(t), telemetry.LogsOptions{})
	removed := telemetry.Group{Stack: "orders", Incarnation: "two", Function: "report"}
	for _, g := range []telemetry.Group{orders, removed} {
		logs.Append(g, telemetry.Entry{Time: time.Now(), Line: "line"})
	}
	if err := logs.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := logs.Remove(t.Context(), removed.Stack, removed.Incarnation, removed.Function); err != nil {
		t.Fatal(err)
	}
	groups, err := logs.Groups(t.Context())
	if err != nil || len(groups) != 1 || groups[0] != orders {
		t.Errorf("there are logs of %v, %v; want %v", groups, err, orders)
	}
}
