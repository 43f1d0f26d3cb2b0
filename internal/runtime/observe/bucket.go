package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// bucketName is of the bucket that all nodes write into; the keys are
// <stack>.<when the release began>.<node>. It is on disk: a release outlives the
// restart of a node, which may be the only one.
const bucketName = "TIDEGATE_RELEASES_SEEN"

// A bucket is where nodes see each other's counts.
type bucket struct {
	kv jetstream.KeyValue
	// stream that the bucket is made of.
	stream jetstream.Stream
	// patience is readTimeout; tests shorten it.
	patience time.Duration
}

func openBucket(ctx context.Context, store Store) (*bucket, error) {
	kv, err := store.JetStream().CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:      bucketName,
		Description: "Tidegate: what each node counts of the releases under way",
		History:     1,
		Storage:     jetstream.FileStorage,
		Replicas:    store.Replicas(),
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open JetStream's bucket %s: %w", bucketName, err)
	}
	stream, err := store.JetStream().Stream(ctx, "KV_"+bucketName)
	if err != nil {
		return nil, fmt.Errorf("cannot open JetStream's bucket %s: %w", bucketName, err)
	}
	return &bucket{kv, stream, readTimeout}, nil
}

// encode makes the same text of the same entry.
func encode(e entry) string {
	text, _ := json.Marshal(e) // numbers in maps and structures
	return string(text)
}

func (b *bucket) put(key, text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	_, err := b.kv.PutString(ctx, key, text)
	return err
}

// read returns the entries of a release by the nodes that wrote them.
func (b *bucket) read(ctx context.Context, key releaseKey) (map[string]entry, error) {
	entries := map[string]entry{}
	err := b.each(ctx, key.prefix()+".*", func(e jetstream.KeyValueEntry) error {
		var decoded entry
		if err := json.Unmarshal(e.Value(), &decoded); err != nil {
			return err
		}
		entries[strings.TrimPrefix(e.Key(), key.prefix()+".")] = decoded
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read what the nodes counted of the release of stack %q: %w", key.stack, err)
	}
	return entries, nil
}

// releases that have entries.
func (b *bucket) releases(ctx context.Context) ([]releaseKey, error) {
	var keys []releaseKey
	err := b.each(ctx, ">", func(e jetstream.KeyValueEntry) error {
		parts := strings.Split(e.Key(), ".")
		if len(parts) != 3 {
			return nil
		}
		if began, err := strconv.ParseInt(parts[1], 10, 64); err == nil {
			keys = append(keys, releaseKey{parts[0], began})
		}
		return nil
	}, jetstream.MetaOnly())
	if err != nil {
		return nil, fmt.Errorf("cannot list what the nodes counted of releases: %w", err)
	}
	return keys, nil
}

// each calls do with the entries there are now. A watch that falls silent, as it may when
// a cluster changes its leader, would have a release wait for ever.
func (b *bucket) each(ctx context.Context, keys string, do func(jetstream.KeyValueEntry) error, opts ...jetstream.WatchOpt) error {
	ctx, cancel := context.WithTimeout(ctx, b.patience)
	defer cancel()
	watch, err := b.kv.Watch(ctx, keys, append(opts, jetstream.IgnoreDeletes())...)
	if err != nil {
		return err
	}
	defer func() {
		_ = watch.Stop()
		go func() { // lets go of whoever wants to hand it values
			for range watch.Updates() {
			}
		}()
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-watch.Updates():
			switch {
			case !ok:
				return errors.New("the watch ended")
			case e == nil:
				return nil
			}
			if err := do(e); err != nil {
				return err
			}
		}
	}
}

// remove deletes the entries of a release, and leaves no markers in their place.
func (b *bucket) remove(ctx context.Context, key releaseKey) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err := b.stream.Purge(ctx, jetstream.WithPurgeSubject("$KV."+bucketName+"."+key.prefix()+".>"))
	if err != nil {
		return fmt.Errorf("cannot remove what the nodes counted of a release of stack %q: %w", key.stack, err)
	}
	return nil
}
