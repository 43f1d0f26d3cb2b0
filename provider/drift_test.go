package provider

import (
	"encoding/json"
	"slices"
	"strconv"
	"testing"
)

func TestDriftIsToldWithoutWhatMayBeSecret(t *testing.T) {
	f := func(memory int, timeout, handler, variable string) map[string]any {
		return map[string]any{"functions": map[string]any{"f": map[string]any{
			"memory": json.Number(strconv.Itoa(memory)), "timeout": timeout, "handler": handler, "environment": map[string]any{"A": variable},
		}}}
	}
	var got []string
	compare("", f(128, "3s", "app.handler", "5m"), f(256, "1m", "app.other", "6m"), &got)
	want := []string{
		`functions["f"].environment["A"] was changed`,
		`functions["f"].handler was changed`,
		`functions["f"].memory is 256 now (was 128)`,
		`functions["f"].timeout is 1m now (was 3s)`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
