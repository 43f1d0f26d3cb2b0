package awswire

import (
	"context"
	"sync"
	"time"
)

// A Match chooses requests.
type Match struct {
	calls []string
	where []func(*Request) bool
	first int // of those that match, from 1
	count int // how many from there, 0 for all
}

// On matches calls: "lambda:CreateFunction", "lambda:*", "*".
func On(calls ...string) Match { return Match{calls: calls, first: 1} }

// Where matches only requests for which the function returns true. It is called
// while the proxy is locked, and must not call the proxy.
func (m Match) Where(condition func(*Request) bool) Match {
	m.where = append(m.where[:len(m.where):len(m.where)], condition)
	return m
}

// Nth matches only the n-th of what would match, counted from 1 and from when the
// rule was made.
func (m Match) Nth(n int) Match {
	m.first, m.count = n, 1
	return m
}

// First matches only the first n of what would match.
func (m Match) First(n int) Match {
	m.first, m.count = 1, n
	return m
}

// A rule is what a proxy does about requests that match.
type rule struct {
	match Match
	seen  int
	// before is called first, after last.
	before func(*Request)
	after  func(*Request, *Answer)
	// instead returns the answer, or nil to ask the emulator.
	instead func(context.Context, *Request) *Answer
	// afterwards changes the answer, the emulator's or another rule's.
	afterwards func(*Request, *Answer)
}

// applies tells whether the rule is for the request, and counts it. The proxy is
// locked.
func (r *rule) applies(req *Request) bool {
	if !matchesAny(r.match.calls, req) {
		return false
	}
	for _, condition := range r.match.where {
		if !condition(req) {
			return false
		}
	}
	r.seen++
	return r.seen >= r.match.first && (r.match.count == 0 || r.seen < r.match.first+r.match.count)
}

func (p *Proxy) add(r *rule) (remove func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, r)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := range p.rules {
			if p.rules[i] == r {
				p.rules = append(p.rules[:i:i], p.rules[i+1:]...)
				return
			}
		}
	}
}

// Before has a function called with every request that matches before anything else
// is done about it. The request waits until the function returns.
func (p *Proxy) Before(m Match, call func(*Request)) (remove func()) {
	return p.add(&rule{match: m, before: call})
}

// After has a function called with every request that matches when its answer is
// there, as the client will get it. The answer waits until the function returns.
func (p *Proxy) After(m Match, call func(*Request, *Answer)) (remove func()) {
	return p.add(&rule{match: m, after: call})
}

// Answer answers requests that match in the emulator's place, which never sees
// them. Of several rules the first made answers.
func (p *Proxy) Answer(m Match, with Reply) (remove func()) {
	return p.add(&rule{match: m, instead: func(_ context.Context, r *Request) *Answer { return with(r) }})
}

// AnswerAfter lets the emulator do what it was asked for and answers something
// else, as when an answer gets lost.
func (p *Proxy) AnswerAfter(m Match, with Reply) (remove func()) {
	return p.add(&rule{match: m, afterwards: func(r *Request, a *Answer) { *a = *with(r) }})
}

// Filter has a function change the answers to requests that match.
func (p *Proxy) Filter(m Match, change func(*Request, *Answer)) (remove func()) {
	return p.add(&rule{match: m, afterwards: change})
}

// Delay holds requests that match up before the emulator sees them.
func (p *Proxy) Delay(m Match, by time.Duration) (remove func()) {
	return p.add(&rule{match: m, instead: func(ctx context.Context, _ *Request) *Answer {
		sleep(ctx, by)
		return nil
	}})
}

// Throttle refuses requests that match beyond rate a second, of which burst may
// come at once, with what their service says to that (Throttled).
func (p *Proxy) Throttle(m Match, rate float64, burst int) (remove func()) {
	b := &bucket{rate: rate, burst: float64(burst), tokens: float64(burst), at: time.Now()}
	return p.add(&rule{match: m, instead: func(_ context.Context, r *Request) *Answer {
		if b.take(time.Now()) {
			return nil
		}
		return Throttled()(r)
	}})
}

// LambdaQuotas throttles Lambda's control plane as AWS does for an account that was
// given no more: 15 requests a second over all of it, apart from GetFunction (100),
// GetPolicy (15) and invocations.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
func (p *Proxy) LambdaQuotas() {
	apart := map[string]bool{"GetFunction": true, "GetPolicy": true, "Invoke": true}
	p.Throttle(On("lambda:*").Where(func(r *Request) bool { return !apart[r.Operation] }), 15, 15)
	p.Throttle(On("lambda:GetFunction"), 100, 100)
	p.Throttle(On("lambda:GetPolicy"), 15, 15)
}

// A bucket is filled with rate tokens a second up to burst, and a request takes one.
type bucket struct {
	mu          sync.Mutex
	rate, burst float64
	tokens      float64
	at          time.Time
}

func (b *bucket) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.burst, b.tokens+b.rate*now.Sub(b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
