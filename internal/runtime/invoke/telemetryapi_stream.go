package invoke

import (
	"context"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxEarly is how many events are kept for extensions that subscribe while the instance
// initialises, and maxEarlyBytes how many bytes of them.
const (
	maxEarly      = 1000
	maxEarlyBytes = 1 << 20
)

// deliveryTimeout is how long an extension may take for a batch.
const deliveryTimeout = 2 * time.Second

// A telemetryStream delivers an instance's telemetry to its extensions.
type telemetryStream struct {
	mu sync.Mutex
	// subscribers by the extension's name.
	subscribers map[string]*subscriber
	// early are the first events, of so many bytes.
	early      []telemetryEvent
	earlyBytes int
}

// A telemetryEvent is one event, encoded.
type telemetryEvent struct {
	kind string
	text []byte
}

// add begins a subscription, with what has happened before.
func (t *telemetryStream) add(name string, s *subscriber) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.subscribers == nil {
		t.subscribers = map[string]*subscriber{}
	}
	if old := t.subscribers[name]; old != nil {
		old.stop()
	}
	t.subscribers[name] = s
	for _, e := range t.early {
		s.offer(e)
	}
}

func (t *telemetryStream) emit(kind, name string, record any) {
	t.emitAt(time.Now(), kind, name, record)
}

// emitAt tells all subscribers of an event.
func (t *telemetryStream) emitAt(at time.Time, kind, name string, record any) {
	e := telemetryEvent{kind, marshal(map[string]any{
		"time": at.UTC().Format("2006-01-02T15:04:05.000Z"), "type": name, "record": record,
	})}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.early) < maxEarly && t.earlyBytes+len(e.text) <= maxEarlyBytes {
		t.early, t.earlyBytes = append(t.early, e), t.earlyBytes+len(e.text)
	}
	for _, s := range t.subscribers {
		s.offer(e)
	}
}

// flush delivers everything that there is.
func (t *telemetryStream) flush() {
	t.mu.Lock()
	subscribers := slices.Collect(maps.Values(t.subscribers))
	t.mu.Unlock()
	for _, s := range subscribers {
		s.deliver()
	}
}

// A subscriber is one extension's buffer, and its way out.
type subscriber struct {
	subscription
	client *http.Client
	uri    string

	// sending is held while a batch is on its way, so that who delivers the last one
	// comes after those before.
	sending sync.Mutex

	mu      sync.Mutex
	events  [][]byte
	bytes   int
	dropped struct{ records, bytes int }
	// due gets a value when a batch is full; ended is closed by stop.
	due   chan struct{}
	ended chan struct{}
	once  sync.Once
}

func newSubscriber(s subscription, dial func(context.Context, string, string) (net.Conn, error)) *subscriber {
	return &subscriber{
		subscription: s, uri: s.Destination.URI,
		client: &http.Client{Timeout: deliveryTimeout, Transport: &http.Transport{DialContext: dial, MaxIdleConns: 1}},
		due:    make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

func (s *subscriber) stop() { s.once.Do(func() { close(s.ended) }) }

// kick has the buffer delivered.
func (s *subscriber) kick() {
	select {
	case s.due <- struct{}{}:
	default:
	}
}

// offer adds an event to the buffer, unless it is none of the subscriber's kinds. An
// extension that does not keep up loses events: it is told how many.
func (s *subscriber) offer(e telemetryEvent) {
	wanted := false
	for _, kind := range s.Types {
		wanted = wanted || kind == e.kind
	}
	if !wanted {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) >= 2*s.Buffering.MaxItems || s.bytes > 2*s.Buffering.MaxBytes {
		s.dropped.records++
		s.dropped.bytes += len(e.text)
		return
	}
	s.events, s.bytes = append(s.events, e.text), s.bytes+len(e.text)
	if len(s.events) >= s.Buffering.MaxItems || s.bytes >= s.Buffering.MaxBytes {
		s.kick()
	}
}

// run delivers until the instance is gone.
func (s *subscriber) run(gone <-chan struct{}) {
	defer s.client.CloseIdleConnections()
	tick := time.NewTicker(time.Duration(s.Buffering.TimeoutMS) * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.due:
		case <-s.ended:
			return
		case <-gone:
			return
		}
		s.deliver()
	}
}

// deliver sends what there is. What could not be sent is sent again with the next.
func (s *subscriber) deliver() {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.mu.Lock()
	batch, size, dropped := s.events, s.bytes, s.dropped
	s.events, s.bytes, s.dropped.records, s.dropped.bytes = nil, 0, 0, 0
	s.mu.Unlock()
	if dropped.records > 0 {
		batch = append(batch, marshal(map[string]any{
			"time": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "type": "platform.logsDropped",
			"record": map[string]any{"droppedRecords": dropped.records, "droppedBytes": dropped.bytes, "reason": "the extension does not keep up"},
		}))
	}
	if len(batch) == 0 {
		return
	}
	method := http.MethodPost
	if s.Destination.Method != "" {
		method = s.Destination.Method
	}
	if post(s.client, method, s.uri, batch) == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events, s.bytes = append(batch, s.events...), s.bytes+size
}
