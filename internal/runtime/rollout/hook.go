package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

const (
	// throttledFor is how long a hook is tried again that was turned away for a limit on
	// concurrency, throttledPause how often.
	throttledFor   = time.Minute
	throttledPause = time.Second
	// hookGrace is how much longer than its own timeout a hook may take, with cold starts.
	hookGrace = 2 * time.Minute
	// maxPayload is how much is told of what a hook that failed returned.
	maxPayload = 1 << 10
)

// runHook runs the current hook, in the version that the release makes live, and
// returns why it failed.
func (d *Driver) runHook(ctx context.Context, rec *store.Record, r release.Release) error {
	name := r.Hook()
	number := r.Versions[name]
	_, published, _ := rec.Function(name)
	v, _ := published.Version(number)
	timeout := v.Config.Timeout.Std() + throttledFor + hookGrace
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request := invoke.Request{
		Function:  stack.FullName(rec.Stack.Name, name),
		Qualifier: strconv.Itoa(number),
		Payload:   eventFor(rec, r),
		Source:    "release",
	}
	d.opts.Log.Info("a release runs a hook", "stack", rec.Stack.Name, "release", r.ID, "function", name, "version", number, "phase", r.Phase)
	giveUp := d.now().Add(throttledFor)
	for {
		response, err := d.opts.Invoker.Invoke(ctx, request)
		var refused *invoke.Error
		switch {
		case err == nil && response.FunctionError == "":
			return nil
		case err == nil:
			return fmt.Errorf("version %d failed and returned %s", number, excerpt(redacted(string(response.Payload), secretsOf(rec))))
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return fmt.Errorf("version %d did not answer within %s", number, stack.Duration(timeout))
		case errors.As(err, &refused) && refused.Throttled() && d.now().Before(giveUp) && pause(ctx, throttledPause):
		default:
			return fmt.Errorf("version %d cannot be invoked: %s", number, excerpt(redacted(err.Error(), secretsOf(rec))))
		}
	}
}

// eventFor is the event of the current hook.
func eventFor(rec *store.Record, r release.Release) []byte {
	text, _ := json.Marshal(r.HookEvent(rec.Stack.Name, func(function, qualifier string) string {
		return stack.QualifiedARN(rec.Stack.Name, function, qualifier)
	})) // It holds strings.
	return text
}

// excerpt is the beginning of what a function returned, in one line.
func excerpt(payload string) string {
	text := strings.ToValidUTF8(payload[:min(len(payload), maxPayload)], "")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if len(payload) > maxPayload {
		text += "…"
	}
	if text == "" {
		return "nothing"
	}
	return text
}
