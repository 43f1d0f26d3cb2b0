package invoke

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
)

// accepterDir, in the environment of a test process, makes it accept and handle events
// in that data folder until it is killed; accepterRound makes their ids different in every
// round.
const (
	accepterDir   = "TIDEGATE_TEST_ACCEPTER_DIR"
	accepterRound = "TIDEGATE_TEST_ACCEPTER_ROUND"
	// accepterClients send events at the same time.
	accepterClients = 64
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(accepterDir); dir != "" {
		if err := acceptForEver(dir, os.Getenv(accepterRound)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// acceptForEver sends events of many clients, and handles them. It tells of each on
// standard output once it was accepted, and while it is handled.
func acceptForEver(dir, round string) error {
	ctx := context.Background()
	st, err := store.Open(ctx, store.Options{Dir: dir})
	if err != nil {
		return err
	}
	handle := func(p *process) {
		for {
			e := p.next()
			fmt.Printf("handled %s\n", e.id)
			p.respond(e.id, "null")
		}
	}
	s, err := New(ctx, Options{
		Store: noPackages{st}, Sandbox: &fakeSandbox{program: func() program { return handle }},
		Languages: fakeLanguages{}, Logs: &fakeLogs{},
	})
	if err != nil {
		return err
	}
	rec := shop(nil)
	if old, err := st.Record(ctx, rec.Stack.Name); err == nil {
		rec.Revision = old.Revision
	}
	if _, err := st.PutRecord(ctx, rec); err != nil {
		return err
	}
	if err := s.OnChange(ctx, nil, rec); err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	failed := make(chan error)
	for client := range accepterClients {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%d", round, client, i)
				if err := s.InvokeAsync(ctx, Request{ID: id, Function: "shop-cart", Payload: []byte(`{"n":1}`)}); err != nil {
					failed <- err
				}
				fmt.Printf("accepted %s\n", id)
			}
		}()
	}
	return <-failed
}

// acceptAndKill has another process accept events, and kills it after so many. It notes
// which were accepted, and which were handled.
func acceptAndKill(t *testing.T, dir string, round, after int, accepted, handled map[string]bool) {
	t.Helper()
	accepter := exec.Command(os.Args[0])
	accepter.Env = append(os.Environ(), accepterDir+"="+dir, fmt.Sprintf("%s=%d", accepterRound, round))
	var stderr bytes.Buffer
	accepter.Stderr = &stderr
	out, err := accepter.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := accepter.Start(); err != nil {
		t.Fatal(err)
	}
	count := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		// A line that was cut off has no id that was sent.
		if id, ok := strings.CutPrefix(lines.Text(), "handled "); ok {
			handled[id] = true
		}
		if id, ok := strings.CutPrefix(lines.Text(), "accepted "); ok {
			accepted[id] = true
			if count++; count == after {
				if err := accepter.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	_ = accepter.Wait()
	if count < after {
		t.Fatalf("the process ended by itself: %s", stderr.String())
	}
}

func TestNothingThatWasAcceptedTogetherIsLostWithTheProcess(t *testing.T) {
	dir := t.TempDir()
	accepted, handled := map[string]bool{}, map[string]bool{}
	for round := range 6 {
		acceptAndKill(t, dir, round, 1+rand.IntN(600), accepted, handled)
	}
	st := openStore(t, dir)
	events := make(chan fakeEvent)
	n := newNode(t, st, collect(events))
	intake, err := n.Service.async.intake.waiting(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d events were accepted, %d handled, and %d envelopes were left", len(accepted), len(handled), intake)
	n.start(shop(nil))
	missing := func() int {
		count := 0
		for id := range accepted {
			if !handled[id] {
				count++
			}
		}
		return count
	}
	for missing() > 0 {
		handled[within(t, events).id] = true
	}
}
