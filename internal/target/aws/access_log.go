package aws

import (
	"context"
	"fmt"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// An accessLog is the log group that takes a line for each request to an HTTP API. The
// format of the lines is a matter of the stage.
type accessLog struct {
	i          *inventory
	have, wish *logGroupFacts
}

// accessLogGroup names the log group. What begins like this shares one entry of the
// account's resource policy for logs, which has little room.
func accessLogGroup(stackName string) string { return "/aws/vendedlogs/tidegate/" + stackName }

// accessLogARN is the access log's as a stage names it.
func accessLogARN(i *inventory) string { return i.logGroupARN(accessLogGroup(i.name)) }

// explainLog says what to do where API Gateway cannot have the access log written. Its
// own words are the same for whoever may not and for a resource policy that is full:
// https://github.com/anomalyco/sst/issues/125
func explainLog(err error) error {
	const code, policy = "BadRequestException", "AWSLogDeliveryWrite20150319"
	switch {
	case says(err, code, "Insufficient permissions to enable logging"):
		return fmt.Errorf("the access log cannot be switched on; give whoever applies the permissions for log deliveries that are listed in %s and, "+
			"if they have them, take log groups that are gone out of the resource policy %s of CloudWatch Logs: %w", guide, policy, err)
	case says(err, code, "Policy document length"):
		return fmt.Errorf("the access log cannot be switched on, for the resource policy %s of CloudWatch Logs is full; "+
			"take log groups that are gone out of it: %w", policy, err)
	}
	return err
}

func (l *accessLog) name() string    { return "access_log" }
func (l *accessLog) subject() string { return fmt.Sprintf("log group %q", accessLogGroup(l.i.name)) }
func (l *accessLog) exists() bool    { return l.have != nil }
func (l *accessLog) foreign() bool   { return l.exists() && !ours(l.have.tags, l.i.name) }
func (l *accessLog) wanted() bool    { return l.wish != nil }

// read asks for the tags first, since most APIs have no access log and that settles it.
func (l *accessLog) read(ctx context.Context) error {
	group := accessLogGroup(l.i.name)
	tags, err := l.i.logGroupTags(ctx, group)
	if missing(err) {
		return nil
	}
	if err != nil {
		return about(l, "read", err)
	}
	groups, err := l.i.listLogGroups(ctx, group)
	if err != nil {
		return err
	}
	if facts, ok := groups[group]; ok {
		facts.tags = tags
		l.have = &facts
	}
	return nil
}

// show is called after that of the stage. A log group that nothing writes to, and that
// the stack did not have before, is left over.
func (l *accessLog) show(d *stack.Deployment) {
	editAPI(d, func(h *stack.HTTPAPI) {
		if h.AccessLog != nil {
			h.AccessLog = &stack.AccessLog{Format: h.AccessLog.Format, RetentionDays: l.have.retention}
		}
	})
}

func (l *accessLog) want(s stack.Stack) {
	l.wish = nil
	if h := s.Trigger.HTTPAPI; h != nil && h.AccessLog != nil {
		l.wish = &logGroupFacts{retention: h.AccessLog.RetentionDays, tags: l.i.tags(l.i.name, s.Tags, nil)}
	}
}

func (l *accessLog) drift() string { return changeTags(l.have.tags, l.wish.tags).String() }

func (l *accessLog) apply(ctx context.Context) error {
	have, err := l.i.applyLogGroup(ctx, accessLogGroup(l.i.name), l.have, *l.wish)
	l.have = have
	return err
}

func (l *accessLog) remove(ctx context.Context) error {
	err := l.i.removeLogGroup(ctx, accessLogGroup(l.i.name))
	if err == nil {
		l.have = nil
	}
	return err
}
