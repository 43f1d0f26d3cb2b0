package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// How often a release that is watched is looked at, and told about.
const (
	// firstLook is the first pause; they double to lookPause.
	firstLook = 100 * time.Millisecond
	lookPause = time.Second
	// stateEvery is how often the state is printed where it cannot be redrawn.
	stateEvery = 30 * time.Second
	// silence is how long a target that does not answer is asked again.
	silence = 2 * time.Minute
)

// What terminals understand: go up so many lines and remove all from there, and cut off
// what is too long for a line.
const (
	redraw = "\x1b[%dA\x1b[J"
	noWrap = "\x1b[?7l"
	wrap   = "\x1b[?7h"
)

// A watcher shows a release until it ends.
type watcher struct {
	releases    target.Releases
	stack       string
	out, stderr io.Writer
	// live redraws the last lines, on a terminal.
	live bool
	// json prints every change as JSON.
	json bool
	now  func() time.Time

	// shown is the release as it was shown last; its id is empty before.
	shown release.Release
	// drawn is how many lines are to be overwritten.
	drawn int
	// told is when the state was last printed.
	told time.Time
}

func newWatcher(releases target.Releases, name string, out, stderr io.Writer) *watcher {
	return &watcher{releases: releases, stack: name, out: out, stderr: stderr, live: isTerminal(out), now: time.Now}
}

// isTerminal tells whether lines can be drawn anew.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// run ends when the release has ended, or ctx: then the user has seen enough, and nobody
// knows how it ends.
func (w *watcher) run(ctx context.Context) error {
	var answered time.Time
	var lost bool
	for pause := firstLook; ; pause = min(2*pause, lookPause) {
		r, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return w.left()
		case err != nil && (answered.IsZero() || errors.Is(err, target.ErrNotFound) || w.now().Sub(answered) > silence):
			return errors.Join(w.clear(), ofStack(w.stack, err))
		case err != nil && !lost:
			_ = w.clear()
			fmt.Fprintf(w.stderr, "tidegate: %v; asking again\n", err)
			lost = true
		case err == nil && r == nil && w.json:
			return nil
		case err == nil && r == nil:
			return printNone(w.out, w.stack)
		case err == nil:
			answered, lost = w.now(), false
			if err := w.show(*r); err != nil {
				return err
			}
			if r.Ended() {
				return ended(*r)
			}
		}
		if !sleep(ctx, pause) {
			return w.left()
		}
	}
}

// left tells that a release is no longer watched.
func (w *watcher) left() error {
	_ = w.clear()
	if w.shown.ID == "" {
		return fmt.Errorf("interrupted before anything was known of the releases of stack %q", w.stack)
	}
	return fmt.Errorf("the release %s is watched no longer, and left as it is; see how it ends with tidegate release %s, or end it with --promote or --abort", w.shown.ID, w.stack)
}

// look returns the release to show: the newest at first, and from then on that one. It
// is nil if there is none.
func (w *watcher) look(ctx context.Context) (*release.Release, error) {
	all, err := w.releases.ListReleases(ctx, w.stack)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if w.shown.ID == "" || r.ID == w.shown.ID && r.Began.Equal(w.shown.Began) {
			return &r, nil
		}
	}
	if w.shown.ID != "" {
		return nil, fmt.Errorf("the release %s of stack %q is not known any more; see: tidegate release %[2]s --history", w.shown.ID, w.stack)
	}
	return nil, nil
}

// show prints what has changed since it was shown last, and where the release is.
func (w *watcher) show(r release.Release) error {
	marks := len(w.shown.Trail)
	// The first numbers of a step are news, too.
	first, news := w.shown.ID == "", len(r.Trail) > marks || w.shown.Seen == nil && r.Seen != nil
	w.shown = r
	if w.json {
		if first || news {
			return json.NewEncoder(w.out).Encode(r)
		}
		return nil
	}
	if first || news {
		if err := w.clear(); err != nil {
			return err
		}
	}
	if first {
		if r.Ended() {
			fmt.Fprintf(w.out, "no release of stack %q is under way; the last one was:\n", w.stack)
		}
		if err := printHead(w.out, r); err != nil {
			return err
		}
	}
	for _, mark := range r.Trail[min(marks, len(r.Trail)):] {
		if err := printMark(w.out, mark); err != nil {
			return err
		}
	}
	if r.Ended() {
		return nil
	}
	return w.state(r, first || news)
}

// state prints where the release is: again and again on a terminal, else after every
// change and now and then.
func (w *watcher) state(r release.Release, changed bool) error {
	now := w.now()
	lines := append([]string{fmt.Sprintf("%s %3d %%  %s", bar(r.Weight()), r.Weight(), nextWords(r, now))}, seenWords(r)...)
	var err error
	switch {
	case w.live:
		err = w.clear()
		w.drawn = len(lines)
		fmt.Fprint(w.out, noWrap+strings.Join(lines, "\n  ")+"\n"+wrap)
	case changed || now.Sub(w.told) >= stateEvery:
		w.told = now
		_, err = fmt.Fprintf(w.out, "%s %s\n", local(now), strings.Join(lines, "; "))
	}
	return err
}

// clear removes the lines that are redrawn.
func (w *watcher) clear() error {
	if w.drawn == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w.out, redraw, w.drawn)
	w.drawn = 0
	return err
}
