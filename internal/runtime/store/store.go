package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A Store is one node's way to the state it shares with the other nodes.
type Store struct {
	opts     Options
	log      *slog.Logger
	lock     *os.File
	embedded *embedded // nil on an external cluster

	conn        *nats.Conn
	js          jetstream.JetStream
	reconnected signal

	meta, stacks, names, leases jetstream.KeyValue
	packages                    *packages
	nodes                       *nodes
	directory                   *Directory
	local                       localLeases

	managementToken string
	signingKey      []byte

	closing    context.Context
	close      context.CancelFunc
	background sync.WaitGroup
	closeOnce  sync.Once
}

// Open locks the data folder, starts or finds JetStream and makes what is
// missing in it. Every error is a sentence for the operator.
func Open(ctx context.Context, opts Options) (*Store, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, log: opts.Log}
	s.closing, s.close = context.WithCancel(context.Background())
	if err := s.open(ctx); err != nil {
		_ = s.Close()
		return nil, s.fullDisk(err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) (err error) {
	if s.lock, err = openFolder(s.opts.Dir); err != nil {
		return err
	}
	if err := s.connect(); err != nil {
		return err
	}
	if err := s.openBuckets(ctx); err != nil {
		return err
	}
	if s.packages, err = openPackages(ctx, s); err != nil {
		return err
	}
	if s.nodes, err = joinNodes(ctx, s); err != nil {
		return err
	}
	s.directory = newDirectory(s)
	if s.embedded != nil {
		s.background.Go(func() { s.watchDisk(s.closing) })
	}
	return nil
}

// openBuckets makes or finds the key-value buckets. The format comes first:
// where a newer version wrote, nothing is touched.
func (s *Store) openBuckets(ctx context.Context) (err error) {
	if err := s.checkSharedFormat(ctx); err != nil {
		return err
	}
	open := func(kv *jetstream.KeyValue, config jetstream.KeyValueConfig) {
		if err == nil {
			*kv, err = s.js.CreateOrUpdateKeyValue(ctx, config)
		}
		if err != nil {
			err = fmt.Errorf("cannot open JetStream's bucket %s: %w", config.Bucket, err)
		}
	}
	stacks := s.opts.bucket(bucketStacks, "Tidegate: one record per stack")
	stacks.Compression = true
	open(&s.meta, s.opts.bucket(bucketMeta, "Tidegate: format, token and key shared by all nodes"))
	open(&s.stacks, stacks)
	open(&s.names, s.opts.bucket(bucketNames, "Tidegate: which stack's a function name is"))
	if s.embedded == nil {
		open(&s.leases, s.opts.bucket(bucketLeases, "Tidegate: what one node at a time does"))
	}
	if err != nil {
		return err
	}
	return s.openSecrets(ctx)
}

// checkSharedFormat refuses a cluster that a newer version of Tidegate wrote.
func (s *Store) checkSharedFormat(ctx context.Context) error {
	meta, err := s.js.KeyValue(ctx, bucketMeta)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot use JetStream: %w", err)
	}
	entry, err := meta.Get(ctx, keyFormat)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read the store's format: %w", err)
	}
	return checkFormat("the store", string(entry.Value()))
}

// Close leaves the store: this node is no longer a member, what was written
// stays. No method may be called afterwards.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.close()
		s.background.Wait()
		if s.nodes != nil {
			s.nodes.leave()
		}
		if s.conn != nil {
			s.conn.Close()
		}
		if s.embedded != nil {
			s.embedded.stop()
		}
		if s.lock != nil {
			s.lock.Close()
		}
	})
	return nil
}

// JetStream is where others keep streams of their own, whose names begin with
// TIDEGATE_ and which have Replicas copies.
func (s *Store) JetStream() jetstream.JetStream { return s.js }

// Conn is the connection to NATS.
func (s *Store) Conn() *nats.Conn { return s.conn }

// Replicas every stream and bucket is to have.
func (s *Store) Replicas() int { return s.opts.Replicas }

// Dir is the data folder.
func (s *Store) Dir() string { return s.opts.Dir }

// NodeID names this process among the nodes; a restart gets a new one.
func (s *Store) NodeID() string { return s.nodes.self }

// Directory is the in-memory view of all stacks.
func (s *Store) Directory() *Directory { return s.directory }

// ManagementToken opens the management API. It is made once and shared by all
// nodes.
func (s *Store) ManagementToken() string { return s.managementToken }

// SigningKey signs the functions' own tokens: 32 random bytes, made once and
// shared by all nodes.
func (s *Store) SigningKey() []byte { return s.signingKey }

// where names the place that holds the state, for messages.
func (s *Store) where() string {
	if s.opts.NATSURL == "" {
		return "data folder " + s.opts.Dir
	}
	return "the NATS cluster"
}
