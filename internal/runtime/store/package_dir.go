package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/pack"
)

// unpackingPrefix marks folders that are not finished, in the folder of those
// that are.
const unpackingPrefix = "unpacking-"

// PackageDir returns a folder with the content of the packages, unpacked one
// over the other in the order given: one package for a function's code, or all
// of its layers. Its files are read-only and all callers share them. It stays as
// long as a record needs it, and for an hour after it was last asked for.
func (s *Store) PackageDir(ctx context.Context, shas ...string) (string, error) {
	name, err := packageDirName(shas)
	if err != nil {
		return "", err
	}
	return s.packages.unpacked(ctx, name, shas)
}

// packageDirName is the package's key, or for several "layers-" and the SHA-256
// of their keys.
func packageDirName(shas []string) (string, error) {
	if len(shas) == 0 {
		return "", errors.New("there is no package to unpack")
	}
	keys := make([]string, len(shas))
	for i, sha := range shas {
		key, err := packageKey(sha)
		if err != nil {
			return "", err
		}
		keys[i] = key
	}
	if len(keys) == 1 {
		return keys[0], nil
	}
	sum := sha256.Sum256([]byte(strings.Join(keys, " ")))
	return "layers-" + hex.EncodeToString(sum[:]), nil
}

// openDir makes the folder of unpacked packages, and empties it of what may not
// be whole: what a killed process left, and everything if the machine was
// started again since, as it may have lost what was not flushed.
func (p *packages) openDir() error {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the folder of packages: %w", err)
	}
	bootFile := filepath.Join(p.dir, "boot")
	boot := bootID()
	before, err := os.ReadFile(bootFile)
	same := err == nil && string(before) == boot
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return fmt.Errorf("cannot read the folder of packages: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() && (!same || strings.HasPrefix(e.Name(), unpackingPrefix)) {
			if err := os.RemoveAll(filepath.Join(p.dir, e.Name())); err != nil {
				return fmt.Errorf("cannot clean up the folder of packages: %w", err)
			}
		}
	}
	if same {
		return nil
	}
	return writeFileAtomically(bootFile, []byte(boot))
}

// bootID is another after each start of the machine; empty where the system has
// no such thing, which is as if it had not been started again.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

func (p *packages) unpacked(ctx context.Context, name string, shas []string) (string, error) {
	dir := filepath.Join(p.dir, name)
	p.use(name)
	if isDir(dir) {
		return dir, nil
	}
	// The work is everybody's who waits for it: it goes on when the first of them
	// gives up.
	done := p.unpacking.DoChan(name, func() (any, error) {
		if isDir(dir) {
			return nil, nil
		}
		return nil, p.full(p.unpack(p.store.closing, dir, shas))
	})
	select {
	case result := <-done:
		return dir, result.Err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// full names the data folder in the error if its disk is full.
func (p *packages) full(err error) error {
	if err == nil || !isFull(err) {
		return err
	}
	return fmt.Errorf("%w in data folder %s: make room, then try again (%w)", ErrFull, p.store.opts.Dir, err)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// use notes that the folder of that name was asked for now.
func (p *packages) use(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used[name] = time.Now()
}

// unpack makes the folder, whole or not at all.
func (p *packages) unpack(ctx context.Context, dir string, shas []string) (err error) {
	tmp, err := os.MkdirTemp(p.dir, unpackingPrefix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	content := filepath.Join(tmp, "content")
	if err := os.Mkdir(content, 0o755); err != nil {
		return err
	}
	for i, sha := range shas {
		part := content
		if i > 0 {
			part = filepath.Join(tmp, "layer")
		}
		if err := p.unpackOne(ctx, sha, filepath.Join(tmp, "package.zip"), part); err != nil {
			return fmt.Errorf("cannot unpack package %s: %w", sha, err)
		}
		if i > 0 {
			if err := moveOver(part, content); err != nil {
				return fmt.Errorf("cannot unpack package %s over those before: %w", sha, err)
			}
		}
	}
	return os.Rename(content, dir)
}

// unpackOne unpacks a package into dir by way of the file zip.
func (p *packages) unpackOne(ctx context.Context, sha, zip, dir string) (err error) {
	from, err := p.store.OpenPackage(ctx, sha)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(zip)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	size, err := io.Copy(to, from)
	if err != nil {
		return err
	}
	return pack.Unpack(to, size, dir)
}

// moveOver moves what is in the folder from into the folder to, in the place of
// what has the same name there, and removes from.
func moveOver(from, to string) error {
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if d.IsDir() {
			if isDir(target) {
				return nil
			}
			if err := os.RemoveAll(target); err != nil {
				return err
			}
			return os.Mkdir(target, 0o755)
		}
		if isDir(target) {
			if err := os.RemoveAll(target); err != nil {
				return err
			}
		}
		return os.Rename(path, target)
	})
	return errors.Join(err, os.RemoveAll(from))
}
