package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// CollectPackages removes the packages that no record names and that are older
// than an hour, what interrupted uploads left, and this node's unpacked copies.
// Call it now and then, on any node.
func (s *Store) CollectPackages(ctx context.Context) error {
	// Uploads first and records last: what comes in between then counts as in use.
	uploads, now, err := s.packages.subjects(ctx, chunkSubjects)
	if err != nil {
		return err
	}
	entries, _, err := s.packages.subjects(ctx, entrySubjects)
	if err != nil {
		return err
	}
	used, err := s.usedPackages(ctx)
	if err != nil {
		return err
	}
	whole, err := s.packages.collectEntries(ctx, entries, used, now)
	if err != nil {
		return err
	}
	if err := s.packages.collectChunks(ctx, uploads, whole, now); err != nil {
		return err
	}
	return s.packages.collectDirs(used, time.Now())
}

// usedPackages returns the names of the packages, and of the folders they are
// unpacked to, that records need.
func (s *Store) usedPackages(ctx context.Context) (map[string]bool, error) {
	used := map[string]bool{}
	use := func(shas ...string) {
		// What is no package's name needs none.
		if name, err := packageDirName(shas); err == nil {
			used[name] = true
		}
	}
	err := s.eachRecord(ctx, func(r *Record) {
		for _, config := range r.configs() {
			use(config.CodeSHA256)
			use(config.Layers...)
			for _, layer := range config.Layers {
				use(layer)
			}
		}
	})
	return used, err
}

// eachRecord calls f with every record of the store, tombstones too.
func (s *Store) eachRecord(ctx context.Context, f func(*Record)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch, err := s.stacks.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("cannot read the stacks: %w", err)
	}
	defer endWatch(watch)
	for entry := range watch.Updates() {
		if entry == nil {
			return nil
		}
		r, err := decodeRecord(entry)
		if err != nil {
			return err
		}
		f(r)
	}
	return fmt.Errorf("cannot read the stacks: %w", errors.Join(ctx.Err(), jetstream.ErrConsumerDeleted))
}

// subjects returns the subjects below a prefix, and the time by the server's
// clock.
func (p *packages) subjects(ctx context.Context, prefix string) (map[string]uint64, time.Time, error) {
	info, err := p.stream.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("cannot list the packages: %w", err)
	}
	return info.State.Subjects, info.TimeStamp, nil
}

// collectEntries removes packages that are old and not used, and returns the
// ids of the uploads that are packages still.
func (p *packages) collectEntries(ctx context.Context, subjects map[string]uint64, used map[string]bool, now time.Time) (map[string]bool, error) {
	whole := map[string]bool{}
	for subject := range subjects {
		e, err := p.entryAt(ctx, subject)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		whole[e.info.NUID] = true
		if used[e.info.Name] || now.Sub(e.written) < p.store.opts.packageGrace {
			continue
		}
		// By its sequence: an entry that was touched meanwhile is another one.
		if err := p.stream.DeleteMsg(ctx, e.sequence); errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("cannot remove a package: %w", err)
		}
		delete(whole, e.info.NUID)
		p.purgeChunks(ctx, e.info.NUID)
		p.store.log.Debug("removed a package that no stack needs", "package", e.info.Name)
	}
	return whole, nil
}

// collectChunks removes what uploads left that came to no end.
func (p *packages) collectChunks(ctx context.Context, subjects map[string]uint64, whole map[string]bool, now time.Time) error {
	for subject := range subjects {
		id := strings.TrimPrefix(subject, chunkSubjects)
		if whole[id] {
			continue
		}
		last, err := p.stream.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot look at an interrupted upload: %w", err)
		}
		if now.Sub(last.Time) >= p.store.opts.packageGrace {
			p.purgeChunks(ctx, id)
			p.store.log.Debug("removed an upload that was interrupted", "upload", id)
		}
	}
	return nil
}

// collectDirs removes unpacked packages that no record needs and nobody asked
// for in the last hour.
func (p *packages) collectDirs(used map[string]bool, now time.Time) error {
	dirs, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, d := range dirs {
		if !d.IsDir() || used[d.Name()] || strings.HasPrefix(d.Name(), unpackingPrefix) {
			continue
		}
		if err := p.collectDir(d.Name(), now); err != nil {
			return fmt.Errorf("cannot remove an unpacked package: %w", err)
		}
	}
	return nil
}

func (p *packages) collectDir(name string, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	dir := filepath.Join(p.dir, name)
	last, asked := p.used[name]
	if !asked {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		last = info.ModTime()
	}
	if now.Sub(last) < p.store.opts.packageGrace {
		return nil
	}
	delete(p.used, name)
	// Out of the way first, so that nobody finds half of it.
	trash, err := os.MkdirTemp(p.dir, unpackingPrefix)
	if err != nil {
		return err
	}
	if err := os.Rename(dir, filepath.Join(trash, name)); err != nil {
		return err
	}
	return os.RemoveAll(trash)
}
