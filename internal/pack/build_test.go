package pack

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A test process builds in place of testing when this names the source, so that
// several processes can build at once.
const buildInChild = "TIDEGATE_TEST_BUILD"

func TestMain(m *testing.M) {
	source := os.Getenv(buildInChild)
	if source == "" {
		os.Exit(m.Run())
	}
	output, err := Build{Source: source, Command: os.Getenv(buildInChild + "_COMMAND"), CacheDir: os.Getenv(buildInChild + "_CACHE")}.Run(context.Background())
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString(output)
}

// newBuild is a build that notes each of its runs in a file outside of its
// source and copies the source's app.txt.
func newBuild(t *testing.T) (b Build, runs func() int) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "runs")
	b = Build{
		Source:      folderOf(t, files{"app.txt": "v1", IgnoreFile: "*.log\n", "noise.log": "1"}),
		Command:     `echo run >> "$RUNS" && cp app.txt noise.log "$TIDEGATE_OUTPUT"`,
		Environment: map[string]string{"RUNS": log},
		CacheDir:    filepath.Join(t.TempDir(), "cache"),
	}
	return b, func() int {
		text, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.Count(string(text), "\n")
	}
}

func run(t *testing.T, b Build) string {
	t.Helper()
	output, err := b.Run(t.Context())
	must(t, err)
	return output
}

func TestABuildsOutputIsPackagedAndKept(t *testing.T) {
	b, runs := newBuild(t)
	output := run(t, b)
	if got := mustOpen(t, output).Manifest(); len(got) != 2 || got[0].Path != "app.txt" {
		t.Errorf("output %q", paths(got))
	}
	if again := run(t, b); again != output || runs() != 1 {
		t.Errorf("built %d times, into %s and %s", runs(), output, again)
	}
	entries, err := os.ReadDir(b.CacheDir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the cache has %v %v", entries, err)
	}
}

func TestABuildRunsAgainWhenWhatItDependsOnChanges(t *testing.T) {
	for name, change := range map[string]func(b *Build){
		"source":      func(b *Build) { must(t, os.WriteFile(filepath.Join(b.Source, "app.txt"), []byte("v2"), 0o644)) },
		"a mode":      func(b *Build) { must(t, os.Chmod(filepath.Join(b.Source, "app.txt"), 0o755)) },
		"command":     func(b *Build) { b.Command += " && true" },
		"environment": func(b *Build) { b.Environment["X"] = "1" },
	} {
		t.Run(name, func(t *testing.T) {
			b, runs := newBuild(t)
			before := run(t, b)
			change(&b)
			if after := run(t, b); after == before || runs() != 2 {
				t.Errorf("built %d times", runs())
			}
		})
	}
}

func TestWhatIsIgnoredIsThereForTheBuildAndNoReasonToBuildAgain(t *testing.T) {
	b, runs := newBuild(t)
	output := run(t, b)
	if text, err := os.ReadFile(filepath.Join(output, "noise.log")); err != nil || string(text) != "1" {
		t.Error(string(text), err)
	}
	must(t, os.WriteFile(filepath.Join(b.Source, "noise.log"), []byte("2"), 0o644))
	must(t, os.Chtimes(filepath.Join(b.Source, "app.txt"), time.Unix(1, 0), time.Unix(1, 0)))
	run(t, b)
	if runs() != 1 {
		t.Errorf("built %d times", runs())
	}
}

func TestABuildThatFailsShowsTheEndOfItsOutput(t *testing.T) {
	b, _ := newBuild(t)
	b.Command = `for i in $(seq 1 100); do echo "line $i"; done; echo no such module >&2; exit 3`
	_, err := b.Run(t.Context())
	mentions(t, err, b.Source, "the command failed with exit status 3", "line 100\nno such module")
	if err != nil && strings.Contains(err.Error(), "line 80\n") {
		t.Errorf("too much output: %v", err)
	}
	assertNothingCached(t, b)
}

func TestABuildSaysWhatIsWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(b *Build)
		want   string
	}{
		"no output":     {func(b *Build) { b.Command = "true" }, "left nothing in $TIDEGATE_OUTPUT"},
		"no command":    {func(b *Build) { b.Command = " " }, "the command is empty"},
		"no source":     {func(b *Build) { b.Source += "x" }, "does not exist"},
		"a file":        {func(b *Build) { b.Source += "/app.txt" }, "is not a folder"},
		"silence":       {func(b *Build) { b.Command = "exit 1" }, "ended with:\n(nothing)"},
		"a lost output": {func(b *Build) { b.Command = `rm -r "$TIDEGATE_OUTPUT"` }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := newBuild(t)
			tt.change(&b)
			_, err := b.Run(t.Context())
			mentions(t, err, tt.want)
			assertNothingCached(t, b)
		})
	}
}

func TestABuildThatIsInterruptedLeavesNoProcess(t *testing.T) {
	b, _ := newBuild(t)
	fifo := filepath.Join(t.TempDir(), "alive")
	must(t, exec.Command("mkfifo", fifo).Run())
	// The grandchild holds the pipe open for as long as it lives.
	b.Command = `sleep 1000 > "` + fifo + `" & wait`
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := b.Run(ctx)
		done <- err
	}()
	pipe, err := os.Open(fifo) // returns when the grandchild has opened it
	must(t, err)
	defer pipe.Close()
	cancel(errors.New("no more time"))
	mentions(t, <-done, "it was interrupted: no more time")
	// The pipe ends when its last writer is gone.
	if n, err := pipe.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error(n, err)
	}
	assertNothingCached(t, b)
}

func TestABuildWaitsForNobodyItsCommandForgot(t *testing.T) {
	b, _ := newBuild(t)
	b.Command = `cp app.txt "$TIDEGATE_OUTPUT"; sleep 1000 &`
	_, err := b.Run(t.Context())
	mentions(t, err, "left programs running")
	assertNothingCached(t, b)
}

func TestFunctionsThatShareASourceBuildItOnce(t *testing.T) {
	b, runs := newBuild(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := b.Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if runs() != 1 || len(building.locks) != 0 {
		t.Errorf("built %d times, and %d locks are left", runs(), len(building.locks))
	}
}

func TestWaitingForAnotherBuildEnds(t *testing.T) {
	unlock, err := lockKey(t.Context(), "key")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = lockKey(ctx, "key")
	mentions(t, err, "did not end in time")
	unlock()
	unlock, err = lockKey(t.Context(), "key")
	must(t, err)
	unlock()
}

func TestProcessesThatBuildAtOnceGetTheSameWholeOutput(t *testing.T) {
	source := folderOf(t, files{"app.txt": "v1"})
	cache := filepath.Join(t.TempDir(), "cache")
	outputs := make([]string, 6)
	var group sync.WaitGroup
	for i := range outputs {
		group.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(
				os.Environ(), buildInChild+"="+source, buildInChild+"_CACHE="+cache,
				buildInChild+`_COMMAND=for i in 1 2 3 4 5 6 7 8 9; do cp app.txt "$TIDEGATE_OUTPUT/$i"; done`,
			)
			output, err := cmd.Output()
			if err != nil {
				t.Error(err, string(output))
			}
			outputs[i] = string(output)
			if entries, err := os.ReadDir(string(output)); err != nil || len(entries) != 9 {
				t.Errorf("%d files %v", len(entries), err)
			}
		})
	}
	group.Wait()
	for _, o := range outputs {
		if o != outputs[0] {
			t.Errorf("outputs %q", outputs)
		}
	}
	if entries, err := os.ReadDir(cache); err != nil || len(entries) != 1 {
		t.Errorf("the cache has %v %v", entries, err)
	}
}

func TestOutputsThatNobodyAsksForAreRemoved(t *testing.T) {
	b, runs := newBuild(t)
	old := run(t, b)
	long := time.Now().Add(-keepOutputs - time.Hour)
	must(t, os.Chtimes(old, long, long))
	used := b
	used.Command += "; true"
	kept := run(t, used) // builds, and so sweeps
	if _, err := os.Stat(old); err == nil {
		t.Error("the old output is still there")
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	left := filepath.Join(b.CacheDir, scratchPrefix+"1")
	must(t, os.Mkdir(left, 0o755))
	sweep(b.CacheDir, time.Now())
	if _, err := os.Stat(left); err != nil {
		t.Error("a build that is under way was swept away")
	}
	sweep(b.CacheDir, time.Now().Add(25*time.Hour))
	if _, err := os.Stat(left); err == nil {
		t.Error("what a killed build left is still there")
	}
	if runs() != 2 {
		t.Errorf("built %d times", runs())
	}
}

func assertNothingCached(t *testing.T, b Build) {
	t.Helper()
	entries, err := os.ReadDir(b.CacheDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) || len(entries) > 0 {
		t.Errorf("the cache has %v %v", entries, err)
	}
}
