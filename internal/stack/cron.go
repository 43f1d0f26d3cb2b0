package stack

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// A cron holds the six fields of a cron expression as EventBridge has them:
// minutes hours day-of-month month day-of-week year. See
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
type cron struct {
	minutes, hours, months uint64 // bit n is set where the value n matches
	years                  yearSet
	day                    func(d date) bool
	zone                   *time.Location
}

const (
	firstYear = 1970
	lastYear  = 2199
)

// yearSet tells for each year from firstYear to lastYear whether it matches.
type yearSet [lastYear - firstYear + 1]bool

// A date of a month of which it knows the length and on which weekday it began.
type date struct {
	day, length int
	weekday     time.Weekday
}

// A cronField says what values one field of an expression may have.
type cronField struct {
	name     string
	min, max int
	names    []string // of min, min+1, ...
}

var (
	cronMinutes = cronField{name: "minutes", max: 59}
	cronHours   = cronField{name: "hours", max: 23}
	cronDays    = cronField{name: "day-of-month", min: 1, max: 31}
	cronMonths  = cronField{name: "month", min: 1, max: 12, names: []string{
		"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
	}}
	cronWeekdays = cronField{name: "day-of-week", min: 1, max: 7, names: []string{
		"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT",
	}}
	cronYears = cronField{name: "year", min: firstYear, max: lastYear}
)

func parseCron(arguments string, zone *time.Location) (recurrence, error) {
	fields := strings.Split(strings.ToUpper(arguments), " ")
	if len(fields) != 6 {
		return nil, fmt.Errorf("cron has six fields with one space between them, " +
			"minutes hours day-of-month month day-of-week year, such as cron(0 2 * * ? *)")
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return nil, fmt.Errorf("exactly one of day-of-month and day-of-week must be \"?\"")
	}
	c := &cron{zone: zone}
	var err error
	if c.minutes, err = cronMinutes.bits(fields[0]); err != nil {
		return nil, err
	}
	if c.hours, err = cronHours.bits(fields[1]); err != nil {
		return nil, err
	}
	if c.months, err = cronMonths.bits(fields[3]); err != nil {
		return nil, err
	}
	if fields[4] == "?" {
		c.day, err = parseDayOfMonth(fields[2])
	} else {
		c.day, err = parseDayOfWeek(fields[4])
	}
	if err != nil {
		return nil, err
	}
	err = cronYears.parse(fields[5], func(year int) { c.years[year-firstYear] = true })
	return c, err
}

// parseDayOfMonth reads values, L (the last day), nW (the weekday nearest to
// the n-th, within its month) and LW (the last weekday).
func parseDayOfMonth(text string) (func(date) bool, error) {
	if text == "L" {
		return func(d date) bool { return d.day == d.length }, nil
	}
	if text == "LW" {
		return func(d date) bool { return d.day == nearestWeekday(d, d.length) }, nil
	}
	if nth, ok := strings.CutSuffix(text, "W"); ok {
		n, err := cronDays.value(nth)
		if err != nil {
			return nil, err
		}
		return func(d date) bool { return n <= d.length && d.day == nearestWeekday(d, n) }, nil
	}
	days, err := cronDays.bits(text)
	return func(d date) bool { return has(days, d.day) }, err
}

// nearestWeekday returns the day from Monday to Friday nearest to the n-th of
// d's month, without leaving the month.
func nearestWeekday(d date, n int) int {
	switch weekday := weekdayOf(d, n); {
	case weekday == time.Saturday && n > 1:
		return n - 1
	case weekday == time.Saturday:
		return n + 2
	case weekday == time.Sunday && n < d.length:
		return n + 1
	case weekday == time.Sunday:
		return n - 2
	}
	return n
}

// weekdayOf returns the weekday of the n-th of d's month.
func weekdayOf(d date, n int) time.Weekday {
	return time.Weekday(((int(d.weekday)+n-d.day)%7 + 7) % 7)
}

// parseDayOfWeek reads values, L (Saturday, the week's last day), nL (the last
// such day of the month) and n#k (the k-th such day of the month).
func parseDayOfWeek(text string) (func(date) bool, error) {
	if text == "L" {
		text = "SAT"
	}
	if name, ok := strings.CutSuffix(text, "L"); ok {
		n, err := cronWeekdays.value(name)
		if err != nil {
			return nil, err
		}
		return func(d date) bool { return int(d.weekday)+1 == n && d.day+7 > d.length }, nil
	}
	if name, nth, ok := strings.Cut(text, "#"); ok {
		n, err := cronWeekdays.value(name)
		if err != nil {
			return nil, err
		}
		k, err := strconv.Atoi(nth)
		if err != nil || k < 1 || k > 5 {
			return nil, fmt.Errorf("the number after \"#\" in day-of-week is which of the month's it is, 1 to 5, and not %q", nth)
		}
		return func(d date) bool { return int(d.weekday)+1 == n && (d.day+6)/7 == k }, nil
	}
	weekdays, err := cronWeekdays.bits(text)
	return func(d date) bool { return has(weekdays, int(d.weekday)+1) }, err
}

func (f cronField) bits(text string) (set uint64, err error) {
	err = f.parse(text, func(v int) { set |= 1 << v })
	return set, err
}

// parse calls add with every value of a comma-separated list of values, ranges
// and steps: *, 5, 1-5, */15, 0/10, 0-30/10.
func (f cronField) parse(text string, add func(int)) error {
	for item := range strings.SplitSeq(text, ",") {
		bounds, stepText, stepped := strings.Cut(item, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 || step > f.max {
				return fmt.Errorf("the step %q in %s is not a number from 1 to %d", stepText, f.name, f.max)
			}
		}
		from, to := f.min, f.max
		if bounds != "*" {
			first, last, isRange := strings.Cut(bounds, "-")
			var err error
			if from, err = f.value(first); err != nil {
				return err
			}
			switch {
			case isRange:
				if to, err = f.value(last); err != nil {
					return err
				}
			case !stepped:
				to = from
			}
			if from > to {
				return fmt.Errorf("the range %q in %s runs backwards; write it as two ranges", bounds, f.name)
			}
		}
		for v := from; v <= to; v += step {
			add(v)
		}
	}
	return nil
}

// value reads a number or a name.
func (f cronField) value(text string) (int, error) {
	for i, name := range f.names {
		if text == name {
			return f.min + i, nil
		}
	}
	v, err := strconv.ParseUint(text, 10, 16)
	if err != nil || int(v) < f.min || int(v) > f.max {
		names := ""
		if f.names != nil {
			names = " or " + f.names[0] + " to " + f.names[len(f.names)-1]
		}
		return 0, fmt.Errorf("%q in %s is not a value from %d to %d%s", text, f.name, f.min, f.max, names)
	}
	return int(v), nil
}

func has(set uint64, v int) bool { return set&(1<<v) != 0 }

// next looks at one day after the other, skipping years and months that do not
// match. Within a zone, the first occurrences of wall clock times are in the
// order of the clock, so the first that lies after `after` is the answer.
func (c *cron) next(after time.Time) (time.Time, bool) {
	year, month, day := after.In(c.zone).Date()
	if year < firstYear {
		year, month, day = firstYear, time.January, 1
	}
	for ; year <= lastYear; year, month, day = year+1, time.January, 1 {
		if !c.years[year-firstYear] {
			continue
		}
		for ; month <= time.December; month, day = month+1, 1 {
			if !has(c.months, int(month)) {
				continue
			}
			first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
			d := date{day: day, length: first.AddDate(0, 1, -1).Day()}
			for ; d.day <= d.length; d.day++ {
				d.weekday = time.Weekday((int(first.Weekday()) + d.day - 1) % 7)
				if !c.day(d) {
					continue
				}
				if t, ok := c.nextOn(first.AddDate(0, 0, d.day-1), after); ok {
					return t, true
				}
			}
		}
	}
	return time.Time{}, false
}

// nextOn returns the first firing on a day that is after `after`.
func (c *cron) nextOn(midnight, after time.Time) (time.Time, bool) {
	for hours := c.hours; hours != 0; hours &= hours - 1 {
		hour := midnight.Add(time.Duration(bits.TrailingZeros64(hours)) * time.Hour)
		for minutes := c.minutes; minutes != 0; minutes &= minutes - 1 {
			wall := hour.Add(time.Duration(bits.TrailingZeros64(minutes)) * time.Minute)
			if t, exists := firstAt(wall, c.zone); exists && t.After(after) {
				return t, true
			}
		}
	}
	return time.Time{}, false
}
