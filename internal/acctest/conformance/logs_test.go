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
const patience = 2 * time.Minute

// idle is how long an instance lives on with nothing to do.
const idle = 10 * time.Second

// lastWord is what functions print that are asked to end.
const lastWord = "so long, and thanks"

// lastWords has an instance end because it is idle, and SIGTERM tell it. The clients of
// Go and Rust register an extension for that.
func lastWords(_ *testing.T, f *function) {
	var got struct{ Count int }
	f.succeeds(f.do("ending", "count", nil), &got)
	f.logs("ending", lastWord)
}

// logs waits until the function's logs have the text.
func (f *function) logs(name, text string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
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
	var lines []string
	for entries := bufio.NewScanner(response.Body); entries.Scan(); {
		if lines = append(lines, entries.Text()); strings.Contains(entries.Text(), text) {
			return
		}
	}
	f.t.Errorf("%q does not get into the logs of %s-%s:\n%s", text, f.name, name, strings.Join(lines, "\n"))
}
