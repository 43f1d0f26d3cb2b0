package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// nodeTime is how long after its last heartbeat a node is held to be dead;
// heartbeats are four times as frequent.
const nodeTime = 4 * time.Second

// nodes knows which nodes are alive. A node with an embedded JetStream is
// always alone, and sends no heartbeats.
type nodes struct {
	store *Store
	self  string
	kv    jetstream.KeyValue // nil when alone

	mu    sync.Mutex
	seen  map[string]time.Time // the others' last heartbeats, by this node's clock
	heard time.Time            // when the cluster answered last
	known chan struct{}        // closed when the first look at the others is done
	once  sync.Once
}

func joinNodes(ctx context.Context, s *Store) (*nodes, error) {
	n := &nodes{store: s, self: newNodeID(), seen: map[string]time.Time{}, known: make(chan struct{})}
	if s.embedded != nil {
		return n, nil
	}
	config := s.opts.bucket(bucketNodes, "Tidegate: heartbeats of the nodes")
	config.TTL = s.opts.nodeTime
	config.Storage = jetstream.MemoryStorage
	kv, err := s.js.CreateOrUpdateKeyValue(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("cannot open JetStream's bucket %s: %w", config.Bucket, err)
	}
	n.kv = kv
	if _, err := kv.Put(ctx, n.self, nil); err != nil {
		return nil, fmt.Errorf("cannot join the other nodes: %w", err)
	}
	n.heard = time.Now()
	s.background.Go(func() { s.follow(s.closing, kv, n) })
	s.background.Go(n.beat)
	select {
	case <-n.known:
		return n, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("cannot see the other nodes: %w", ctx.Err())
	}
}

// newNodeID returns the host's name and six random digits: readable, and new
// with every start.
func newNodeID() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "node"
	}
	host = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '-'
	}, host)
	random := make([]byte, 3)
	_, _ = rand.Read(random) // never fails
	return host + "-" + hex.EncodeToString(random)
}

// beat tells the others that this node is alive until the store closes.
func (n *nodes) beat() {
	every := time.NewTicker(n.store.opts.nodeTime / 4)
	defer every.Stop()
	for {
		select {
		case <-n.store.closing.Done():
			return
		case <-every.C:
		}
		ctx, cancel := context.WithTimeout(n.store.closing, n.store.opts.nodeTime/2)
		_, err := n.kv.Put(ctx, n.self, nil)
		cancel()
		if err != nil {
			n.store.log.Debug("heartbeat failed", "error", err)
			continue
		}
		n.answered(time.Now())
	}
}

// answered notes that the cluster was there just now. After an absence the
// others get the time to show that they are alive.
func (n *nodes) answered(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.Sub(n.heard) > n.store.opts.nodeTime {
		for id := range n.seen {
			n.seen[id] = now
		}
	}
	n.heard = now
}

// leave tells the others that this node is gone, after its last heartbeat.
func (n *nodes) leave() {
	if n.kv == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := n.kv.Purge(ctx, n.self); err != nil {
		n.store.log.Debug("the other nodes will notice by themselves that this one left", "error", err)
	}
}

func (n *nodes) start() {}

func (n *nodes) entry(e jetstream.KeyValueEntry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e.Operation() == jetstream.KeyValuePut {
		n.seen[e.Key()] = time.Now()
	} else {
		delete(n.seen, e.Key())
	}
}

func (n *nodes) caughtUp() { n.once.Do(func() { close(n.known) }) }

// Nodes returns the ids of the nodes that are alive, this one among them,
// sorted.
func (s *Store) Nodes() []string {
	n := s.nodes
	n.mu.Lock()
	defer n.mu.Unlock()
	ids := []string{n.self}
	// A node that is cut off itself hears nobody, and knows nothing of the others: it
	// goes by what it knew. Dead are those of whom nothing came up to the moment at which
	// the cluster answered last, whenever that was.
	for id, at := range n.seen {
		switch {
		case id == n.self:
		case n.heard.Sub(at) > s.opts.nodeTime:
			delete(n.seen, id)
		default:
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Share is this node's part of a limit that holds for all nodes together. The
// parts of all nodes sum up to the limit; some of them are 0 when it is less
// than the number of nodes.
func (s *Store) Share(limit int) int {
	if s.nodes.kv == nil { // every invocation asks
		return limit
	}
	ids := s.Nodes()
	share := limit / len(ids)
	if slices.Index(ids, s.nodes.self) < limit%len(ids) {
		share++
	}
	return share
}
