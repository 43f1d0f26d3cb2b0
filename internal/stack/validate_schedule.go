package stack

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// maxScheduleInput is EventBridge Scheduler's, in bytes.
const maxScheduleInput = 262144

func (v *validation) schedule(s *Schedule) {
	if len(s.Schedules) == 0 {
		v.errorf(at("schedules"), "there is no schedule; name at least one")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Schedules)) {
		path := element("schedules", name)
		v.name(path, "a schedule", name)
		v.scheduleItem(s.Schedules[name], path)
	}
}

func (v *validation) scheduleItem(i ScheduleItem, path string) {
	v.timetable(i, path)
	if i.Input != "" && !json.Valid([]byte(i.Input)) {
		v.errorf(at(path+".input"), "the input is not JSON; write it with jsonencode")
	} else if len(i.Input) > maxScheduleInput {
		v.errorf(at(path+".input"), "the input has %d bytes; it can have %d", len(i.Input), maxScheduleInput)
	}
	if w := i.FlexibleWindow; w != 0 && (w < Duration(time.Minute) || w > Duration(24*time.Hour) || w.Std()%time.Minute != 0) {
		v.errorf(at(path+".flexible_window"), "the flexible window is %s; it can be 1m to 24h, in whole minutes", w)
	}
	v.between(path+".retry.attempts", "the number of retries", i.Retry.Attempts, 0, 185, "")
	v.seconds(path+".retry.max_age", "the maximum age of a firing", i.Retry.MaxAge, Duration(time.Minute), Duration(24*time.Hour))
	v.arn(path+".dead_letter", "the dead letters' destination", i.DeadLetter, false)
}

func (v *validation) timetable(i ScheduleItem, path string) {
	if _, err := loadZone(i.Timezone); err != nil {
		v.errorf(at(path+".timezone"), "%v", err)
		return
	}
	t, err := i.Timetable(time.Time{})
	if err != nil {
		v.errorf(at(path+".expression", path+".timezone"), "%v", err)
		return
	}
	expression, start, end := path+".expression", path+".start", path+".end"
	switch {
	case i.Start != nil && i.End != nil && !i.Start.Before(*i.End):
		v.errorf(at(end, start), "the schedule ends at %s, which is not after its start at %s", i.End.Format(time.RFC3339), i.Start.Format(time.RFC3339))
	case t.OneTime() && (i.Start != nil || i.End != nil):
		v.warnf(at(expression, start, end), "a schedule for a single time knows no start and end; they change nothing")
	default:
		if _, ok := t.Next(time.Time{}); !ok {
			v.errorf(at(expression, path+".timezone", start, end), "%q never fires; there is no such date between its start and end", i.Expression)
		}
	}
}
