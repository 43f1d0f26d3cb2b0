package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// usageBucketName is of the bucket that all nodes write into; the keys are
// <node>.<part>, and the values lists of Usage.
const usageBucketName = "TIDEGATE_USAGE"

// usageReadTimeout is how long JetStream may take to tell what all nodes wrote.
const usageReadTimeout = 5 * time.Second

// A usageBucket is where nodes write what they have counted.
type usageBucket struct{ kv jetstream.KeyValue }

func openUsageBucket(ctx context.Context, opts MeterOptions) (usageBucket, error) {
	kv, err := opts.JetStream.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:      usageBucketName,
		Description: "Tidegate: what each node counts of every version's usage",
		History:     1,
		Storage:     jetstream.FileStorage,
		Replicas:    opts.Replicas,
	})
	if err != nil {
		return usageBucket{}, fmt.Errorf("cannot open JetStream's bucket %s: %w", usageBucketName, err)
	}
	return usageBucket{kv}, nil
}

// nodeOf is whose key it is.
func nodeOf(key string) string {
	node, _, _ := strings.Cut(key, ".")
	return node
}

func (b usageBucket) put(key string, usage []Usage) error {
	sortUsage(usage)
	text, err := json.Marshal(usage)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), meterTimeout)
	defer cancel()
	_, err = b.kv.Put(ctx, key, text)
	return err
}

// read returns what was written, by key. A watch that falls silent is an error.
func (b usageBucket) read(ctx context.Context, keys string) (_ map[string][]Usage, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot read the functions' usage: %w", err)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, usageReadTimeout)
	defer cancel()
	watch, err := b.kv.Watch(ctx, keys, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, err
	}
	defer func() {
		_ = watch.Stop()
		go func() { // lets go of whoever wants to hand it values
			for range watch.Updates() {
			}
		}()
	}()
	entries := map[string][]Usage{}
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case e, ok := <-watch.Updates():
			switch {
			case !ok:
				return nil, errors.New("the watch ended")
			case e == nil:
				return entries, nil
			}
			var usage []Usage
			if err := json.Unmarshal(e.Value(), &usage); err != nil {
				return nil, fmt.Errorf("the entry %s is damaged: %w", e.Key(), err)
			}
			entries[e.Key()] = usage
		}
	}
}

func (b usageBucket) remove(ctx context.Context, key string) error {
	if err := b.kv.Purge(ctx, key); err != nil {
		return fmt.Errorf("cannot remove expired usage: %w", err)
	}
	return nil
}
