package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var agoPattern = regexp.MustCompile(`^(\d{1,5}) ?(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?)$`)

// parseSince understands points in time as people write them: "5m", "5m ago",
// "2 hours ago", "1h30m", "2026-01-31", "2026-01-31T12:00:00Z".
func parseSince(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	ago := strings.TrimSpace(strings.TrimSuffix(text, "ago"))
	if m := agoPattern.FindStringSubmatch(ago); m != nil {
		n, _ := strconv.Atoi(m[1])
		switch m[2][0] {
		case 's':
			return now.Add(-time.Duration(n) * time.Second), nil
		case 'm':
			return now.Add(-time.Duration(n) * time.Minute), nil
		case 'h':
			return now.Add(-time.Duration(n) * time.Hour), nil
		case 'd':
			return now.AddDate(0, 0, -n), nil
		default:
			return now.AddDate(0, 0, -7*n), nil
		}
	}
	if d, err := time.ParseDuration(ago); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("--since is %q; write how long ago (\"5m\", \"2h ago\", \"3 days ago\") or a time (%q)", text, "2026-01-31T12:00:00Z")
}
