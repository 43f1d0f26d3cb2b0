package soak

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// coldFunctions of each language are invoked one after the other, slowly enough that the
// instance of the first has ended when it is its turn again.
const coldFunctions = 12

// Functions that do what their event says.
const (
	nodeCode = `exports.handler = async (event) => {
  switch (event.do) {
    case 'exit': process.exit(3)
    case 'fail': throw new Error('asked to fail')
    case 'sleep': await new Promise(resolve => setTimeout(resolve, 60000))
    case 'log': for (let i = 0; i < 200; i++) console.log('line', i, 'x'.repeat(80))
  }
  return event
}
`
	pythonCode = `import os
import time


def handler(event, context):
    do = event.get("do")
    if do == "exit":
        os._exit(3)
    if do == "fail":
        raise ValueError("asked to fail")
    if do == "sleep":
        time.sleep(60)
    if do == "log":
        for i in range(200):
            print("line", i, "x" * 80)
    return event
`
)

// A load is what the runtime is kept busy with.
type load struct {
	runtime *harness.Runtime
	client  *http.Client
	// functions of a stack, without what changes with every deployment.
	functions map[string]map[string]any
	deployed  int
	// share of the time in which a client has a request under way.
	share float64

	mu  sync.Mutex
	did map[string]int
	// events are when each event was sent.
	events []time.Time
}

func newLoad(ctx context.Context, r *harness.Runtime, share float64) (*load, error) {
	l := &load{runtime: r, share: share, client: &http.Client{Transport: &http.Transport{}}, functions: map[string]map[string]any{}, did: map[string]int{}}
	for _, language := range []struct{ name, prefix, file, handler, code string }{
		{"node", "nodejs", "index.js", "index.handler", nodeCode},
		{"python", "python3.", "app.py", "app.handler", pythonCode},
	} {
		runtime, err := r.RuntimeIdentifier(ctx, language.prefix)
		if err != nil {
			return nil, err
		}
		sha, err := upload(ctx, r, language.file, language.code)
		if err != nil {
			return nil, err
		}
		names := []string{"warm", "bad"}
		for n := range coldFunctions {
			names = append(names, fmt.Sprintf("cold%d", n))
		}
		for _, name := range names {
			timeout := "30s"
			if name == "bad" {
				timeout = "1s"
			}
			l.functions[language.name+"-"+name] = map[string]any{
				"runtime": runtime, "handler": language.handler, "code_sha256": sha,
				"memory": 1769, "timeout": timeout, "keep_versions": 2,
			}
		}
	}
	return l, nil
}

// upload stores a package of one file, and returns its hash.
func upload(ctx context.Context, r *harness.Runtime, name, code string) (string, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	f, err := w.Create(name)
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(f, code); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	sum := sha256.Sum256(archive.Bytes())
	err = r.Call(ctx, http.MethodPut, "/v1/packages/"+base64.RawURLEncoding.EncodeToString(sum[:]), archive.Bytes(), nil)
	return base64.StdEncoding.EncodeToString(sum[:]), err
}

// run keeps the runtime busy for so long, after it has published a new version of every
// function. Each kind of work is one client, which pauses after each request.
func (l *load) run(ctx context.Context, d time.Duration) error {
	if err := l.deploy(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	until := time.Now().Add(d)
	var all sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for _, language := range []string{"node", "python"} {
		for _, work := range []struct {
			name string
			do   func(context.Context, string, int) error
		}{
			{"warm", func(ctx context.Context, language string, _ int) error {
				return l.invoke(ctx, language+"-warm", "echo", "RequestResponse")
			}},
			{"cold", func(ctx context.Context, language string, n int) error {
				defer wait(ctx, 2*idleTimeout/coldFunctions)
				return l.invoke(ctx, fmt.Sprintf("%s-cold%d", language, n%coldFunctions), "echo", "RequestResponse")
			}},
			{"crash", l.bad("exit", "RequestResponse")},
			{"timeout", l.bad("sleep", "RequestResponse")},
			{"log", func(ctx context.Context, language string, _ int) error {
				return l.invoke(ctx, language+"-warm", "log", "RequestResponse")
			}},
			{"event", func(ctx context.Context, language string, _ int) error {
				defer wait(ctx, 20*time.Millisecond)
				return l.invoke(ctx, language+"-warm", "echo", "Event")
			}},
			{"event that fails", func(ctx context.Context, language string, _ int) error {
				defer wait(ctx, 200*time.Millisecond)
				return l.invoke(ctx, language+"-warm", "fail", "Event")
			}},
		} {
			all.Go(func() {
				for n := 0; time.Now().Before(until) && ctx.Err() == nil; n++ {
					began := time.Now()
					if err := work.do(ctx, language, n); err != nil {
						mu.Lock()
						errs = append(errs, fmt.Errorf("%s, %s: %w", language, work.name, err))
						mu.Unlock()
						cancel()
						return
					}
					l.count(work.name)
					wait(ctx, time.Duration(float64(time.Since(began))*(1-l.share)/l.share))
				}
			})
		}
	}
	all.Wait()
	l.client.CloseIdleConnections()
	if len(errs) > 0 {
		return errs[0] // of which the others follow
	}
	return ctx.Err()
}

func (l *load) bad(do, kind string) func(context.Context, string, int) error {
	return func(ctx context.Context, language string, _ int) error {
		return l.invoke(ctx, language+"-bad", do, kind)
	}
}

// deploy publishes a new version of every function.
func (l *load) deploy(ctx context.Context) error {
	l.deployed++
	functions := map[string]any{}
	for name, function := range l.functions {
		next := maps.Clone(function)
		next["environment"] = map[string]string{"DEPLOYED": fmt.Sprint(l.deployed)}
		functions[name] = next
	}
	l.count("deploy")
	return l.runtime.Call(ctx, http.MethodPut, "/v1/stacks/soak", map[string]any{"name": "soak", "functions": functions}, nil)
}

// invoke invokes a function. That the function fails is as it should be where it is told to.
func (l *load) invoke(ctx context.Context, function, do, kind string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost,
		l.runtime.Endpoint+"/2015-03-31/functions/soak-"+function+":live/invocations", strings.NewReader(fmt.Sprintf(`{"do":%q}`, do)))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+l.runtime.Token)
	r.Header.Set("X-Amz-Invocation-Type", kind)
	answer, err := l.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	failed := answer.Header.Get("X-Amz-Function-Error") != ""
	switch fails := do == "exit" || do == "sleep"; {
	case answer.StatusCode/100 != 2:
		return fmt.Errorf("%s: %s", answer.Status, text)
	case failed != fails:
		return errors.New("the function answers " + string(text))
	}
	return nil
}

func (l *load) count(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.did[what]++
	if strings.HasPrefix(what, "event") {
		l.events = append(l.events, time.Now())
	}
}

// eventsSince counts the events that were sent since then.
func (l *load) eventsSince(then time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.events) - sort.Search(len(l.events), func(i int) bool { return l.events[i].After(then) })
}

func (l *load) counted() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.did)
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
