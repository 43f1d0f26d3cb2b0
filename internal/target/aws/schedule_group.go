package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"golang.org/x/sync/errgroup"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A scheduleGroup holds the stack's schedules. Schedules have no tags of their own: what
// is in the stack's group is the stack's.
type scheduleGroup struct {
	i    *inventory
	have map[string]string // tags; nil if there is no group
	wish map[string]string // tags
}

// componentScheduleGroup names it in stack.Deployment.Components.
const componentScheduleGroup = "schedule_group"

func (g *scheduleGroup) name() string    { return componentScheduleGroup }
func (g *scheduleGroup) subject() string { return fmt.Sprintf("schedule group %q", g.i.name) }
func (g *scheduleGroup) exists() bool    { return g.have != nil }
func (g *scheduleGroup) foreign() bool   { return g.exists() && !ours(g.have, g.i.name) }
func (g *scheduleGroup) wanted() bool    { return g.wish != nil }

func (p place) scheduleGroupARN(stackName string) string {
	return p.arn("scheduler", "schedule-group/"+stackName)
}

func (g *scheduleGroup) arn() *string { return aws.String(g.i.scheduleGroupARN(g.i.name)) }

func (g *scheduleGroup) read(ctx context.Context) error {
	have, _, err := g.look(ctx)
	g.have = have
	return about(g, "read", err)
}

// look returns the group's tags; nil if it does not exist or is being deleted.
func (g *scheduleGroup) look(ctx context.Context) (tags map[string]string, deleting bool, err error) {
	group, looking := errgroup.WithContext(ctx)
	group.Go(func() error {
		out, err := g.i.scheduler.GetScheduleGroup(looking, &scheduler.GetScheduleGroupInput{Name: aws.String(g.i.name)})
		if err == nil {
			deleting = out.State == types.ScheduleGroupStateDeleting
		}
		return err
	})
	group.Go(func() error {
		out, err := g.i.scheduler.ListTagsForResource(looking, &scheduler.ListTagsForResourceInput{ResourceArn: g.arn()})
		if err != nil {
			return err
		}
		tags = map[string]string{}
		for _, tag := range out.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		return nil
	})
	switch err := group.Wait(); {
	case missing(err):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case deleting:
		return nil, true, nil
	}
	return tags, false, nil
}

func (g *scheduleGroup) show(*stack.Deployment) {}

func (g *scheduleGroup) want(s stack.Stack) {
	g.wish = nil
	if s.Trigger.Schedule == nil {
		return
	}
	g.wish = g.i.tags(g.i.name, s.Tags, nil)
	// Scheduler knows no tags without a value. The stack's marker keeps them.
	maps.DeleteFunc(g.wish, func(_, value string) bool { return value == "" })
}

func (g *scheduleGroup) drift() string { return changeTags(g.have, g.wish).String() }

func (g *scheduleGroup) apply(ctx context.Context) error {
	if !g.exists() {
		if err := g.create(ctx); err != nil {
			return err
		}
	}
	change := changeTags(g.have, g.wish)
	if len(change.set) > 0 {
		if _, err := g.i.scheduler.TagResource(ctx, &scheduler.TagResourceInput{ResourceArn: g.arn(), Tags: scheduleTags(change.set)}); err != nil {
			return err
		}
	}
	if len(change.unset) > 0 {
		if _, err := g.i.scheduler.UntagResource(ctx, &scheduler.UntagResourceInput{ResourceArn: g.arn(), TagKeys: change.unset}); err != nil {
			return err
		}
	}
	g.have = changed(g.have, change)
	return nil
}

// create waits for a group of that name that is being deleted.
func (g *scheduleGroup) create(ctx context.Context) error {
	return g.i.pace.wait(ctx, "an earlier "+g.subject()+" to be deleted", func(ctx context.Context) (bool, error) {
		_, err := g.i.scheduler.CreateScheduleGroup(ctx, &scheduler.CreateScheduleGroupInput{Name: aws.String(g.i.name), Tags: scheduleTags(g.wish)})
		if err == nil {
			g.have = maps.Clone(g.wish)
			return true, nil
		}
		if !conflict(err) {
			return false, err
		}
		have, _, lookErr := g.look(ctx)
		if lookErr != nil || have == nil {
			return false, lookErr
		}
		if g.have = have; g.foreign() {
			return false, &foreignError{g}
		}
		return true, nil
	})
}

// remove returns when the group is gone, with whatever schedules it still had. Scheduler
// refuses the deletion while it works on one of them.
func (g *scheduleGroup) remove(ctx context.Context) error {
	deleting := false
	err := g.i.pace.wait(ctx, g.subject()+" to be deleted", func(ctx context.Context) (bool, error) {
		if !deleting {
			_, err := g.i.scheduler.DeleteScheduleGroup(ctx, &scheduler.DeleteScheduleGroupInput{Name: aws.String(g.i.name)})
			switch {
			case missing(err):
				return true, nil
			case err != nil && !conflict(err):
				return false, err
			}
		}
		out, err := g.i.scheduler.GetScheduleGroup(ctx, &scheduler.GetScheduleGroupInput{Name: aws.String(g.i.name)})
		switch {
		case missing(err):
			return true, nil
		case err != nil:
			return false, err
		}
		deleting = out.State == types.ScheduleGroupStateDeleting
		return false, nil
	})
	if err == nil {
		g.have = nil
	}
	return err
}

func scheduleTags(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

// listSchedules returns the names of the schedules in a stack's group, none if there is
// no such group.
func (s *session) listSchedules(ctx context.Context, group string) ([]string, error) {
	var names []string
	pages := scheduler.NewListSchedulesPaginator(s.scheduler, &scheduler.ListSchedulesInput{GroupName: aws.String(group)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if missing(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("cannot list the schedules in group %q: %w", group, err)
		}
		for _, each := range page.Schedules {
			names = append(names, aws.ToString(each.Name))
		}
	}
	return names, nil
}
