package stack

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // so that every zone exists on every machine, Windows and scratch images too
)

// A Timetable is a parsed schedule expression: when a schedule fires. Its zero
// value never fires.
//
// It is written here because no library's cron is EventBridge's. gronx 1.20
// gives up after a number of tries and steps over wall clocks, which shifts or
// repeats firings when clocks change. netresearch/go-cron 0.9 fires what falls
// into a skipped hour after it, where EventBridge does not. Both would need a
// translation of every field (weekdays count from 1 here, one day field is "?")
// that is as long as the matcher.
type Timetable struct {
	recurrence recurrence
	// start and end bound the firings; zero means unbounded.
	start, end time.Time
}

// A recurrence finds the first firing strictly after a time.
type recurrence interface {
	next(after time.Time) (time.Time, bool)
}

// ParseSchedule reads an expression of EventBridge Scheduler's: cron(six
// fields), rate(n unit) or at(yyyy-mm-ddThh:mm:ss). The time zone is an IANA
// name; empty means UTC. Rates know no time zone.
func ParseSchedule(expression, timezone string) (Timetable, error) {
	zone, err := loadZone(timezone)
	if err != nil {
		return Timetable{}, err
	}
	kind, rest, ok := strings.Cut(expression, "(")
	arguments, closed := strings.CutSuffix(rest, ")")
	if ok && closed {
		switch kind {
		case "cron":
			c, err := parseCron(arguments, zone)
			if err != nil {
				return Timetable{}, fmt.Errorf("%q is not a valid expression: %w", expression, err)
			}
			return Timetable{recurrence: c}, nil
		case "rate":
			r, err := parseRate(arguments)
			if err != nil {
				return Timetable{}, fmt.Errorf("%q is not a valid expression: %w", expression, err)
			}
			return Timetable{recurrence: r}, nil
		case "at":
			a, err := parseAt(arguments, zone)
			if err != nil {
				return Timetable{}, fmt.Errorf("%q is not a valid expression: %w", expression, err)
			}
			return Timetable{recurrence: a}, nil
		}
	}
	return Timetable{}, fmt.Errorf("%q is not a schedule expression; write cron(minutes hours day-of-month month day-of-week year), "+
		"rate(5 minutes) or at(2030-01-31T12:00:00)", expression)
}

// Timetable of the schedule, within its start and end. Rates count from its
// start, or else from created, which is when the schedule was made.
func (i ScheduleItem) Timetable(created time.Time) (Timetable, error) {
	t, err := ParseSchedule(i.Expression, i.Timezone)
	if err != nil {
		return Timetable{}, err
	}
	if i.Start != nil {
		t.start, created = *i.Start, *i.Start
	}
	if i.End != nil {
		t.end = *i.End
	}
	return t.CountingFrom(created), nil
}

// CountingFrom returns the timetable with rates counting from origin: they
// fire then and every period after it. Without it a rate counts from whatever
// time Next is given.
func (t Timetable) CountingFrom(origin time.Time) Timetable {
	if r, ok := t.recurrence.(rate); ok {
		r.origin = origin
		t.recurrence = r
	}
	return t
}

// OneTime tells whether the timetable fires once only: at(...).
func (t Timetable) OneTime() bool {
	_, ok := t.recurrence.(once)
	return ok
}

// Next returns the first firing after the given time, in the schedule's zone,
// and false if there is none any more.
//
// Wall clock times that do not exist (when clocks go forward) are skipped;
// those that occur twice (when they go back) fire the first time only:
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time
func (t Timetable) Next(after time.Time) (time.Time, bool) {
	if t.recurrence == nil {
		return time.Time{}, false
	}
	// Start and end do not apply to one-time schedules, says the API's reference.
	if t.OneTime() {
		return t.recurrence.next(after)
	}
	if !t.start.IsZero() && after.Before(t.start) {
		after = t.start.Add(-1)
	}
	next, ok := t.recurrence.next(after)
	if !ok || !t.end.IsZero() && next.After(t.end) {
		return time.Time{}, false
	}
	return next, true
}

// loadZone refuses "Local", which means something else on every machine.
func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("%q is not a time zone; use an IANA name such as \"Europe/Berlin\" or \"UTC\"", name)
	}
	return zone, nil
}

// A rate fires every period. A day is 24 hours, whatever clocks do.
type rate struct {
	period time.Duration
	origin time.Time
}

// maxRate keeps periods within a time.Duration and makes sense of "for ever".
const maxRate = 100 * 365 * 24 * time.Hour

func parseRate(arguments string) (recurrence, error) {
	count, unit, _ := strings.Cut(arguments, " ")
	n, err := strconv.ParseUint(count, 10, 31)
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	length, known := units[strings.TrimSuffix(unit, "s")]
	if err != nil || !known || n == 0 {
		return nil, fmt.Errorf("a rate is a positive whole number and one of minutes, hours, days, such as rate(5 minutes)")
	}
	if n > uint64(maxRate/length) {
		return nil, fmt.Errorf("a rate of more than a hundred years never fires")
	}
	return rate{period: time.Duration(n) * length}, nil
}

func (r rate) next(after time.Time) (time.Time, bool) {
	if r.origin.IsZero() {
		return after.Add(r.period), true
	}
	if after.Before(r.origin) {
		return r.origin, true
	}
	return after.Add(r.period - after.Sub(r.origin)%r.period), true
}

// once fires once, at a wall clock time.
type once struct{ time time.Time }

func parseAt(arguments string, zone *time.Location) (recurrence, error) {
	const layout = "2006-01-02T15:04:05"
	wall, err := time.Parse(layout, arguments)
	if err != nil || len(arguments) != len(layout) {
		return nil, fmt.Errorf("a time is written yyyy-mm-ddThh:mm:ss, without a zone")
	}
	instant, ok := firstAt(wall, zone)
	if !ok {
		return nil, fmt.Errorf("there is no such time in %s, where clocks go forward then", zone)
	}
	return once{instant}, nil
}

func (a once) next(after time.Time) (time.Time, bool) { return a.time, a.time.After(after) }

// firstAt returns the first instant at which clocks in the zone show the date
// and time of wall (its own zone does not matter); false if they never do.
func firstAt(wall time.Time, zone *time.Location) (time.Time, bool) {
	year, month, day := wall.Date()
	t := time.Date(year, month, day, wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	if t.Day() != day || t.Hour() != wall.Hour() || t.Minute() != wall.Minute() || t.Second() != wall.Second() {
		return time.Time{}, false
	}
	// time.Date may choose either of two occurrences. If the zone's previous offset
	// gives an instant at which it still held, that is the earlier one.
	if changed, _ := t.ZoneBounds(); !changed.IsZero() {
		_, offset := t.Zone()
		_, before := changed.Add(-1).Zone()
		earlier := t.Add(time.Duration(offset-before) * time.Second)
		if earlier.Before(changed) {
			t = earlier
		}
	}
	return t, true
}
