package aws

import (
	"context"
	"maps"
	"slices"
)

// scheduleParts are the components of schedules.
type scheduleParts struct {
	group     component
	role      component
	policy    component
	schedules map[string]component
}

func (i *inventory) addSchedules() *scheduleParts {
	p := &scheduleParts{group: &nothing{"schedule_group"}, role: &nothing{"schedule_role"}, policy: &nothing{"schedule_policy"}, schedules: map[string]component{}}
	i.add(p.group, nil)
	i.add(p.role, nil)
	i.add(p.policy, p.role)
	for _, name := range slices.Sorted(maps.Keys(i.shape.schedules)) {
		p.schedules[name] = &nothing{"schedules/" + name}
		i.add(p.schedules[name], p.group, p.role, p.policy)
		for _, f := range i.functions {
			i.needMore(p.schedules[name], f.alias)
		}
	}
	return p
}

// listSchedules returns the names of the schedules in a stack's group.
func (s *session) listSchedules(context.Context, string) ([]string, error) { return nil, nil }
