package provider

import (
	"context"
	"time"
)

type timeoutKey struct{}

// WithTimeout makes d the longest that an operation on a resource may take where its own
// `timeouts` do not say. It is for what has another place for that, as Pulumi has in the
// resource option customTimeouts.
func WithTimeout(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, timeoutKey{}, d)
}

// timeoutOf is what WithTimeout has set, else standard.
func timeoutOf(ctx context.Context, standard time.Duration) time.Duration {
	if d, ok := ctx.Value(timeoutKey{}).(time.Duration); ok {
		return d
	}
	return standard
}
