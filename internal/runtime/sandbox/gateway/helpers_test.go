package gateway

import (
	"context"
	"testing"
	"time"
)

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: did not come about in 30 s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
