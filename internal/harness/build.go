package harness

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// EnvBinary names a built `tidegate` to test in place of the one of this tree.
const EnvBinary = "TIDEGATE_TEST_BINARY"

const modulePath = "github.com/tidegate-io/terraform-provider-tidegate"

// EnvRun is different in every `make test`. Reading it keeps Go from taking an
// earlier run's result for this one's: Go cannot see the programs that tests start.
const EnvRun = "TIDEGATE_TEST_RUN"

// keepBuilds is how long an unused build stays in .cache/.
const keepBuilds = 24 * time.Hour

// Binary returns the path of the program of this tree, building it if need be.
// Beside it lies the same program as terraform-provider-tidegate, the name that
// Terraform looks for.
func Binary(ctx context.Context) (string, error) {
	if path := os.Getenv(EnvBinary); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s: %w", EnvBinary, err)
		}
		return path, nil
	}
	built.Lock()
	defer built.Unlock()
	if built.path != "" {
		return built.path, nil
	}
	path, err := build(ctx, "tidegate", ".", "terraform-provider-tidegate")
	built.path = path
	return path, err
}

// built remembers the program for the rest of the process: asking Go whether it is
// current takes longer than many a test.
var built struct {
	sync.Mutex
	path string
}

// natsBinary builds the NATS server of the version in go.mod.
func natsBinary(ctx context.Context) (string, error) {
	return build(ctx, "nats-server", "github.com/nats-io/nats-server/v2")
}

// Root returns the folder of the repository that the working directory is in.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module "+modulePath+"\n")) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not inside the Tidegate repository: no go.mod of module " + modulePath + " in any parent folder")
		}
		dir = parent
	}
}

// cacheDir returns, and makes, a folder below .cache/.
func cacheDir(elem ...string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(append([]string{root, ".cache"}, elem...)...)
	return dir, os.MkdirAll(dir, 0o755)
}

// build compiles a package to .cache/build/<hash of the result>/name, with
// further names for it. Test packages run at the same time, while somebody may be
// editing: the lock makes one of them build, and a path that names its content
// never changes under a process that runs from it. What one of a `make test` has built
// is that of all its packages: to ask Go again takes most of a second of a processor.
func build(ctx context.Context, name, pkg string, aliases ...string) (string, error) {
	return buildIn(ctx, "", nil, name, pkg, aliases...)
}

// buildIn is build of a package of the module in a folder of the repository, with
// further flags.
func buildIn(ctx context.Context, module string, flags []string, name, pkg string, aliases ...string) (string, error) {
	dir, err := cacheDir("build")
	if err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(dir, name+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()

	newest := filepath.Join(dir, name)
	run, builtFor := os.Getenv(EnvRun), newest+".run"
	if done, err := os.ReadFile(builtFor); err == nil && run != "" {
		if path, ok := strings.CutPrefix(string(done), run+"\n"); ok {
			return path, nil
		}
	}
	final, err := compile(ctx, newest, module, flags, pkg, aliases)
	if err != nil || run == "" {
		return final, err
	}
	return final, os.WriteFile(builtFor, []byte(run+"\n"+final), 0o644)
}

// compile is buildIn for who has the lock of the program newest.
func compile(ctx context.Context, newest, module string, flags []string, pkg string, aliases []string) (string, error) {
	dir, name := filepath.Split(newest)
	dir = filepath.Clean(dir)
	// Go relinks the newest build only when something changed.
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"build"}, flags...), "-o", newest, pkg)...)
	cmd.Dir = filepath.Join(filepath.Dir(filepath.Dir(dir)), module)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	sum, err := fileHash(newest)
	if err != nil {
		return "", err
	}
	final := filepath.Join(dir, sum, name)
	if _, err := os.Stat(final); err == nil {
		return final, os.Chtimes(filepath.Dir(final), time.Time{}, time.Now())
	}
	prune(dir)
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return "", err
	}
	for _, alias := range aliases {
		if err := os.Symlink(name, filepath.Join(dir, sum, alias)); err != nil && !errors.Is(err, os.ErrExist) {
			return "", err
		}
	}
	// Renamed into place, so that a build cut short is never taken for a whole one.
	if err := copyFile(newest, final+".new"); err != nil {
		return "", err
	}
	return final, os.Rename(final+".new", final)
}

// prune removes builds that nothing has asked for in a while.
func prune(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && e.IsDir() && time.Since(info.ModTime()) > keepBuilds {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}

// lock takes an exclusive lock that other processes see too.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

func fileHash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return err
	}
	return dst.Close()
}

// CacheEnv are variables that make a program keep what it caches in .cache/, and
// not among the user's own files. Go's build cache stays where it is: it is shared
// by all of a user's projects, and slow to fill.
func CacheEnv(ctx context.Context) ([]string, error) {
	dir, err := cacheDir("user")
	if err != nil {
		return nil, err
	}
	goCache, err := exec.CommandContext(ctx, "go", "env", "GOCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOCACHE: %w", err)
	}
	return []string{"XDG_CACHE_HOME=" + dir, "GOCACHE=" + strings.TrimSpace(string(goCache))}, nil
}
