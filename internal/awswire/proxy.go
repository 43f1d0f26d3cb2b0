package awswire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say what a proxy stands before.
type Options struct {
	// Backend is the URL of the emulator.
	Backend string
	Models  *Models
	// Account, if not "", becomes the account that Moto answers for.
	Account string
	// Correct, if not nil, answers where the emulator does not do so as AWS would. It
	// asks the emulator as often as it needs to, for the request or for others. Rules
	// see its answers as the emulator's.
	Correct func(r *Request, ask Ask) (*Answer, error)
}

// Ask passes a request to the emulator.
type Ask func(*Request) (*Answer, error)

// A Proxy passes requests to an emulator and the answers back, and keeps them. Its
// methods may be called at any time, from any goroutine.
type Proxy struct {
	// URL is the endpoint for a client, "http://127.0.0.1:PORT".
	URL string

	opts     Options
	backend  *url.URL
	server   *http.Server
	client   *http.Client
	mu       sync.Mutex
	requests []*Request
	problems []string // of requests that were forgotten
	rules    []*rule
}

// Start starts a proxy.
func Start(opts Options) (*Proxy, error) {
	backend, err := url.Parse(opts.Backend)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		URL:     "http://" + listener.Addr().String(),
		opts:    opts,
		backend: backend,
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	p.server = &http.Server{Handler: p}
	go p.server.Serve(listener)
	return p, nil
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() error {
	err := p.server.Close()
	p.client.CloseIdleConnections()
	return err
}

// Requests returns what was recorded so far, in the order of arrival.
func (p *Proxy) Requests() []*Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Forget drops what was recorded so far, but for its problems; numbers begin at 1
// again.
func (p *Proxy) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = append(p.problems, problems(p.requests)...)
	p.requests = nil
}

// Matching returns the recorded requests of calls ("lambda:CreateFunction",
// "lambda:*", "*").
func (p *Proxy) Matching(calls ...string) []*Request {
	return slices.DeleteFunc(p.Requests(), func(r *Request) bool { return !matchesAny(calls, r) })
}

// Count returns how many requests of calls were recorded.
func (p *Proxy) Count(calls ...string) int { return len(p.Matching(calls...)) }

// Problems says for each request so far that AWS would refuse what is wrong with
// it.
func (p *Proxy) Problems() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append(slices.Clone(p.problems), problems(p.requests)...)
}

func problems(requests []*Request) (all []string) {
	for _, r := range requests {
		for _, problem := range r.Problems {
			all = append(all, fmt.Sprintf("%v: %s", r, problem))
		}
	}
	return all
}

// Reset takes back all rules, hooks and throttles. What was recorded stays.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = nil
}

// ServeHTTP handles one request.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, incoming *http.Request) {
	body, err := io.ReadAll(incoming.Body)
	if err != nil {
		return // the client is gone
	}
	r := &Request{Method: incoming.Method, URL: incoming.URL, Header: incoming.Header.Clone(), Body: body}
	p.opts.Models.read(r)

	p.mu.Lock()
	p.requests = append(p.requests, r)
	r.Number = len(p.requests)
	var mine []*rule
	for _, rule := range p.rules {
		if rule.applies(r) {
			mine = append(mine, rule)
		}
	}
	p.mu.Unlock()

	for _, rule := range mine {
		if rule.before != nil {
			rule.before(r)
		}
	}
	var answer *Answer
	for _, rule := range mine {
		if answer == nil && rule.instead != nil {
			answer = rule.instead(incoming.Context(), r)
		}
	}
	if answer == nil {
		// What the emulator was asked to do it does, even if the client is gone.
		if answer, err = p.ask(context.WithoutCancel(incoming.Context()), r); err != nil {
			answer = &Answer{Status: http.StatusBadGateway, Header: http.Header{}, Body: []byte(err.Error())}
		}
	}
	for _, rule := range mine {
		if rule.afterwards != nil {
			rule.afterwards(r, answer)
		}
	}
	for _, rule := range mine {
		if rule.after != nil {
			rule.after(r, answer)
		}
	}
	p.mu.Lock()
	if !answer.Hangup {
		r.Status = answer.Status
	}
	p.mu.Unlock()
	answer.write(w, r.Method)
}

// ask returns the emulator's answer, corrected.
func (p *Proxy) ask(ctx context.Context, r *Request) (*Answer, error) {
	ask := func(r *Request) (*Answer, error) { return p.forward(ctx, r) }
	if p.opts.Correct == nil {
		return ask(r)
	}
	return p.opts.Correct(r, ask)
}

// forward asks the emulator.
func (p *Proxy) forward(ctx context.Context, r *Request) (*Answer, error) {
	target := *r.URL
	target.Scheme, target.Host = p.backend.Scheme, p.backend.Host
	req, err := http.NewRequestWithContext(ctx, r.Method, target.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	req.Header = r.Header.Clone()
	req.Header.Del("Connection")
	req.Header.Del("Expect") // the body is here already
	if p.opts.Account != "" {
		req.Header.Set("X-Moto-Account-Id", p.opts.Account)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// matchesAny tells whether a request is one of calls: "service:Operation",
// "service:*" or "*".
func matchesAny(calls []string, r *Request) bool {
	return slices.ContainsFunc(calls, func(call string) bool {
		prefix, wild := strings.CutSuffix(call, "*")
		return call == r.Call() || wild && strings.HasPrefix(r.Call(), prefix)
	})
}

// sleep waits, at most until the context ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
