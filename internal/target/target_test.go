package target

import (
	"testing"
	"time"
)

func TestAgoSaysTheLargestUnit(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Minute:               "0 seconds", // By two clocks.
		999 * time.Millisecond:     "0 seconds",
		time.Second:                "1 second",
		59 * time.Second:           "59 seconds",
		119 * time.Second:          "1 minute",
		4 * time.Minute:            "4 minutes",
		time.Hour:                  "1 hour",
		49*time.Hour + time.Second: "2 days",
	} {
		if got := Ago(d); got != want {
			t.Errorf("Ago(%s) is %q, want %q", d, got, want)
		}
	}
}
