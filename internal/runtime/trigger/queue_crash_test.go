package trigger

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// crashFolder names, in its environment, the folder of a process that is to be
// killed: it serves queues instead of running tests.
const crashFolder = "TIDEGATE_TEST_CRASH_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashFolder); dir != "" {
		if err := serveUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// serveUntilKilled serves a standard queue "plain" and a FIFO queue "ordered" at
// the address it writes to the folder. Their function writes down what it has
// handled, and fails one batch in ten.
func serveUntilKilled(dir string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Dir: filepath.Join(dir, "data")})
	if err != nil {
		return err
	}
	journal, err := os.OpenFile(filepath.Join(dir, "handled"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	q := NewQueues(Env{Store: s, Authorize: allowAll, Invoker: &consumerFunction{
		answer: func(_ context.Context, _ int, b receivedBatch) (invoke.Response, error) {
			if rand.IntN(10) == 0 {
				return functionFailed, nil
			}
			var lines strings.Builder
			for _, r := range b.records {
				lines.WriteString(r.Body + "\n")
			}
			_, err := journal.WriteString(lines.String())
			return invoke.Response{Payload: []byte("null")}, err
		},
	}})
	s.Directory().OnChange(q.Reconcile)
	for name, fifo := range map[string]bool{"plain": false, "ordered": true} {
		config := queueOf(func(q *stack.Queue) {
			q.FIFO = fifo
			q.VisibilityTimeout = stack.Duration(100 * time.Millisecond)
		})
		r := recordOf(name, stack.Trigger{Queue: &config})
		r.Revision = 0
		if _, err := s.Record(ctx, name); err == nil {
			continue
		}
		if _, err := s.PutRecord(ctx, r); err != nil {
			return err
		}
	}
	if err := s.Directory().Start(ctx); err != nil {
		return err
	}
	mux := http.NewServeMux()
	q.Mount(mux)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := filepath.Join(dir, "address")
	if err := os.WriteFile(address+".new", []byte(listener.Addr().String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(address+".new", address); err != nil {
		return err
	}
	return http.Serve(listener, mux)
}

// A crashTest keeps such a process, and knows what was sent to it.
type crashTest struct {
	*testing.T
	dir     string
	process *exec.Cmd
	url     string

	mu    sync.Mutex
	acked []string
}

func (c *crashTest) start() {
	c.Helper()
	address := filepath.Join(c.dir, "address")
	_ = os.Remove(address)
	c.process = exec.Command(os.Args[0])
	c.process.Env = append(os.Environ(), crashFolder+"="+c.dir)
	c.process.Stderr = os.Stderr
	if err := c.process.Start(); err != nil {
		c.Fatal(err)
	}
	c.Cleanup(c.kill)
	eventually(c.T, "the start of the process", func() bool {
		text, err := os.ReadFile(address)
		c.url = "http://" + string(text) + "/queues/"
		return err == nil
	})
}

// kill kills the process with SIGKILL, if it still runs.
func (c *crashTest) kill() {
	_ = c.process.Process.Kill()
	_ = c.process.Wait()
}

// sendUntil sends numbered messages of one sender until ctx ends or the process
// is gone, and remembers those that were acknowledged.
func (c *crashTest) sendUntil(ctx context.Context, queue string, sender int, next *int) {
	for ctx.Err() == nil {
		body := fmt.Sprintf("%s%d:%d", queue, sender, *next)
		*next++
		url := c.url + queue
		if queue == "ordered" {
			url += fmt.Sprintf("?MessageGroupId=%d&MessageDeduplicationId=%s", sender, body)
		}
		response, err := http.Post(url, "text/plain", strings.NewReader(body))
		if err != nil {
			return
		}
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusOK || err != nil {
			return
		}
		c.mu.Lock()
		c.acked = append(c.acked, body)
		c.mu.Unlock()
	}
}

// handled returns what the function has handled, in order.
func (c *crashTest) handled() []string {
	file, err := os.Open(filepath.Join(c.dir, "handled"))
	if err != nil {
		return nil
	}
	defer file.Close()
	var lines []string
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	return lines
}

func TestAcknowledgedMessagesSurviveSIGKILL(t *testing.T) {
	c := &crashTest{T: t, dir: t.TempDir()}
	const rounds, senders = 6, 3
	var numbers [2][senders]int
	// As often as it takes, where a round leaves time for hardly any load.
	for round := 0; round < rounds || len(c.acked) < rounds*senders; round++ {
		c.start()
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(50+rand.IntN(300))*time.Millisecond)
		var sending sync.WaitGroup
		for sender := range senders {
			sending.Go(func() { c.sendUntil(ctx, "plain", sender, &numbers[0][sender]) })
			sending.Go(func() { c.sendUntil(ctx, "ordered", sender, &numbers[1][sender]) })
		}
		<-ctx.Done()
		c.kill() // while they send
		sending.Wait()
		cancel()
	}
	c.start()
	eventually(t, fmt.Sprintf("the handling of all %d messages", len(c.acked)), func() bool {
		seen := map[string]bool{}
		for _, body := range c.handled() {
			seen[body] = true
		}
		for _, body := range c.acked {
			if !seen[body] {
				return false
			}
		}
		return true
	})
	// Messages of a group were handled for the first time in their order.
	latest := map[string]int{}
	seen := map[string]bool{}
	for _, body := range c.handled() {
		group, number, _ := strings.Cut(body, ":")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatalf("handled %q", body)
		}
		if strings.HasPrefix(group, "ordered") && !seen[body] && n < latest[group] {
			t.Errorf("%s was handled after number %d", body, latest[group])
		}
		seen[body] = true
		latest[group] = max(latest[group], n)
	}
}

// TestHandledDuplicatesAreKnownAfterARestart: JetStream alone forgets the
// deduplication ids of messages that are gone.
func TestHandledDuplicatesAreKnownAfterARestart(t *testing.T) {
	dir := t.TempDir()
	f := &consumerFunction{}
	session := func(use func(q *queueTest)) {
		s, err := store.Open(t.Context(), store.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		q := &queueTest{T: t, store: s, queues: NewQueues(Env{Store: s, Invoker: f, Authorize: allowAll})}
		s.Directory().OnChange(q.queues.Reconcile)
		if err := s.Directory().Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer q.queues.Close(t.Context())
		if r, ok := s.Directory().Stack("orders"); ok {
			q.revision = r.Revision
		}
		q.deploy(fifoOf(nil))
		use(q)
	}
	session(func(q *queueTest) {
		q.sendTo("g:1")
		q.wantStats(QueueStats{})
	})
	session(func(q *queueTest) {
		q.sendTo("g:1", "g:2")
		q.wantStats(QueueStats{})
	})
	var bodies []string
	for _, b := range f.seen() {
		bodies = append(bodies, b.bodies())
	}
	if got := strings.Join(bodies, " "); got != "g:1 g:2" {
		t.Errorf("delivered %q", got)
	}
}
