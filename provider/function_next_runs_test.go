package provider

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// now is a quarter to three on a Saturday.
var now = time.Date(2026, 1, 31, 14, 45, 30, 0, time.UTC)

func callNextRuns(t *testing.T, expression, timezone string, count int64, from ...string) ([]string, *function.FuncError) {
	t.Helper()
	variadic := make([]attr.Value, len(from))
	kinds := make([]attr.Type, len(from))
	for i, f := range from {
		variadic[i], kinds[i] = types.StringValue(f), types.StringType
	}
	req := function.RunRequest{Arguments: function.NewArgumentsData([]attr.Value{
		types.StringValue(expression), types.StringValue(timezone), types.Int64Value(count), types.TupleValueMust(kinds, variadic),
	})}
	resp := function.RunResponse{Result: function.NewResultData(types.ListUnknown(types.StringType))}
	nextRuns{now}.Run(t.Context(), req, &resp)
	var runs []string
	if list, ok := resp.Result.Value().(types.List); ok && !list.IsUnknown() {
		list.ElementsAs(t.Context(), &runs, false)
	}
	return runs, resp.Error
}

func TestNextRuns(t *testing.T) {
	for _, c := range []struct {
		expression, timezone string
		from                 []string
		want                 []string
	}{
		{"cron(0 2 * * ? *)", "UTC", nil, []string{"2026-02-01T02:00:00Z", "2026-02-02T02:00:00Z"}},
		{"cron(0 2 * * ? *)", "Europe/Berlin", nil, []string{"2026-02-01T02:00:00+01:00", "2026-02-02T02:00:00+01:00"}},
		// Without a beginning, rates count from the epoch, so that they stand still.
		{"rate(30 minutes)", "UTC", nil, []string{"2026-01-31T15:00:00Z", "2026-01-31T15:30:00Z"}},
		{"rate(30 minutes)", "UTC", []string{"2026-01-31T14:45:30Z"}, []string{"2026-01-31T15:15:30Z", "2026-01-31T15:45:30Z"}},
		{"at(2026-06-01T12:00:00)", "UTC", nil, []string{"2026-06-01T12:00:00Z"}},
		{"at(2020-06-01T12:00:00)", "UTC", nil, nil},
		{"at(2020-06-01T12:00:00)", "UTC", []string{"2020-01-01T00:00:00Z"}, []string{"2020-06-01T12:00:00Z"}},
	} {
		got, err := callNextRuns(t, c.expression, c.timezone, 2, c.from...)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("next_runs(%q, %q, 2, %q) = %q, %v; want %q", c.expression, c.timezone, c.from, got, err, c.want)
		}
	}
}

func TestNextRunsRefusesWhatMakesNoSense(t *testing.T) {
	for _, c := range []struct {
		expression, timezone string
		count                int64
		from                 []string
		want                 string
	}{
		{"cron(0 2 * * *)", "UTC", 1, nil, "fields"},
		{"rate(1 day)", "Europe/Bielefeld", 1, nil, "Bielefeld"},
		{"rate(1 day)", "UTC", 0, nil, "1 to 100"},
		{"rate(1 day)", "UTC", 101, nil, "1 to 100"},
		{"rate(1 day)", "UTC", 1, []string{"soon"}, "RFC 3339"},
		{"rate(1 day)", "UTC", 1, []string{"2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"}, "one time"},
	} {
		if _, err := callNextRuns(t, c.expression, c.timezone, c.count, c.from...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("next_runs(%q, %q, %d, %q) fails with %v, want %q", c.expression, c.timezone, c.count, c.from, err, c.want)
		}
	}
}
