package aws

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWaitingLooksLessAndLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var looks []time.Duration
		err := standardPace.wait(t.Context(), "it", func(context.Context) (bool, error) {
			looks = append(looks, time.Since(begun))
			return len(looks) == 12, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if looks[0] != 0 || looks[1] != standardPace.first {
			t.Errorf("it looked after %v", looks)
		}
		for n := 2; n < len(looks); n++ {
			pause, before := looks[n]-looks[n-1], looks[n-1]-looks[n-2]
			if pause < before || pause > standardPace.longest {
				t.Errorf("it paused %v after %v", pause, before)
			}
		}
	})
}

func TestWaitingEndsWithTheErrorOrTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("no")
		if err := standardPace.wait(t.Context(), "it", func(context.Context) (bool, error) { return false, failure }); !errors.Is(err, failure) {
			t.Errorf("wait says %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := standardPace.wait(ctx, "function f to become active", func(context.Context) (bool, error) { return false, nil })
		if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "waiting for function f to become active took too long; apply again") {
			t.Errorf("wait says %v", err)
		}
	})
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	passing, lasting := errors.New("not yet"), errors.New("never")
	passes := func(err error) bool { return errors.Is(err, passing) }
	for name, c := range map[string]struct {
		// answers of one attempt after the other, the last of them for ever.
		answers []error
		want    error
		// took is how long it took at least.
		took time.Duration
	}{
		"at once":          {answers: []error{nil}},
		"later":            {answers: []error{passing, passing, nil}},
		"another error":    {answers: []error{passing, lasting}, want: lasting},
		"it does not pass": {answers: []error{passing}, want: passing, took: standardPace.propagation},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun, attempts := time.Now(), 0
				err := standardPace.retry(t.Context(), passes, func(context.Context) error {
					answer := c.answers[min(attempts, len(c.answers)-1)]
					attempts++
					return answer
				})
				if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
					t.Errorf("retry says %v, want %v", err, c.want)
				}
				if took := time.Since(begun); took < c.took || took > standardPace.propagation {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
