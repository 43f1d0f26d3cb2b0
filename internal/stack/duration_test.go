package stack

import (
	"encoding/json"
	"testing"
	"time"
)

func TestDurationsAreWrittenWithoutTrailingZeros(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", 3 * time.Minute: "3m", time.Hour: "1h", 90 * time.Minute: "1h30m", 3610 * time.Second: "1h0m10s", 336 * time.Hour: "336h",
	} {
		if got := Duration(d).String(); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func TestDurationsAreStringsInJSON(t *testing.T) {
	text, err := json.Marshal(seconds(90))
	if err != nil || string(text) != `"1m30s"` {
		t.Error(string(text), err)
	}
	var d Duration
	if err := json.Unmarshal([]byte(`"1m30s"`), &d); err != nil || d != seconds(90) {
		t.Error(d, err)
	}
	for _, text := range []string{`"5"`, `5`, `"5 minutes"`, `""`} {
		if err := json.Unmarshal([]byte(text), &d); err == nil {
			t.Errorf("%s is the duration %v", text, d)
		}
	}
}
