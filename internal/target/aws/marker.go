package aws

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A marker is a log group that stands for the stack: it is made before all else and
// removed after it, and its tags say of what kind the stack is, whether its creation was
// finished, and what tags the user gave it. A log group, because making one is atomic,
// free of charge and answered in time, as nothing else with tags is. Its lines are the
// history of the stack's releases (release_journal.go).
type marker struct {
	i *inventory
	// kind of the stack, by the marker's tag; empty if there is none.
	kind stack.Kind
	have map[string]string // tags; nil if there is no marker
	tags map[string]string // wanted
}

func (m *marker) name() string    { return "marker" }
func (m *marker) subject() string { return fmt.Sprintf("log group %q", markerGroup(m.i.name)) }
func (m *marker) exists() bool    { return m.have != nil }
func (m *marker) foreign() bool   { return m.exists() && !ours(m.have, m.i.name) }
func (m *marker) wanted() bool    { return m.tags != nil }

// finished tells whether the stack was made by somebody who was not interrupted.
func (m *marker) finished() bool {
	return m.exists() && !m.foreign() && m.have[tagCreation] == string(stack.CreationFinished)
}

func (m *marker) arn() string { return m.i.logGroupARN(markerGroup(m.i.name)) }

func (m *marker) read(ctx context.Context) error {
	tags, err := m.i.logGroupTags(ctx, markerGroup(m.i.name))
	if missing(err) {
		return nil
	}
	if err != nil {
		return about(m, "read", err)
	}
	m.have, m.kind = tags, stack.Kind(tags[tagKind])
	return nil
}

// confirm looks again whether there is a log group at all. A service may answer for a
// group that is gone, or never was, that it has these tags or none.
func (m *marker) confirm(ctx context.Context) error {
	groups, err := m.i.listLogGroups(ctx, markerGroup(m.i.name))
	if _, there := groups[markerGroup(m.i.name)]; err == nil && !there {
		m.have, m.kind = nil, ""
	}
	return err
}

func (m *marker) show(d *stack.Deployment) {
	d.Stack.Tags = m.i.userTags(m.have, d.Stack.Tags)
	if m.finished() {
		d.Creation = stack.CreationFinished
	}
}

func (m *marker) want(s stack.Stack) {
	m.tags = nil
	if len(s.Functions) > 0 || m.exists() {
		m.tags = m.i.tags(s.Name, s.Tags, map[string]string{tagKind: string(s.Trigger.Kind())})
	}
}

func (m *marker) change() tagChange {
	have := map[string]string{}
	for key, value := range m.have {
		if key != tagCreation && key != tagStaging {
			have[key] = value
		}
	}
	return changeTags(have, m.tags)
}

func (m *marker) drift() string { return m.change().String() }

func (m *marker) apply(ctx context.Context) error {
	if m.exists() {
		change := m.change()
		if err := m.i.tagLogs(ctx, m.arn(), change); err != nil {
			return err
		}
		m.have = changed(m.have, change)
		return nil
	}
	tags := changed(m.tags, tagChange{set: map[string]string{tagCreation: string(stack.CreationUnfinished)}})
	have, err := m.i.createLogGroup(ctx, markerGroup(m.i.name), tags)
	if err != nil {
		return err
	}
	m.have = have
	if change := m.change(); !change.empty() {
		return m.apply(ctx)
	}
	return nil
}

// finish says that the stack's creation was finished.
func (m *marker) finish(ctx context.Context) error {
	if m.finished() {
		return nil
	}
	change := tagChange{set: map[string]string{tagCreation: string(stack.CreationFinished)}}
	if err := m.i.tagLogs(ctx, m.arn(), change); err != nil {
		return about(m, "finish", err)
	}
	m.have = changed(m.have, change)
	return nil
}

func (m *marker) remove(ctx context.Context) error {
	_, err := m.i.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(markerGroup(m.i.name))})
	if err == nil || missing(err) {
		m.have = nil
		return nil
	}
	return err
}
