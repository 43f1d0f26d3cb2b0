package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

const (
	// languages of the functions, of each of which the runtime keeps a sandbox prepared
	// when it is at rest.
	languages = 2
	// cacheTime is a little longer than JetStream keeps what it has read and written: blocks
	// of some megabytes, ten seconds.
	cacheTime = 12 * time.Second
	// patience is how long the runtime may take to be at rest, or as it was at rest. What
	// is left behind for good would be there ever after, so that it costs no more than the
	// time until this is told.
	patience = 3 * time.Minute
	// pause between two looks.
	pause = 500 * time.Millisecond
)

// atRest waits until the runtime is at rest and has no more than at first, if that is not
// nil. It returns what there is then; or else what there was in the end, which Grown tells.
// Events says how many were sent since.
//
// At rest there are no instances, no events that wait, and one prepared sandbox for each
// language: how many functions' demand had there been before is forgotten.
func atRest(ctx context.Context, r *harness.Runtime, temp string, first Counts, events func(time.Time) int) (counts Counts, err error) {
	began := time.Now()
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	why := ""
	err = harness.Wait(waiting, "the runtime to be at rest", func() (bool, error) {
		wait(waiting, pause)
		if why, err = busy(waiting, r); err != nil || why != "" {
			return false, err
		}
		if err := collect(waiting, r); err != nil {
			return false, err
		}
		now, err := count(waiting, r, temp)
		if err != nil {
			return false, err
		}
		if why, err = busy(waiting, r); err != nil || why != "" { // meanwhile
			return false, err
		}
		now[remembered] = float64(events(time.Now().Add(-memory)))
		counts = now
		if first == nil {
			return time.Since(began) > cacheTime, nil
		}
		return len(Grown(first, now)) == 0, nil
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case counts != nil && errors.Is(err, context.DeadlineExceeded):
		return counts, nil
	case why != "":
		return nil, fmt.Errorf("the runtime does not come to rest: %s: %w", why, err)
	}
	return counts, err
}

// busy says what the runtime has to do yet, or has too much or too little of; "" if
// nothing.
func busy(ctx context.Context, r *harness.Runtime) (string, error) {
	said, err := ask(ctx, r)
	if err != nil {
		return "", err
	}
	events := said["tidegate_async_events_total accepted"]
	for _, done := range []string{"success", "failed", "expired"} {
		events -= said["tidegate_async_events_total "+done]
	}
	var all []string
	for what, left := range map[string]float64{
		"instances":                              said["tidegate_instances"],
		"events":                                 events,
		"prepared sandboxes more than languages": said["tidegate_pooled_sandboxes"] - languages,
	} {
		if left != 0 {
			all = append(all, fmt.Sprintf("%.0f %s", left, what))
		}
	}
	return strings.Join(all, ", "), nil
}

// collect has the runtime collect its garbage, twice: what a pool of Go's has, the first
// time spares.
func collect(ctx context.Context, r *harness.Runtime) error {
	for range 2 {
		profile, err := get(ctx, r, "/debug/pprof/heap?gc=1")
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, profile)
		profile.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
