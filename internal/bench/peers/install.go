// Package peers installs and starts what people use where the open runtime might be:
// pinned by lock files, from their registries, into the repository's cache.
package peers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// Installed is where the peers are.
type Installed struct {
	// Ceiling is the program that answers with Go's own HTTP server.
	Ceiling string
	// Echo is a Lambda function in Go, linked statically.
	Echo string
	// node is the folder with the Node peers' packages and code, once it is installed.
	node string

	source, cache string
}

// Install builds the Go programs.
func Install(ctx context.Context) (*Installed, error) {
	root, err := harness.Root()
	if err != nil {
		return nil, err
	}
	source, cache := filepath.Join(root, "internal", "bench", "peers"), filepath.Join(root, ".cache", "peers")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	i := &Installed{Ceiling: filepath.Join(cache, "ceiling"), Echo: filepath.Join(cache, "echo"), source: source, cache: cache}
	for _, program := range []string{i.Ceiling, i.Echo} {
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "./"+filepath.Base(program))
		build.Dir = filepath.Join(source, "go")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build of %s: %w\n%s", filepath.Base(program), err, out)
		}
	}
	return i, nil
}

// InstallNode installs the Node packages, once for each lock file: into a folder named by
// its content, so that a change of it makes a new one. A folder without its mark was left
// by an interruption. Log is told that it takes a while.
func (i *Installed) InstallNode(ctx context.Context, log io.Writer) error {
	source := filepath.Join(i.source, "node")
	lockFile, err := os.ReadFile(filepath.Join(source, "package-lock.json"))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(lockFile)
	dir := filepath.Join(i.cache, "node-"+hex.EncodeToString(sum[:8]))
	mark := filepath.Join(dir, "installed")
	if _, err := os.Stat(mark); err != nil {
		fmt.Fprintln(log, "installing the Node peers, once")
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := copyFiles(source, dir); err != nil {
			return err
		}
		var out bytes.Buffer
		// Nothing of the packages runs: those that bring a program have it as a package.
		npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
		npm.Dir, npm.Stdout, npm.Stderr = dir, &out, &out
		if err := npm.Run(); err != nil {
			return fmt.Errorf("npm ci of the Node peers: %w\n%s", err, &out)
		}
		if err := os.WriteFile(mark, nil, 0o644); err != nil {
			return err
		}
	}
	i.node = dir
	return copyFiles(source, dir)
}

func copyFiles(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
