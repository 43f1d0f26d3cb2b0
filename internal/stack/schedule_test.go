package stack

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestScheduleNext(t *testing.T) {
	tests := []struct{ name, expression, zone, after, want string }{
		{"every day at an hour", "cron(0 2 * * ? *)", "", "2026-01-01T02:00:00Z", "2026-01-02T02:00:00Z"},
		{"every quarter of an hour", "cron(*/15 * * * ? *)", "", "2026-01-01T23:50:01Z", "2026-01-02T00:00:00Z"},
		{"a step that begins later", "cron(5/20 * * * ? *)", "", "2026-01-01T00:05:00Z", "2026-01-01T00:25:00Z"},
		{"a step in a range", "cron(0-59/10 0-23/2 ? * * *)", "", "2026-01-01T00:50:00Z", "2026-01-01T02:00:00Z"},
		{"weekdays are numbered from Sunday, 1", "cron(0 0 ? * 1 *)", "", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"},
		{"Saturday is 7", "cron(0 0 ? * 7 *)", "", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"},
		{"working days by name", "cron(0 18 ? * mon-fri *)", "", "2026-01-02T18:00:00Z", "2026-01-05T18:00:00Z"},
		{"months by name", "cron(0 0 1 JAN,JUL ? *)", "", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"},
		{"the last day of a month", "cron(0 0 L * ? *)", "", "2028-02-01T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"the last weekday of a month", "cron(0 0 LW * ? *)", "", "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z"},
		{"the weekday nearest to a Saturday", "cron(0 0 3W * ? *)", "", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
		{"the weekday nearest to a Sunday", "cron(0 0 4W * ? *)", "", "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z"},
		{"the nearest weekday stays in its month at the beginning", "cron(0 0 1W 8 ? *)", "", "2026-01-01T00:00:00Z", "2026-08-03T00:00:00Z"},
		{"the nearest weekday stays in its month at the end", "cron(0 0 31W 5 ? *)", "", "2026-01-01T00:00:00Z", "2026-05-29T00:00:00Z"},
		{"months without that day have no nearest weekday", "cron(0 0 31W * ? *)", "", "2026-04-01T00:00:00Z", "2026-05-29T00:00:00Z"},
		{"the last Friday of a month", "cron(15 10 ? * 6L *)", "", "2026-01-01T00:00:00Z", "2026-01-30T10:15:00Z"},
		{"the last day of a week is Saturday", "cron(0 0 ? * L *)", "", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"},
		{"the second Tuesday of a month", "cron(0 0 ? * TUE#2 *)", "", "2026-01-01T00:00:00Z", "2026-01-13T00:00:00Z"},
		{"months without a fifth Monday are skipped", "cron(0 0 ? * 2#5 *)", "", "2026-01-01T00:00:00Z", "2026-03-30T00:00:00Z"},
		{"some years", "cron(0 0 1 1 ? 2030/5)", "", "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z"},
		{"a leap day", "cron(0 0 29 2 ? *)", "", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
		{"a day that does not exist", "cron(0 0 31 2 ? *)", "", "2026-01-01T00:00:00Z", ""},
		{"years that are over", "cron(0 0 1 1 ? 2020)", "", "2026-01-01T00:00:00Z", ""},
		{"after the last year", "cron(0 0 1 1 ? *)", "", "2199-01-01T00:00:00Z", ""},
		{"long before the first year", "cron(0 0 1 1 ? *)", "", "1950-05-05T00:00:00Z", "1970-01-01T00:00:00Z"},

		{"a zone", "cron(0 2 * * ? *)", "Europe/Berlin", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"},
		{"a zone where today is tomorrow", "cron(0 2 1 1 ? *)", "Pacific/Kiritimati", "2025-12-31T11:00:00Z", "2025-12-31T12:00:00Z"},
		{"a time that clocks skip does not fire", "cron(30 2 * * ? *)", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"},
		{"a time that occurs twice fires", "cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
		{"and does not fire again", "cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"nor when asked in between", "cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z"},
		{"a repeated hour at zero offset", "cron(30 1 * * ? *)", "Europe/London", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"},
		{"a half-hour change", "cron(45 1 * * ? *)", "Australia/Lord_Howe", "2026-04-04T12:00:00Z", "2026-04-04T14:45:00Z"},
		{"a day that a country skipped", "cron(0 12 30 12 ? 2011/1)", "Pacific/Apia", "2011-12-01T00:00:00Z", "2012-12-29T22:00:00Z"},
		{"clocks that go back at midnight", "cron(30 23 ? * * *)", "America/Sao_Paulo", "2019-02-16T00:00:00Z", "2019-02-16T01:30:00Z"},
		{"and fire once that day", "cron(30 23 ? * * *)", "America/Sao_Paulo", "2019-02-17T01:30:00Z", "2019-02-18T02:30:00Z"},

		{"a rate counts from the time asked about", "rate(5 minutes)", "", "2026-01-01T00:00:07Z", "2026-01-01T00:05:07Z"},
		{"one hour", "rate(1 hour)", "", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"},
		{"a day has 24 hours even when clocks change", "rate(1 day)", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"},

		{"once", "at(2026-06-01T12:00:00)", "Europe/Berlin", "2026-01-01T00:00:00Z", "2026-06-01T10:00:00Z"},
		{"once is over", "at(2026-06-01T12:00:00)", "Europe/Berlin", "2026-06-01T10:00:00Z", ""},
		{"once at a time that occurs twice", "at(2026-10-25T02:30:00)", "Europe/Berlin", "2026-01-01T00:00:00Z", "2026-10-25T00:30:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			timetable, err := ParseSchedule(tt.expression, tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			next, ok := timetable.Next(instant(t, tt.after))
			switch {
			case tt.want == "" && ok:
				t.Errorf("fires at %v, want never", next)
			case tt.want != "" && !ok:
				t.Errorf("never fires, want %s", tt.want)
			case ok && !next.Equal(instant(t, tt.want)):
				t.Errorf("fires at %v, want %s", next.UTC(), tt.want)
			}
		})
	}
}

func TestARateFiresAtItsOriginAndEveryPeriodAfterIt(t *testing.T) {
	timetable := mustParseSchedule(t, "rate(10 minutes)", "").CountingFrom(instant(t, "2026-01-01T00:03:00Z"))
	for after, want := range map[string]string{
		"2025-12-31T00:00:00Z": "2026-01-01T00:03:00Z",
		"2026-01-01T00:03:00Z": "2026-01-01T00:13:00Z",
		"2026-01-01T00:13:01Z": "2026-01-01T00:23:00Z",
		"2026-02-01T00:00:00Z": "2026-02-01T00:03:00Z",
	} {
		if next, ok := timetable.Next(instant(t, after)); !ok || !next.Equal(instant(t, want)) {
			t.Errorf("after %s: %v %v, want %s", after, next, ok, want)
		}
	}
}

func TestASchedulesStartAndEndBoundIt(t *testing.T) {
	start, end := instant(t, "2026-01-10T12:00:00Z"), instant(t, "2026-01-12T12:00:00Z")
	created := instant(t, "2026-01-01T00:00:00Z")
	tests := []struct{ name, expression, after, want string }{
		{"a cron fires at its start", "cron(0 12 * * ? *)", "2026-01-01T00:00:00Z", "2026-01-10T12:00:00Z"},
		{"a cron fires at its end", "cron(0 12 * * ? *)", "2026-01-11T12:00:00Z", "2026-01-12T12:00:00Z"},
		{"a cron does not fire beyond its end", "cron(0 12 * * ? *)", "2026-01-12T12:00:00Z", ""},
		{"a rate counts from its start", "rate(7 hours)", "2026-01-01T00:00:00Z", "2026-01-10T12:00:00Z"},
		{"a rate goes on from its start", "rate(7 hours)", "2026-01-10T12:00:00Z", "2026-01-10T19:00:00Z"},
		{"a single time knows no bounds", "at(2026-02-01T00:00:00)", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			item := ScheduleItem{Expression: tt.expression, Start: &start, End: &end}
			timetable, err := item.Timetable(created)
			if err != nil {
				t.Fatal(err)
			}
			next, ok := timetable.Next(instant(t, tt.after))
			if ok != (tt.want != "") || ok && !next.Equal(instant(t, tt.want)) {
				t.Errorf("%v %v, want %q", next, ok, tt.want)
			}
		})
	}
}

func TestARateWithoutAStartCountsFromItsCreation(t *testing.T) {
	created := instant(t, "2026-01-01T00:01:00Z")
	timetable, err := ScheduleItem{Expression: "rate(1 hour)"}.Timetable(created)
	if err != nil {
		t.Fatal(err)
	}
	if next, _ := timetable.Next(instant(t, "2026-01-01T05:00:00Z")); !next.Equal(instant(t, "2026-01-01T05:01:00Z")) {
		t.Error(next)
	}
}

func TestTheZeroTimetableNeverFires(t *testing.T) {
	if next, ok := (Timetable{}).Next(time.Time{}); ok {
		t.Error(next)
	}
}

// What EventBridge Scheduler itself accepted and refused.
func TestExpressionsAreValidAsRecordedFromAWS(t *testing.T) {
	text, err := os.ReadFile("testdata/schedule_expressions.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct{ Valid, Invalid []string }
	if err := json.Unmarshal(text, &recorded); err != nil || len(recorded.Valid) == 0 || len(recorded.Invalid) == 0 {
		t.Fatal("no recorded expressions", err)
	}
	for _, expression := range recorded.Valid {
		if _, err := ParseSchedule(expression, ""); err != nil {
			t.Errorf("AWS accepts it: %v", err)
		}
	}
	for _, expression := range recorded.Invalid {
		if _, err := ParseSchedule(expression, ""); err == nil {
			t.Errorf("AWS refuses %s", expression)
		}
	}
}

func TestInvalidSchedulesSayWhatWouldBeRight(t *testing.T) {
	tests := []struct{ expression, zone, want string }{
		{"", "", "is not a schedule expression; write cron("},
		{"0 2 * * ? *", "", "is not a schedule expression"},
		{"cron(0 2 * * *)", "", "six fields"},
		{"cron(0  2 * * ? *)", "", "one space between"},
		{"cron(0 2 ? * ? *)", "", "exactly one of day-of-month and day-of-week"},
		{"cron(0 2 1 * 2 *)", "", "exactly one of day-of-month and day-of-week"},
		{"cron(60 2 * * ? *)", "", `"60" in minutes is not a value from 0 to 59`},
		{"cron(-1 2 * * ? *)", "", `"" in minutes is not a value`},
		{"cron(? 2 * * ? *)", "", `"?" in minutes`},
		{"cron(0 24 * * ? *)", "", `"24" in hours`},
		{"cron(0 0 32 * ? *)", "", `"32" in day-of-month`},
		{"cron(0 0 0 * ? *)", "", `"0" in day-of-month is not a value from 1 to 31`},
		{"cron(0 0 1,L * ? *)", "", `"L" in day-of-month`},
		{"cron(0 0 1-5W * ? *)", "", `"1-5" in day-of-month`},
		{"cron(0 0 1 13 ? *)", "", `"13" in month is not a value from 1 to 12 or JAN to DEC`},
		{"cron(0 0 ? * 0 *)", "", `"0" in day-of-week is not a value from 1 to 7 or SUN to SAT`},
		{"cron(0 0 ? * FRI-MON *)", "", "runs backwards; write it as two ranges"},
		{"cron(0 0 ? * 3#6 *)", "", `1 to 5, and not "6"`},
		{"cron(0 0 ? * 3#1,6#3 *)", "", "1 to 5"},
		{"cron(0 0 ? * 8L *)", "", `"8" in day-of-week`},
		{"cron(*/0 0 * * ? *)", "", "is not a number from 1 to 59"},
		{"cron(*/60 0 * * ? *)", "", "is not a number from 1 to 59"},
		{"cron(0 0 * * ? 1969)", "", "from 1970 to 2199"},
		{"rate(0 minutes)", "", "positive whole number"},
		{"rate(1.5 hours)", "", "positive whole number"},
		{"rate(5 weeks)", "", "minutes, hours, days"},
		{"rate(36501 days)", "", "more than a hundred years"},
		{"at(2026-02-30T00:00:00)", "", "yyyy-mm-ddThh:mm:ss"},
		{"at(2026-01-01T00:00:00.5)", "", "yyyy-mm-ddThh:mm:ss"},
		{"at(2026-03-29T02:30:00)", "Europe/Berlin", "no such time in Europe/Berlin"},
		{"rate(5 minutes)", "Europe/Atlantis", `"Europe/Atlantis" is not a time zone`},
		{"rate(5 minutes)", "Local", `"Local" is not a time zone`},
		{"rate(5 minutes)", "../etc/passwd", "is not a time zone"},
	}
	for _, tt := range tests {
		t.Run(tt.expression+tt.zone, func(t *testing.T) {
			_, err := ParseSchedule(tt.expression, tt.zone)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

// TestNextAgreesWithAClock compares Next with what a person would do: look at
// the wall clock every minute, and fire when it shows a time that matches and
// that it has not shown before.
func TestNextAgreesWithAClock(t *testing.T) {
	zones := []string{
		"UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe",
		"Pacific/Apia", "Asia/Tehran", "Africa/Casablanca", "Asia/Kathmandu",
	}
	// Weeks in which clocks change somewhere.
	starts := []string{
		"2026-03-28", "2026-03-07", "2026-10-24", "2026-10-31", "2026-04-04", "2026-10-03", "2011-12-29",
		"2018-11-03", "2019-02-16", "2022-03-21", "2022-09-21", "2026-02-14", "2026-03-21", "2026-12-30",
	}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		start, err := time.Parse(time.DateOnly, rapid.SampledFrom(starts).Draw(t, "start"))
		if err != nil {
			t.Fatal(err)
		}
		minutes := rapid.SampledFrom([]string{"0", "30", "59", "*/15", "1-31/30", "0,45"}).Draw(t, "minutes")
		hours := rapid.SampledFrom([]string{"*", "0", "1", "2", "3", "23", "0-3", "22,23"}).Draw(t, "hours")
		timetable := mustParseSchedule(t, fmt.Sprintf("cron(%s %s * * ? *)", minutes, hours), zone.String())
		matches := func(wall time.Time) bool { return listed(minutes, wall.Minute(), 59) && listed(hours, wall.Hour(), 23) }

		seen := map[string]bool{}
		after := start
		for at := start.Add(-26 * time.Hour); at.Before(start.AddDate(0, 0, 4)); at = at.Add(time.Minute) {
			wall := at.In(zone)
			shown := wall.Format("2006-01-02 15:04")
			first := !seen[shown]
			seen[shown] = true
			if !at.After(start) || !first || !matches(wall) {
				continue
			}
			next, ok := timetable.Next(after)
			if !ok || !next.Equal(at) {
				t.Fatalf("after %v: fires at %v, want %v", after.In(zone), next, wall)
			}
			after = at
		}
	})
}

// listed tells in another way than cron.go whether a field lists a value.
func listed(field string, value, last int) bool {
	for item := range strings.SplitSeq(field, ",") {
		var from, to, step int
		switch {
		case item == "*":
			return true
		case strings.HasPrefix(item, "*/"):
			from, to = 0, last
			fmt.Sscanf(item, "*/%d", &step)
		default:
			step = 1
			if n, _ := fmt.Sscanf(item, "%d-%d/%d", &from, &to, &step); n == 1 {
				to = from
			}
		}
		if value >= from && value <= to && (value-from)%step == 0 {
			return true
		}
	}
	return false
}

// TestDayRulesAgreeWithACalendar walks through every day of some years.
func TestDayRulesAgreeWithACalendar(t *testing.T) {
	weekday := func(d time.Time) bool { return d.Weekday() != time.Saturday && d.Weekday() != time.Sunday }
	lastOfMonth := func(d time.Time) time.Time { return time.Date(d.Year(), d.Month()+1, 0, 0, 0, 0, 0, time.UTC) }
	// nearest is the weekday of d's month with the least distance to its n-th.
	nearest := func(d time.Time, n int) int {
		best, distance := 0, 99
		for day := 1; day <= lastOfMonth(d).Day(); day++ {
			away := max(day-n, n-day)
			if weekday(time.Date(d.Year(), d.Month(), day, 0, 0, 0, 0, time.UTC)) && away < distance {
				best, distance = day, away
			}
		}
		return best
	}
	rules := map[string]func(d time.Time) bool{
		"cron(0 0 L * ? *)":   func(d time.Time) bool { return d.AddDate(0, 0, 1).Day() == 1 },
		"cron(0 0 LW * ? *)":  func(d time.Time) bool { return d.Day() == nearest(d, lastOfMonth(d).Day()) },
		"cron(0 0 1W * ? *)":  func(d time.Time) bool { return d.Day() == nearest(d, 1) },
		"cron(0 0 15W * ? *)": func(d time.Time) bool { return d.Day() == nearest(d, 15) },
		"cron(0 0 30W * ? *)": func(d time.Time) bool { return lastOfMonth(d).Day() >= 30 && d.Day() == nearest(d, 30) },
		"cron(0 0 ? * 6L *)": func(d time.Time) bool {
			return d.Weekday() == time.Friday && d.AddDate(0, 0, 7).Month() != d.Month()
		},
		"cron(0 0 ? * SUN#1 *)": func(d time.Time) bool { return d.Weekday() == time.Sunday && d.Day() <= 7 },
		"cron(0 0 ? * 5#5 *)":   func(d time.Time) bool { return d.Weekday() == time.Thursday && d.Day() > 28 },
		"cron(0 0 ? 2-11/3 MON-WED,7 *)": func(d time.Time) bool {
			w := d.Weekday()
			return (d.Month()-2)%3 == 0 && d.Month() >= 2 && (w >= time.Monday && w <= time.Wednesday || w == time.Saturday)
		},
	}
	for expression, matches := range rules {
		t.Run(expression, func(t *testing.T) {
			timetable := mustParseSchedule(t, expression, "UTC")
			after := instant(t, "2023-12-31T12:00:00Z")
			for d := instant(t, "2024-01-01T00:00:00Z"); d.Year() < 2032; d = d.AddDate(0, 0, 1) {
				if !matches(d) {
					continue
				}
				next, ok := timetable.Next(after)
				if !ok || !next.Equal(d) {
					t.Fatalf("after %v: %v, want %v", after, next, d)
				}
				after = d
			}
		})
	}
}

func FuzzSchedule(f *testing.F) {
	for _, expression := range []string{
		"cron(0 2 * * ? *)", "cron(*/15 0-23/2 ? 1,2 MON#1 2026-2030)", "cron(0 0 LW FEB ? *)", "cron(5 5 31W * ? 2199)",
		"rate(5 minutes)", "at(2026-03-29T02:30:00)",
	} {
		f.Add(expression, "Europe/Berlin", int64(1_774_700_000))
	}
	f.Fuzz(func(t *testing.T, expression, zone string, unix int64) {
		timetable, err := ParseSchedule(expression, zone)
		if err != nil {
			return
		}
		// Years of four digits, where time.Duration and the calendar hold.
		after := time.Unix(unix%100_000_000_000, 0)
		if next, ok := timetable.Next(after); ok && !next.After(after) {
			t.Errorf("%s in %q: %v is not after %v", expression, zone, next, after)
		}
	})
}

func mustParseSchedule(t interface {
	Helper()
	Fatal(...any)
}, expression, zone string,
) Timetable {
	t.Helper()
	timetable, err := ParseSchedule(expression, zone)
	if err != nil {
		t.Fatal(err)
	}
	return timetable
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
