package pack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// OutputVariable is the environment variable that tells a build where to put
// what is to be packaged.
const OutputVariable = "TIDEGATE_OUTPUT"

// A Build makes what is packaged out of a source folder by a command.
type Build struct {
	// Source is the folder that the command runs in.
	Source string
	// Command for sh -c. It leaves what is to be packaged in $TIDEGATE_OUTPUT, an
	// empty folder.
	Command string
	// Environment is added to that of this process.
	Environment map[string]string
	// CacheDir is where outputs are kept; empty means DefaultCacheDir. It must not
	// lie within Source.
	CacheDir string
}

// cacheFormat is part of every cache key: change it when keys or outputs mean
// something else.
const cacheFormat = "tidegate build 1"

// keepOutputs is how long an output stays that no build asks for.
const keepOutputs = 30 * 24 * time.Hour

// DefaultCacheDir is where builds' outputs are kept for this user.
func DefaultCacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder to keep builds in: %w; set XDG_CACHE_HOME", err)
	}
	return filepath.Join(dir, "tidegate", "builds"), nil
}

// Run returns the folder with the command's output, which it runs unless it has
// before with the same source, command, environment and platform. The folder
// must not be changed.
//
// What .tidegateignore lists is there for the command, but a change of it is no
// reason to build again. Tools and anything outside of the source are not looked
// at either.
//
// Any number of processes may build at the same time: an output appears whole,
// by a rename, or not at all. When ctx ends, the command and all it started are
// killed.
func (b Build) Run(ctx context.Context) (output string, err error) {
	if strings.TrimSpace(b.Command) == "" {
		return "", b.errorf("the command is empty; leave build out, or say how to build")
	}
	if b.CacheDir == "" {
		if b.CacheDir, err = DefaultCacheDir(); err != nil {
			return "", err
		}
	}
	key, err := b.key()
	if err != nil {
		return "", err
	}
	output = filepath.Join(b.CacheDir, key)
	unlock, err := lockKey(ctx, output)
	if err != nil {
		return "", err
	}
	defer unlock()

	if b.cached(output) {
		return output, nil
	}
	if err := os.MkdirAll(b.CacheDir, 0o755); err != nil {
		return "", b.errorf("no folder for its output: %w", err)
	}
	sweep(b.CacheDir, time.Now())
	scratch, err := os.MkdirTemp(b.CacheDir, scratchPrefix)
	if err != nil {
		return "", b.errorf("no folder for its output: %w", err)
	}
	defer os.RemoveAll(scratch)
	if err := b.run(ctx, scratch); err != nil {
		return "", err
	}
	// Somebody else may have been faster, with the same result.
	if err := os.Rename(scratch, output); err != nil && !b.cached(output) {
		return "", b.errorf("its output cannot be kept: %w", err)
	}
	return output, nil
}

// key is the hash of all that decides whether an output can be used again.
func (b Build) key() (string, error) {
	info, err := os.Stat(b.Source)
	if err == nil && !info.IsDir() {
		return "", sourceError(b.Source, errors.New("is not a folder, and a build runs in one"))
	}
	t, err := openTree(b.Source)
	if err != nil {
		return "", sourceError(b.Source, err)
	}
	defer t.Close()
	// The limit is the package's, not that of what it is built from.
	_, manifest, err := scan(t, Options{Limit: 1 << 40})
	if err != nil {
		return "", sourceError(b.Source, err)
	}
	h := sha256.New()
	// Quoting keeps one field from passing for two.
	fmt.Fprintf(h, "%s %s %s %x %q", cacheFormat, runtime.GOOS, runtime.GOARCH, manifest.digest(), b.Command)
	for _, name := range slices.Sorted(maps.Keys(b.Environment)) {
		fmt.Fprintf(h, " %q=%q", name, b.Environment[name])
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// cached tells whether there is an output, and marks it as used.
func (b Build) cached(output string) bool {
	info, err := os.Stat(output)
	if err != nil || !info.IsDir() {
		return false
	}
	now := time.Now()
	// A cache that belongs to somebody else serves as well without the mark.
	_ = os.Chtimes(output, now, now)
	return true
}

// run runs the command with an empty output folder.
func (b Build) run(ctx context.Context, output string) error {
	absolute, err := filepath.Abs(output)
	if err != nil {
		return b.errorf("%w", err)
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		return b.errorf("there is no sh to run its command with")
	}
	cmd := exec.CommandContext(ctx, shell, "-c", b.Command)
	cmd.Dir = b.Source
	cmd.Env = os.Environ()
	for _, name := range slices.Sorted(maps.Keys(b.Environment)) {
		cmd.Env = append(cmd.Env, name+"="+b.Environment[name])
	}
	cmd.Env = append(cmd.Env, OutputVariable+"="+absolute)
	var last tail
	cmd.Stdout, cmd.Stderr = &last, &last
	killGroup := ownGroup(cmd)
	cmd.Cancel = killGroup
	// What the command left running may hold its output open.
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	if err != nil && cmd.Process != nil {
		_ = killGroup() // mostly there is nobody left
	}
	switch {
	case ctx.Err() != nil:
		return b.errorf("it was interrupted: %w", context.Cause(ctx))
	case errors.Is(err, exec.ErrWaitDelay):
		return b.errorf("the command ended and left programs running; let it wait for them")
	case err != nil:
		return b.errorf("the command failed with %w; its output ended with:\n%s", err, last.String())
	}
	entries, err := os.ReadDir(output)
	if err == nil && len(entries) == 0 {
		err = fmt.Errorf("the command left nothing in $%s; have it write there what is to be packaged", OutputVariable)
	}
	if err != nil {
		return b.errorf("%w", err)
	}
	return nil
}

func (b Build) errorf(format string, args ...any) error {
	return fmt.Errorf("build in %q: "+format, append([]any{b.Source}, args...)...)
}

// scratchPrefix begins the names of outputs that are being made.
const scratchPrefix = "building-"

// sweep removes outputs that were not used for long, and what killed builds
// left. Another process may be sweeping too, so it does what it can.
func sweep(cacheDir string, now time.Time) {
	entries, err := os.ReadDir(cacheDir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() {
			continue
		}
		age := now.Sub(info.ModTime())
		if age > keepOutputs || strings.HasPrefix(e.Name(), scratchPrefix) && age > 24*time.Hour {
			_ = os.RemoveAll(filepath.Join(cacheDir, e.Name()))
		}
	}
}
