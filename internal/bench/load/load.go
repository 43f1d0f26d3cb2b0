// Package load asks one address as fast as it answers: a closed loop of clients on
// connections that are kept. It writes requests that were made beforehand and reads no
// more of the answers than it must, so that on a machine which it shares with what it
// measures, what it measures gets the most of the processors.
package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// answerTimeout is how long one answer may take.
const answerTimeout = time.Minute

// maxRequests bounds the requests of one client in one run.
const maxRequests = 1 << 20

// A Target is a request, and the status that its answer must have.
type Target struct {
	address string
	request []byte
	status  int
	// What a Go program's own client needs to send the same.
	url    string
	header http.Header
	body   []byte
}

// Post is a target that sends body to an http URL, with the headers given.
func Post(address string, header http.Header, body []byte, status int) (Target, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Target{}, err
	}
	r, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return Target{}, err
	}
	r.Header = header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Content-Type", "application/json")
	var request bytes.Buffer
	if err := r.Write(&request); err != nil {
		return Target{}, err
	}
	return Target{address: u.Host, request: request.Bytes(), status: status, url: address, header: r.Header, body: body}, nil
}

// A Result is what a run has measured.
type Result struct {
	P50, P99 time.Duration
	// Requests that were answered, and how many in a second.
	Requests int
	Rate     float64
}

// Run has so many clients send the request again and again for so long. An answer
// with another status is an error.
func (t Target) Run(ctx context.Context, clients int, d time.Duration) (Result, error) {
	took := make([][]time.Duration, clients)
	errs := make([]error, clients)
	start := time.Now()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { took[i], errs[i] = t.client(ctx, start.Add(d)) })
	}
	all.Wait()
	wall := time.Since(start)
	if err := errors.Join(errs...); err != nil {
		return Result{}, err
	}
	return result(slices.Concat(took...), wall), nil
}

// RunAsProgram is Run of one client that is a Go program's usual one, http.Client: what a
// caller waits for. It takes more of the processor than what Run does.
func (t Target) RunAsProgram(ctx context.Context, d time.Duration) (Result, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: answerTimeout}
	var took []time.Duration
	start := time.Now()
	for len(took) < maxRequests && time.Since(start) < d {
		began := time.Now()
		if err := t.ask(ctx, client); err != nil {
			return Result{}, err
		}
		took = append(took, time.Since(began))
	}
	return result(took, time.Since(start)), nil
}

func (t Target) ask(ctx context.Context, client *http.Client) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(t.body))
	if err != nil {
		return err
	}
	r.Header = t.header
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return t.check(answer, io.Discard)
}

// Once sends the request on a connection of its own, and returns how long the answer
// took and what it was.
func (t Target) Once(ctx context.Context) (time.Duration, []byte, error) {
	c, err := t.dial(ctx, time.Now().Add(answerTimeout))
	if err != nil {
		return 0, nil, err
	}
	defer c.conn.Close()
	var body bytes.Buffer
	start := time.Now()
	_, err = c.exchange(t, &body)
	return time.Since(start), body.Bytes(), err
}

func (t Target) client(ctx context.Context, until time.Time) (took []time.Duration, err error) {
	var c *connection
	defer func() {
		if c != nil {
			c.conn.Close()
		}
	}()
	for len(took) < maxRequests && time.Now().Before(until) && ctx.Err() == nil {
		start := time.Now()
		if c == nil {
			if c, err = t.dial(ctx, until.Add(answerTimeout)); err != nil {
				return took, err
			}
		}
		closed, err := c.exchange(t, io.Discard)
		if err != nil {
			return took, err
		}
		took = append(took, time.Since(start))
		if closed {
			c.conn.Close()
			c = nil
		}
	}
	return took, ctx.Err()
}

// check copies the answer's body, if its status is the one that it must have.
func (t Target) check(answer *http.Response, body io.Writer) error {
	if answer.StatusCode != t.status {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		return fmt.Errorf("%s answers %s: %s", t.address, answer.Status, text)
	}
	_, err := io.Copy(body, answer.Body)
	return err
}

func result(took []time.Duration, wall time.Duration) Result {
	slices.Sort(took)
	return Result{
		P50: Percentile(took, 50), P99: Percentile(took, 99),
		Requests: len(took), Rate: float64(len(took)) / wall.Seconds(),
	}
}

// Percentile of durations that are sorted; 0 if there are none.
func Percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*percent/100]
}
