package store

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/nats-io/nats.go"
)

// upload stores a package and fails the test if it cannot.
func upload(t *testing.T, s *Store, content []byte) (sha string) {
	t.Helper()
	sha = shaOf(content)
	if err := s.PutPackage(testContext(t), sha, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	return sha
}

// messages is how many messages the packages consist of.
func messages(t *testing.T, s *Store) uint64 {
	t.Helper()
	info, err := s.packages.stream.Info(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Msgs
}

// has tells whether the store has a package.
func has(t *testing.T, s *Store, sha string) bool {
	t.Helper()
	has, err := s.HasPackage(testContext(t), sha)
	if err != nil {
		t.Fatal(err)
	}
	return has
}

func TestAPackageIsReadAsItWasWritten(t *testing.T) {
	for name, size := range map[string]int{
		"empty": 0, "small": 10, "one chunk": packageChunk, "one chunk and a byte": packageChunk + 1,
		"more chunks than are underway at once": 20*packageChunk + 17,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, Options{Dir: dir})
			ctx := testContext(t)
			content, sha := random(size)
			if has(t, s, sha) {
				t.Error("it is there before it was uploaded")
			}
			if _, err := s.OpenPackage(ctx, sha); !errors.Is(err, ErrNotFound) {
				t.Errorf("OpenPackage says %v, want ErrNotFound", err)
			}
			if _, err := s.PackageSize(ctx, sha); !errors.Is(err, ErrNotFound) {
				t.Errorf("PackageSize says %v, want ErrNotFound", err)
			}
			upload(t, s, content)

			s.Close()
			s = open(t, Options{Dir: dir})
			if !has(t, s, sha) {
				t.Error("it is not there after it was uploaded")
			}
			if got, err := s.PackageSize(ctx, sha); err != nil || got != int64(size) {
				t.Errorf("its size is %d, %v, want %d", got, err, size)
			}
			r, err := s.OpenPackage(ctx, sha)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
				t.Errorf("it reads as %d bytes, %v, want the %d that were written", len(got), err, size)
			}
		})
	}
}

func TestAPackageThatIsNotWhatItsNameSaysLeavesNothing(t *testing.T) {
	s := open(t, Options{})
	_, sha := random(10)
	other, _ := random(3 * packageChunk)
	if err := s.PutPackage(testContext(t), sha, bytes.NewReader(other)); !errors.Is(err, ErrHash) {
		t.Errorf("PutPackage says %v, want ErrHash", err)
	}
	if has(t, s, sha) || messages(t, s) != 0 {
		t.Errorf("%d messages are left", messages(t, s))
	}
}

func TestAnUploadThatBreaksOffLeavesNothing(t *testing.T) {
	s := open(t, Options{})
	content, sha := random(3 * packageChunk)
	broken := io.MultiReader(bytes.NewReader(content[:2*packageChunk]), iotest.ErrReader(errors.New("the line went dead")))
	err := s.PutPackage(testContext(t), sha, broken)
	if err == nil || !strings.Contains(err.Error(), "the line went dead") {
		t.Errorf("PutPackage says %v", err)
	}
	if has(t, s, sha) || messages(t, s) != 0 {
		t.Errorf("%d messages are left", messages(t, s))
	}
}

func TestAPackageThatIsThereIsNotWrittenAgain(t *testing.T) {
	s := open(t, Options{})
	content, sha := random(10)
	upload(t, s, content)
	before := messages(t, s)
	if err := s.PutPackage(testContext(t), sha, iotest.ErrReader(errors.New("read"))); err != nil {
		t.Errorf("PutPackage says %v", err)
	}
	if after := messages(t, s); after != before {
		t.Errorf("%d messages, want %d", after, before)
	}
}

func TestUploadsOfTheSamePackageAtOnceAllSucceed(t *testing.T) {
	url := cluster(t)
	stores := []*Store{open(t, Options{NATSURL: url}), open(t, Options{NATSURL: url})}
	content, sha := random(5 * packageChunk)
	// Each reads its last byte when all have got that far.
	var readers []io.Reader
	gates := make([]chan struct{}, 4)
	for i := range gates {
		gates[i] = make(chan struct{})
		readers = append(readers, io.MultiReader(bytes.NewReader(content[:len(content)-1]),
			&gate{gates, i}, bytes.NewReader(content[len(content)-1:])))
	}
	results := make(chan error)
	for i, r := range readers {
		go func() { results <- stores[i%2].PutPackage(t.Context(), sha, r) }()
	}
	for range readers {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	r, err := stores[0].OpenPackage(testContext(t), sha)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Errorf("it reads as %d bytes, %v", len(got), err)
	}
	if got := messages(t, stores[0]); got != 6 {
		t.Errorf("%d messages are left, want 5 chunks and an entry", got)
	}
}

// A gate is an empty reader that is read when all gates have been.
type gate struct {
	all  []chan struct{}
	mine int
}

func (g *gate) Read([]byte) (int, error) {
	close(g.all[g.mine])
	for _, c := range g.all {
		<-c
	}
	return 0, io.EOF
}

func TestNamesThatAreNoSHA256(t *testing.T) {
	s := open(t, Options{})
	ctx := testContext(t)
	for _, sha := range []string{"", "x", "../../etc/passwd", strings.Repeat("A", 43), strings.Repeat("A", 44), shaOf(nil) + "="} {
		_, hasErr := s.HasPackage(ctx, sha)
		_, openErr := s.OpenPackage(ctx, sha)
		_, sizeErr := s.PackageSize(ctx, sha)
		_, dirErr := s.PackageDir(ctx, sha)
		for _, err := range []error{hasErr, openErr, sizeErr, dirErr, s.PutPackage(ctx, sha, strings.NewReader(""))} {
			if err == nil || !strings.Contains(err.Error(), "it should be 32 bytes in base64") {
				t.Errorf("%q: %v", sha, err)
			}
		}
	}
	if _, err := s.PackageDir(ctx); err == nil {
		t.Error("PackageDir of nothing succeeds")
	}
}

func TestADamagedPackageIsNotReadAsIfItWereWhole(t *testing.T) {
	s := open(t, Options{})
	ctx := testContext(t)
	content, sha := random(2 * packageChunk)
	upload(t, s, content)
	key, err := packageKey(sha)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := s.packages.entry(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	// The first chunk goes to the end.
	if err := s.packages.stream.DeleteMsg(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.js.PublishMsg(ctx, &nats.Msg{Subject: chunkSubjects + entry.info.NUID, Data: content[:packageChunk]}); err != nil {
		t.Fatal(err)
	}
	r, err := s.OpenPackage(ctx, sha)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); err == nil {
		t.Error("it is read without an error")
	}
}

func FuzzAPackagesNameIsOneWordInFilesAndSubjects(f *testing.F) {
	f.Add(shaOf(nil))
	f.Add("../../etc/passwd")
	f.Fuzz(func(t *testing.T, sha string) {
		key, err := packageKey(sha)
		if err != nil {
			return
		}
		if strings.ContainsAny(key, "/\\. *>") || len(key) != 43 {
			t.Errorf("%q becomes %q", sha, key)
		}
	})
}
