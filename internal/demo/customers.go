package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// askEvery is how often customers ask, if they are answered in time.
const askEvery = 20 * time.Millisecond

// Customers ask an API without a break, from when they come to when they leave.
type customers struct {
	url  string
	stop context.CancelFunc
	gone chan struct{}

	mu      sync.Mutex
	asked   int
	answers []answer
	err     error
}

// An answer is what one request got, from which version of the function.
type answer struct {
	status  int
	version string
	// request is its number, the first one's is 0.
	request int
}

// come sends customers.
func come(ctx context.Context, url string) *customers {
	ctx, cancel := context.WithCancel(ctx)
	c := &customers{url: url, stop: cancel, gone: make(chan struct{})}
	go func() {
		defer close(c.gone)
		tick := time.NewTicker(askEvery)
		defer tick.Stop()
		for ctx.Err() == nil {
			c.ask(ctx)
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	}()
	return c
}

// leave returns when the last customer has left; there may be none.
func (c *customers) leave() {
	if c != nil {
		c.stop()
		<-c.gone
	}
}

func (c *customers) ask(ctx context.Context) {
	c.mu.Lock()
	request := c.asked
	c.asked++
	c.mu.Unlock()
	got, err := get(ctx, c.url)
	got.request = request
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.err = err
		return
	}
	c.answers = append(c.answers, got)
}

func get(ctx context.Context, url string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return answer{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return answer{}, err
	}
	return answer{status: resp.StatusCode, version: resp.Header.Get("X-Amz-Executed-Version")}, nil
}

// A tally is of requests and of those that failed, of all and by version.
type tally struct {
	all, failed     int
	allOf, failedOf map[string]int
}

// since counts the answers to requests from a mark on. That a request got none is an error.
func (c *customers) since(mark int) (tally, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := tally{allOf: map[string]int{}, failedOf: map[string]int{}}
	for _, a := range c.answers {
		if a.request < mark {
			continue
		}
		t.all++
		t.allOf[a.version]++
		if a.status != http.StatusOK {
			t.failed++
			t.failedOf[a.version]++
		}
	}
	if c.err != nil {
		return t, fmt.Errorf("a request was not answered: %w", c.err)
	}
	return t, nil
}

// mark is where the requests to come begin: one that is under way went to whichever
// version was the right one before.
func (c *customers) mark() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}
