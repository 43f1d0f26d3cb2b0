package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

const (
	// rollbacks are measured of one stack. Its history, of 20, still has the first of the
	// two releases between which they go back and forth when the last but one begins.
	rollbacks = 20
	// rollbackAtMost is the longest that one may take.
	rollbackAtMost = 100 * time.Millisecond
	// releaseStacks are released gradually, at the same time, and as many all at once.
	releaseStacks = 10
)

// ended is what the API tells of a release.
type ended struct {
	ID string `json:"id"`
	// Moves are the aliases that it moves, by function.
	Moves map[string]any `json:"moves"`
}

// releases measures what going back costs, and what a gradual release costs beside one
// that is all at once: on the runtime in time, on an emulator of AWS in calls too.
func (b bench) releases(ctx context.Context) ([]row, error) {
	back, err := b.goingBack(ctx)
	if err != nil {
		return nil, err
	}
	here, err := b.gradually(ctx, fmt.Sprintf("gradual release (canary for 1 s) of %d stacks", releaseStacks), releaseStacks, 1, nil)
	if err != nil {
		return nil, err
	}
	moto, err := b.moto(ctx, "moto-releases")
	if err != nil {
		return nil, err
	}
	defer moto.stop()
	there, err := b.gradually(ctx, "the same of a stack of ten functions on AWS (moto)", 1, 10, moto)
	if err != nil {
		return nil, err
	}
	return append(back, here, there), moto.check()
}

// goingBack measures rollbacks of a stack of ten functions, beside reading what it is.
func (b bench) goingBack(ctx context.Context) ([]row, error) {
	w, python, err := b.releasing(ctx, "rollbacks")
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, code := range []string{"one", "two", "three"} {
		if err := write(w, "back", 1, 10, python, code, ""); err != nil {
			return nil, err
		}
		if _, err := w.Apply(ctx); err != nil {
			return nil, err
		}
		var history struct{ Releases []ended }
		if err := b.runtime.Call(ctx, http.MethodGet, "/v1/stacks/back-0/releases", nil, &history); err != nil {
			return nil, err
		}
		if len(history.Releases) > 0 {
			ids = append(ids, history.Releases[0].ID)
		}
	}
	if len(ids) != 2 {
		return nil, fmt.Errorf("two updates make the releases %q", ids)
	}
	var took, base []cost
	for n := range rollbacks {
		start := time.Now()
		var back ended
		if err := b.runtime.Call(ctx, http.MethodPost, "/v1/stacks/back-0/rollback", map[string]string{"to": ids[n%2], "by": "bench"}, &back); err != nil {
			return nil, err
		}
		took = append(took, cost{took: time.Since(start)})
		if len(back.Moves) != 10 {
			return nil, fmt.Errorf("rollback %d moves %d aliases of ten", n+1, len(back.Moves))
		}
		start = time.Now()
		if err := b.runtime.Call(ctx, http.MethodGet, "/v1/stacks/back-0", nil, nil); err != nil {
			return nil, err
		}
		base = append(base, cost{took: time.Since(start)})
	}
	median := row{what: "rollback of a stack of ten functions", atMost: rollbackAtMost, beside: "reading the stack", cost: medianCost(took), base: medianCost(base)}
	// medianCost has sorted them.
	slowest := row{what: fmt.Sprintf("the slowest of %d", rollbacks), atMost: rollbackAtMost, beside: median.beside, cost: took[len(took)-1], base: base[len(base)-1]}
	return []row{median, slowest}, nil
}

// gradually measures updates of the functions' code that release gradually and all at once,
// by turns. With moto, that is where the stacks are.
func (b bench) gradually(ctx context.Context, what string, stacks, functions int, moto *moto) (row, error) {
	var env []string
	name := "open"
	if moto != nil {
		env, name = moto.env(), "moto"
	}
	w, python, err := b.releasing(ctx, "releases-"+name, env...)
	if err != nil {
		return row{}, err
	}
	r := row{what: what, beside: "all at once"}
	var took, base []cost
	for n := range 1 + 2*runs {
		policy := ""
		if n%2 == 0 {
			policy = `release = { strategy = "canary", weight = 50, interval = "1s" }`
		}
		if err := write(w, "release", stacks, functions, python, fmt.Sprint(n), policy); err != nil {
			return row{}, err
		}
		var c cost
		if moto != nil {
			c, err = moto.cost(ctx, w, "apply", "-auto-approve")
		} else {
			c.took, c.memory, err = timed(w.Command(ctx, "apply", "-auto-approve"), providerProcess)
		}
		switch {
		case err != nil:
			return row{}, err
		case n == 0: // It creates them.
		case policy != "":
			took = append(took, c)
		default:
			base = append(base, c)
		}
	}
	r.cost, r.base = medianCost(took), medianCost(base)
	return r, nil
}

// releasing is a workspace, and the Python that there is.
func (b bench) releasing(ctx context.Context, name string, env ...string) (*harness.Workspace, string, error) {
	w, err := b.workspace(ctx, name, env...)
	if err != nil {
		return nil, "", err
	}
	python, err := b.runtime.RuntimeIdentifier(ctx, "python3.")
	return w, python, err
}

// write configures stacks of functions whose code has a text in it.
func write(w *harness.Workspace, prefix string, stacks, functions int, python, text, policy string) error {
	var config strings.Builder
	config.WriteString("terraform {\n  required_providers {\n    tidegate = { source = \"tidegate-io/tidegate\" }\n  }\n}\n")
	for i := range stacks {
		fmt.Fprintf(&config, "\nresource \"tidegate_stack\" \"s%d\" {\n  name = \"%s-%d\"\n  %s\n  functions = {\n", i, prefix, i, policy)
		for f := range functions {
			fmt.Fprintf(&config, "    f%d = { source = \"${path.module}/src\", runtime = %q, handler = \"app.handler\" }\n", f, python)
		}
		config.WriteString("  }\n}\n")
	}
	if err := os.MkdirAll(filepath.Join(w.Dir, "src"), 0o755); err != nil {
		return err
	}
	if err := w.Write("src/app.py", fmt.Sprintf("def handler(event, context):\n    return %q\n", text)); err != nil {
		return err
	}
	return w.Write("main.tf", config.String())
}
