package conformance_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// patience is how long anything may take that has to happen.
const patience = 4 * time.Minute

// idle is how long an instance lives on with nothing to do.
const idle = 10 * time.Second

// lastWord is what functions print that are asked to end.
const lastWord = "so long, and thanks"

// lastWords has an instance end because it is idle, and SIGTERM tell it. It has half a
// second for its last words, as on Lambda, in which a busy machine may give it no turn:
// some instances may end without. The clients of Go and Rust register an extension for
// that.
func lastWords(_ *testing.T, f *function) {
	const attempts = 4
	var lines []string
	for range attempts {
		var got struct{ Count int }
		f.succeeds(f.do("ending", "count", nil), &got)
		var found bool
		if found, lines = f.inLogs("ending", lastWord, patience/attempts); found {
			return
		}
	}
	f.missing("ending", lastWord, lines)
}

// logs waits until the function's logs have the text.
func (f *function) logs(name, text string) {
	f.t.Helper()
	if found, lines := f.inLogs(name, text, patience); !found {
		f.missing(name, text, lines)
	}
}

func (f *function) missing(name, text string, lines []string) {
	f.t.Helper()
	f.t.Errorf("%q does not get into the logs of %s-%s:\n%s", text, f.name, name, strings.Join(lines, "\n"))
}

// inLogs follows the function's logs until they have the text, or for so long.
func (f *function) inLogs(name, text string, long time.Duration) (found bool, lines []string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), long)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.Endpoint+"/v1/stacks/"+f.name+"/logs?follow=true&function="+name, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+f.Token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	for entries := bufio.NewScanner(response.Body); entries.Scan(); {
		if lines = append(lines, entries.Text()); strings.Contains(entries.Text(), text) {
			return true, lines
		}
	}
	return false, lines
}
