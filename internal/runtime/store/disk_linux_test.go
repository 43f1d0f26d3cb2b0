package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sys/unix"
)

// smallDisk, in the environment of a test process, is a folder on which it may
// mount a small disk: it has a mount namespace of its own.
const smallDisk = "TIDEGATE_TEST_SMALL_DISK"

// onSmallDisk runs a test with a data folder on a disk of 16 MB. It does so in a
// process of its own, with which the disk goes.
func onSmallDisk(t *testing.T, test func(t *testing.T, dir string)) {
	if dir := os.Getenv(smallDisk); dir != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
			t.Fatal(err)
		}
		test(t, dir)
		return
	}
	again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), smallDisk+"="+t.TempDir())
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		again.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	if out, err := again.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Fatalf("%v\n%s", err, out)
	}
}

// fill takes all of a disk, but for what goes in no file.
func fill(t *testing.T, dir string) (remove func()) {
	t.Helper()
	path := filepath.Join(dir, "somebody-elses-file")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 1024))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

// isFullDisk fails the test if an error is not the one clear error.
func isFullDisk(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "no space left") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s says %v, want that there is no space left", what, err)
	}
}

func TestPackagesThatFillTheDisk(t *testing.T) {
	onSmallDisk(t, func(t *testing.T, dir string) {
		s := open(t, Options{Dir: dir, packageGrace: old})
		var stored []string
		for {
			content, sha := random(2 << 20)
			err := s.PutPackage(testContext(t), sha, bytes.NewReader(content))
			if err != nil {
				isFullDisk(t, "PutPackage", err)
				if has(t, s, sha) {
					t.Error("the package that had no room is there")
				}
				break
			}
			stored = append(stored, sha)
		}
		if len(stored) < 3 {
			t.Errorf("only %d packages of 2 MB went on a disk of 16 MB", len(stored))
		}
		if got := messages(t, s); got != uint64(5*len(stored)) {
			t.Errorf("%d messages are left, want four chunks and an entry of each of %d", got, len(stored))
		}
		put(t, s, record("orders", "f"))
		s.Close()
		s = open(t, Options{Dir: dir, packageGrace: old})
		for _, sha := range stored {
			if err := readable(testContext(t), s, sha); err != nil {
				t.Error(err)
			}
		}
		collect(t, s)
		content, _ := random(2 << 20)
		upload(t, s, content)
	})
}

func TestADiskThatSomethingElseFills(t *testing.T) {
	onSmallDisk(t, func(t *testing.T, dir string) {
		s := open(t, Options{Dir: dir})
		ctx := testContext(t)
		start(t, s)
		before := put(t, s, record("before", "f"))
		free := fill(t, dir)

		_, err := s.PutRecord(ctx, record("during", "f"))
		isFullDisk(t, "PutRecord", err)
		content, sha := random(100)
		isFullDisk(t, "PutPackage", s.PutPackage(ctx, sha, bytes.NewReader(content)))
		if _, err := s.Record(ctx, "before"); err != nil {
			t.Errorf("what is there cannot be read: %v", err)
		}
		if _, err := s.Record(ctx, "during"); !errors.Is(err, ErrNotFound) {
			t.Errorf("what had no room is there: %v", err)
		}
		free()
		after := put(t, s, record("after", "f"))
		for _, r := range []*Record{before, after} {
			applied(t, s, r)
		}
	})
}

func TestAStreamThatRanIntoAFullDiskWorksAgainWhenThereIsRoom(t *testing.T) {
	onSmallDisk(t, func(t *testing.T, dir string) {
		s := open(t, Options{Dir: dir})
		ctx := testContext(t)
		start(t, s)
		stream, err := s.js.CreateStream(ctx, jetstream.StreamConfig{Name: "TIDEGATE_TEST", Subjects: []string{"test"}})
		if err != nil {
			t.Fatal(err)
		}
		send := func() error {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			_, err := s.js.Publish(ctx, "test", make([]byte, 64<<10), jetstream.WithRetryAttempts(0))
			return err
		}
		// Within the time between two looks at the disk, JetStream runs into its end.
		free := fill(t, dir)
		sent := uint64(0)
		for err = send(); err == nil; err = send() {
			sent++
		}
		isFullDisk(t, "a publish", s.fullDisk(err))
		free()

		eventually(t, "messages are accepted", func() bool { return send() == nil })
		sent++
		info, err := stream.Info(ctx)
		if err != nil || info.State.Msgs < sent {
			t.Errorf("there are %d messages, %v, want at least %d", info.State.Msgs, err, sent)
		}
		applied(t, s, put(t, s, record("after", "f")))
		s.Close()
		s = open(t, Options{Dir: dir})
		if _, err := s.Record(ctx, "after"); err != nil {
			t.Error(err)
		}
	})
}

func TestJetStreamStopsBeforeTheReserve(t *testing.T) {
	onSmallDisk(t, func(t *testing.T, dir string) {
		s := open(t, Options{Dir: dir})
		ctx := testContext(t)
		if _, err := s.js.CreateStream(ctx, jetstream.StreamConfig{Name: "TIDEGATE_TEST", Subjects: []string{"test"}}); err != nil {
			t.Fatal(err)
		}
		// Slower than the looks at the disk, faster than the disk is large.
		var err error
		for range 16 {
			for range 4 {
				if err == nil {
					_, err = s.js.Publish(ctx, "test", make([]byte, 256<<10))
				}
			}
			s.embedded.limit(s.embedded.disk.spare())
		}
		isFullDisk(t, "a publish", s.fullDisk(err))
		free, _, err := diskSpace(dir)
		if err != nil || free < 1<<20 {
			t.Errorf("%d bytes are free, %v, want the reserve of 2 MB, or nearly", free, err)
		}
		if got := s.embedded.server.Healthz(nil).Error; got != "" {
			t.Errorf("JetStream is ill: %s", got)
		}
	})
}
