package store

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Options say where the store keeps its state.
type Options struct {
	// Dir is the data folder: JetStream's files, when it is embedded, and the
	// unpacked packages of this node. Made with mode 0700 if it is missing. One
	// process at a time may use it.
	Dir string
	// NATSURL names an external NATS JetStream cluster, credentials included:
	// "nats://user:secret@host1:4222,nats://user:secret@host2:4222". Empty (the
	// default) embeds a server of one's own.
	NATSURL string
	// NATSCredentials is the path of a credentials file (a JWT and its key) for the
	// cluster; empty means none.
	NATSCredentials string
	// Replicas of every stream and bucket, 1 (default) to 5. More than one needs a
	// cluster.
	Replicas int
	// Log gets the store's own messages and the embedded server's; nil means none.
	Log *slog.Logger

	// Tests shorten these times.
	leaseTime, nodeTime, claimTime, packageGrace time.Duration
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("the store needs a data folder: name one with --data-dir")
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.Replicas < 1 || o.Replicas > 5 {
		return o, fmt.Errorf("--replicas is %d; it can be 1 to 5", o.Replicas)
	}
	if o.Replicas > 1 && o.NATSURL == "" {
		return o, fmt.Errorf("--replicas is %d, but an embedded JetStream has one copy of everything: "+
			"name a cluster with --nats-url, or leave --replicas out", o.Replicas)
	}
	if o.NATSURL != "" {
		if _, err := splitURLs(o.NATSURL); err != nil {
			return o, err
		}
	}
	if o.NATSCredentials != "" && o.NATSURL == "" {
		return o, errors.New("--nats-creds goes with --nats-url, which is missing")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.leaseTime = cmp.Or(o.leaseTime, leaseTime)
	o.nodeTime = cmp.Or(o.nodeTime, nodeTime)
	o.claimTime = cmp.Or(o.claimTime, claimTime)
	o.packageGrace = cmp.Or(o.packageGrace, packageGrace)
	return o, nil
}

// The names of the buckets. All streams and buckets of Tidegate begin with
// TIDEGATE_: an external cluster may have other users.
const (
	bucketMeta     = "TIDEGATE_META"
	bucketStacks   = "TIDEGATE_STACKS"
	bucketNames    = "TIDEGATE_NAMES"
	bucketNodes    = "TIDEGATE_NODES"
	bucketLeases   = "TIDEGATE_LEASES"
	bucketPackages = "TIDEGATE_PACKAGES"
)

// bucket is the configuration all key-value buckets begin with: one value per
// key, on disk.
func (o Options) bucket(name, description string) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket:      name,
		Description: description,
		History:     1,
		Storage:     jetstream.FileStorage,
		Replicas:    o.Replicas,
	}
}
