package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// writerDir, in the environment of a test process, makes it a writer in that
// data folder; writerRound makes its stacks' names different in every round.
const (
	writerDir   = "TIDEGATE_TEST_WRITER_DIR"
	writerRound = "TIDEGATE_TEST_WRITER_ROUND"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		if err := writeForEver(dir, os.Getenv(writerRound)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeForEver writes records and packages, and tells of each on standard output
// once it was acknowledged.
func writeForEver(dir, round string) error {
	ctx := context.Background()
	s, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		return err
	}
	failed := make(chan error)
	go func() {
		for i := 0; ; i++ {
			r := record(fmt.Sprintf("s-%s-%d", round, i), "f")
			revision, err := s.PutRecord(ctx, r)
			if err == nil {
				r.Revision = revision
				r.Stack.Tags = map[string]string{"changed": "yes"}
				revision, err = s.PutRecord(ctx, r)
			}
			if err != nil {
				failed <- err
			}
			fmt.Printf("record %s %d\n", r.Stack.Name, revision)
		}
	}()
	go func() {
		for {
			content, sha := random(packageChunk * 5 / 2)
			if err := s.PutPackage(ctx, sha, bytes.NewReader(content)); err != nil {
				failed <- err
			}
			fmt.Printf("package %s\n", sha)
		}
	}()
	return <-failed
}

// writeAndKill has another process write to the data folder, kills it after
// some acknowledgements, and returns them.
func writeAndKill(t *testing.T, dir string, round, after int) []string {
	t.Helper()
	writer := exec.Command(os.Args[0])
	writer.Env = append(os.Environ(), writerDir+"="+dir, writerRound+"="+strconv.Itoa(round))
	var stderr bytes.Buffer
	writer.Stderr = &stderr
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		acknowledged = append(acknowledged, lines.Text())
		if len(acknowledged) == after {
			if err := writer.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = writer.Wait()
	if len(acknowledged) < after {
		t.Fatalf("the writer ended by itself: %s", stderr.String())
	}
	return acknowledged
}

func TestWhatWasAcknowledgedOutlastsAKilledProcess(t *testing.T) {
	dir := t.TempDir()
	var acknowledged []string
	for round := range 6 {
		acknowledged = append(acknowledged, writeAndKill(t, dir, round, 1+rand.IntN(120))...)
	}
	s := open(t, Options{Dir: dir, claimTime: old, packageGrace: old})
	ctx := testContext(t)
	packages := 0
	for _, line := range acknowledged {
		words := strings.Fields(line)
		switch words[0] {
		case "record":
			r, err := s.Record(ctx, words[1])
			if err != nil || strconv.FormatUint(r.Revision, 10) != words[2] || r.Stack.Tags["changed"] != "yes" {
				t.Errorf("%s: it is %+v, %v", line, r, err)
			}
		case "package":
			packages++
			if err := readable(ctx, s, words[1]); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	t.Logf("%d acknowledged, %d of them packages", len(acknowledged), packages)

	// What was not acknowledged is there as a whole or can be made again.
	for round := range 6 {
		for i := range len(acknowledged) + 2 {
			name := fmt.Sprintf("s-%d-%d", round, i)
			if _, err := s.Record(ctx, name); errors.Is(err, ErrNotFound) {
				put(t, s, record(name, "f"))
				break
			}
		}
	}
	collect(t, s)
	if got := messages(t, s); got != 0 {
		t.Errorf("%d messages of packages that nobody needs are left", got)
	}
}

func readable(ctx context.Context, s *Store, sha string) error {
	r, err := s.OpenPackage(ctx, sha)
	if err != nil {
		return err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err == nil && shaOf(content) != sha {
		err = ErrHash
	}
	return err
}
