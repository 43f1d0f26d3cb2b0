package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"golang.org/x/sync/singleflight"
)

// packages are the functions' code and layers: objects of JetStream's object
// store TIDEGATE_PACKAGES, each named by the base64url of its SHA-256.
//
// They are written here and not by nats.go's ObjectStore.Put, which publishes
// the object's entry before its chunks are acknowledged: on a full disk it can
// leave an entry without its content. The layout is the object store's (NATS's
// ADR-20), and nats.go reads it.
type packages struct {
	store   *Store
	js      jetstream.JetStream
	objects jetstream.ObjectStore
	stream  jetstream.Stream
	// dir has the packages that this node has unpacked.
	dir       string
	unpacking singleflight.Group

	mu   sync.Mutex
	used map[string]time.Time // by the unpacked folder's name
}

const (
	packageStream = "OBJ_" + bucketPackages
	entrySubjects = "$O." + bucketPackages + ".M."
	chunkSubjects = "$O." + bucketPackages + ".C."

	// packageChunk is the size of a package's chunks; clusters take messages of a
	// megabyte unless told otherwise.
	packageChunk = 512 << 10
	// packageWindow is how many chunks may be on their way at once.
	packageWindow = 8
	// chunkTimeout is how long the store may take for one chunk.
	chunkTimeout = 15 * time.Second
	// packageGrace is how long a package lives that no record names. A deployment
	// uploads first and writes its record later, in less than half of this.
	packageGrace = time.Hour
)

func openPackages(ctx context.Context, s *Store) (*packages, error) {
	p := &packages{store: s, dir: filepath.Join(s.opts.Dir, "packages"), used: map[string]time.Time{}}
	var err error
	if p.js, err = jetstream.New(s.conn, jetstream.WithPublishAsyncTimeout(chunkTimeout)); err != nil {
		return nil, err
	}
	p.objects, err = p.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket:      bucketPackages,
		Description: "Tidegate: functions' code, by its SHA-256",
		Storage:     jetstream.FileStorage,
		Replicas:    s.opts.Replicas,
	})
	if err == nil {
		p.stream, err = p.js.Stream(ctx, packageStream)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open JetStream's object store %s: %w", bucketPackages, err)
	}
	return p, p.openDir()
}

// packageKey turns a CodeSHA256, which is standard base64, into the package's
// name in the object store.
func packageKey(sha string) (string, error) {
	sum, err := base64.StdEncoding.Strict().DecodeString(sha)
	if err != nil || len(sum) != sha256.Size {
		return "", fmt.Errorf("%.60q is not the SHA-256 of a package: it should be 32 bytes in base64", sha)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// entrySubject is where the package's entry is.
func entrySubject(key string) string {
	return entrySubjects + base64.URLEncoding.EncodeToString([]byte(key))
}

// HasPackage tells whether the store has the package. It keeps it for half an
// hour at least: time to write the record that names it.
func (s *Store) HasPackage(ctx context.Context, sha string) (bool, error) {
	key, err := packageKey(sha)
	if err != nil {
		return false, err
	}
	entry, err := s.packages.entry(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return s.packages.touch(ctx, entry)
}

// PackageSize returns the size of the package in bytes, or ErrNotFound.
func (s *Store) PackageSize(ctx context.Context, sha string) (int64, error) {
	key, err := packageKey(sha)
	if err != nil {
		return 0, err
	}
	entry, err := s.packages.entry(ctx, key)
	return int64(entry.info.Size), err
}

// OpenPackage reads the package, or is ErrNotFound. The last Read fails if the
// content was damaged.
func (s *Store) OpenPackage(ctx context.Context, sha string) (io.ReadCloser, error) {
	key, err := packageKey(sha)
	if err != nil {
		return nil, err
	}
	object, err := s.packages.objects.Get(ctx, key)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, fmt.Errorf("package %s: %w", sha, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read package %s: %w", sha, err)
	}
	return object, nil
}

// PutPackage stores a package whose content must have the SHA-256 sha, else it
// is ErrHash and nothing is stored. A package that is there already is left as
// it is, and the reader unread. Several nodes may put the same at once.
func (s *Store) PutPackage(ctx context.Context, sha string, content io.Reader) error {
	key, err := packageKey(sha)
	if err != nil {
		return err
	}
	if has, err := s.HasPackage(ctx, sha); err != nil || has {
		return err
	}
	if err := s.packages.put(ctx, key, content); err != nil {
		return s.fullDisk(fmt.Errorf("cannot store package %s: %w", sha, err))
	}
	return nil
}

// put writes the chunks, and when all are acknowledged the entry that makes
// them a package.
func (p *packages) put(ctx context.Context, key string, content io.Reader) (err error) {
	id := nuid.Next()
	stored := false
	defer func() {
		if !stored {
			p.purgeChunks(context.WithoutCancel(ctx), id)
		}
	}()
	hash := sha256.New()
	chunks, size, err := p.putChunks(ctx, chunkSubjects+id, io.TeeReader(content, hash))
	if err != nil {
		return err
	}
	if base64.RawURLEncoding.EncodeToString(hash.Sum(nil)) != key {
		return ErrHash
	}
	info := jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: key, Opts: &jetstream.ObjectMetaOptions{ChunkSize: packageChunk}},
		Bucket:     bucketPackages,
		NUID:       id,
		Size:       uint64(size),
		Chunks:     uint32(chunks),
		Digest:     jetstream.GetObjectDigestValue(hash),
	}
	_, err = p.putEntry(ctx, info, 0)
	if isWrongSequence(err) {
		return nil // another node was faster
	}
	stored = err == nil
	return err
}

// putChunks publishes the content and waits until all of it is acknowledged, or, if it
// fails, until none of it is under way any more.
func (p *packages) putChunks(ctx context.Context, subject string, content io.Reader) (chunks int, size int64, err error) {
	var underway []jetstream.PubAckFuture
	defer func() {
		if err == nil {
			return
		}
		// A chunk that is written after the others were purged would stay.
		for _, future := range underway {
			select {
			case <-future.Ok():
			case <-future.Err():
			}
		}
	}()
	acknowledged := func(f jetstream.PubAckFuture) error {
		select {
		case <-f.Ok():
			return nil
		case err := <-f.Err():
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for err == nil {
		chunk := make([]byte, packageChunk)
		n, readErr := io.ReadFull(content, chunk)
		if readErr != nil && readErr != io.EOF && readErr != io.ErrUnexpectedEOF {
			return 0, 0, readErr
		}
		if n > 0 {
			if err := p.store.roomForPackage((len(underway) + 1) * packageChunk); err != nil {
				return 0, 0, err
			}
			future, err := p.js.PublishMsgAsync(&nats.Msg{Subject: subject, Data: chunk[:n]})
			if err != nil {
				return 0, 0, err
			}
			underway = append(underway, future)
			chunks++
			size += int64(n)
		}
		if readErr != nil {
			break
		}
		if len(underway) == packageWindow {
			err = acknowledged(underway[0])
			underway = underway[1:]
		}
	}
	for err == nil && len(underway) > 0 {
		err = acknowledged(underway[0])
		underway = underway[1:]
	}
	return chunks, size, err
}

// putEntry writes an entry in the place of the one at sequence, 0 meaning none.
func (p *packages) putEntry(ctx context.Context, info jetstream.ObjectInfo, sequence uint64) (*jetstream.PubAck, error) {
	value, err := json.Marshal(info)
	if err != nil {
		return nil, err
	}
	msg := nats.NewMsg(entrySubject(info.Name))
	msg.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	msg.Data = value
	return p.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(sequence))
}

func (p *packages) purgeChunks(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := p.stream.Purge(ctx, jetstream.WithPurgeSubject(chunkSubjects+id)); err != nil {
		p.store.log.Warn("chunks of a package that was not stored stay until they are collected", "error", err)
	}
}

// A packageEntry is what makes an object: its description, and where and when
// it was written.
type packageEntry struct {
	info     jetstream.ObjectInfo
	sequence uint64
	written  time.Time
}

func (p *packages) entry(ctx context.Context, key string) (packageEntry, error) {
	return p.entryAt(ctx, entrySubject(key))
}

func (p *packages) entryAt(ctx context.Context, subject string) (packageEntry, error) {
	msg, err := p.stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return packageEntry{}, fmt.Errorf("package: %w", ErrNotFound)
	}
	if err != nil {
		return packageEntry{}, fmt.Errorf("cannot look up a package: %w", err)
	}
	e := packageEntry{sequence: msg.Sequence, written: msg.Time}
	if err := json.Unmarshal(msg.Data, &e.info); err != nil {
		return packageEntry{}, fmt.Errorf("the entry of a package is damaged: %w", err)
	}
	if e.info.Deleted {
		return packageEntry{}, fmt.Errorf("package: %w", ErrNotFound)
	}
	return e, nil
}

// touch makes an entry young again that would soon be old enough to be
// collected, and tells whether the package is still there.
func (p *packages) touch(ctx context.Context, e packageEntry) (bool, error) {
	if time.Since(e.written) < p.store.opts.packageGrace/2 {
		return true, nil
	}
	_, err := p.putEntry(ctx, e.info, e.sequence)
	if isWrongSequence(err) {
		// Touched by another node, or collected just now.
		_, err = p.entry(ctx, e.info.Name)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
	}
	return err == nil, p.store.fullDisk(err)
}

// isWrongSequence tells whether a compare-and-set failed.
func isWrongSequence(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}
