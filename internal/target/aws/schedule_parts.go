package aws

import (
	"maps"
	"slices"
)

// scheduleParts are the components of schedules.
type scheduleParts struct {
	group     *scheduleGroup
	role      *role
	policy    *rolePolicy
	schedules map[string]*schedule
}

func (i *inventory) addSchedules() *scheduleParts {
	p := &scheduleParts{group: &scheduleGroup{i: i}, role: newScheduleRole(i), schedules: map[string]*schedule{}}
	p.policy = newSchedulePolicy(i, p.role)
	i.add(p.group, nil)
	i.add(p.role, nil)
	i.add(p.policy, p.role)
	for _, name := range slices.Sorted(maps.Keys(i.shape.schedules)) {
		p.schedules[name] = &schedule{i: i, called: name, role: p.role}
		i.add(p.schedules[name], p.group, p.role, p.policy)
		for _, f := range i.functions {
			i.needMore(p.schedules[name], f.alias)
		}
	}
	return p
}
