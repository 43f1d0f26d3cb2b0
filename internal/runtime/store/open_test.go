package store

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestADataFolderIsForItsOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "data")
	open(t, Options{Dir: dir})
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o700 {
		t.Errorf("the data folder has mode %o, want 700", got)
	}
}

func TestADataFolderHasOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	first := open(t, Options{Dir: dir})
	_, err := Open(testContext(t), Options{Dir: dir})
	want := fmt.Sprintf("data folder %s is in use by process %d: ", dir, os.Getpid())
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("a second Open says %v, want %s...", err, want)
	}
	first.Close()
	open(t, Options{Dir: dir})
}

func TestADataFolderOfANewerVersionIsLeftAlone(t *testing.T) {
	for content, says := range map[string]string{
		"2\n":        "written by a newer version of Tidegate (format 2; this version reads up to 1)",
		"surprise\n": `its format is "surprise", which is no number`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "format"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(testContext(t), Options{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), dir) {
			t.Errorf("Open says %v, want %s", err, says)
		}
		if got, _ := os.ReadFile(filepath.Join(dir, "format")); string(got) != content {
			t.Errorf("the format is %q now", got)
		}
		if _, err := os.Stat(filepath.Join(dir, "jetstream")); !os.IsNotExist(err) {
			t.Errorf("JetStream was started: %v", err)
		}
	}
}

func TestAClusterOfANewerVersionIsLeftAlone(t *testing.T) {
	url := cluster(t)
	s := open(t, Options{NATSURL: url})
	if _, err := s.meta.Put(testContext(t), keyFormat, []byte("2")); err != nil {
		t.Fatal(err)
	}
	_, err := Open(testContext(t), Options{Dir: t.TempDir(), NATSURL: url})
	if err == nil || !strings.Contains(err.Error(), "the store was written by a newer version of Tidegate") {
		t.Errorf("Open says %v", err)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	for says, opts := range map[string]Options{
		"needs a data folder":                       {},
		"it can be 1 to 5":                          {Dir: "x", Replicas: 6, NATSURL: "nats://127.0.0.1"},
		"name a cluster with --nats-url":            {Dir: "x", Replicas: 3},
		"--nats-creds goes with --nats-url":         {Dir: "x", NATSCredentials: "y"},
		"(nats://127.0.0.1:1,nats://127.0.0.1:2)":   {Dir: t.TempDir(), NATSURL: "nats://user:secret@127.0.0.1:1, 127.0.0.1:2"},
		"(nats://127.0.0.1:1)":                      {Dir: t.TempDir(), NATSURL: "nats://token@127.0.0.1:1"},
		"URLs such as nats://host:4222":             {Dir: "x", NATSURL: "nats://user:secret@127.0.0.1:port"},
		"cannot make the data folder: mkdir /dev/n": {Dir: "/dev/null/x"},
	} {
		_, err := Open(testContext(t), opts)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Open(%+v) says %v, want %s", opts, err, says)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "token")) {
			t.Errorf("Open tells a secret: %v", err)
		}
	}
}

func TestTokenAndKeyAreMadeOnceForAllNodes(t *testing.T) {
	url := cluster(t)
	stores := make(chan *Store)
	for range 2 {
		go func() {
			s, err := Open(t.Context(), Options{Dir: t.TempDir(), NATSURL: url})
			if err != nil {
				t.Error(err)
			}
			stores <- s
		}()
	}
	a, b := <-stores, <-stores
	defer a.Close()
	defer b.Close()
	if a.ManagementToken() != b.ManagementToken() || len(a.ManagementToken()) < 40 {
		t.Errorf("tokens %q and %q", a.ManagementToken(), b.ManagementToken())
	}
	if !bytes.Equal(a.SigningKey(), b.SigningKey()) || len(a.SigningKey()) != 32 {
		t.Errorf("keys of %d and %d bytes", len(a.SigningKey()), len(b.SigningKey()))
	}
}

func TestTokenAndKeyOutlastTheProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	token, key, node := s.ManagementToken(), s.SigningKey(), s.NodeID()
	s.Close()
	s = open(t, Options{Dir: dir})
	if s.ManagementToken() != token || !bytes.Equal(s.SigningKey(), key) {
		t.Error("the token or the key is another one after a restart")
	}
	if s.NodeID() == node {
		t.Error("the node has the same id after a restart")
	}
}

func FuzzAListOfURLsIsWrittenWithoutSecrets(f *testing.F) {
	f.Add("user", "", "127.0.0.1:4222")
	f.Add("", ",%@/", "a,b")
	f.Fuzz(func(t *testing.T, user, more, host string) {
		const secret = "s3cr3t"
		if strings.Contains(user+host, secret) {
			return
		}
		u := url.URL{Scheme: "nats", User: url.UserPassword(user, secret+more), Host: host}
		for _, list := range []string{u.String(), "nats://other:4222, " + u.String(), strings.TrimPrefix(u.String(), "nats://")} {
			if got := redactURLs(list); strings.Contains(got, secret) {
				t.Errorf("%q is written as %q", list, got)
			}
			if _, err := splitURLs(list); err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%q: %v", list, err)
			}
		}
	})
}
