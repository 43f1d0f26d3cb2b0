package gateway

import (
	"context"
	"testing"
	"time"
)

// patience is far more than anything here takes, on a machine with other things to do.
const patience = 2 * time.Minute

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: did not come about", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
