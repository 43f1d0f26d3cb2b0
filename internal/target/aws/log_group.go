package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A logGroup takes the lines of one function. It is made before the function, since
// Lambda would make one without tags and retention, and the function's role may not.
// The log groups are also how the functions of a stack are found again.
type logGroup struct {
	i        *inventory
	function string
	have     *logGroupFacts
	wish     *logGroupFacts
}

// logGroupFacts are what there is to know of a log group.
type logGroupFacts struct {
	// retention in days; 0 is for ever.
	retention int
	tags      map[string]string
}

func (g *logGroup) name() string    { return functionComponent(g.function, "log_group") }
func (g *logGroup) group() string   { return functionLogGroup(g.i.name, g.function) }
func (g *logGroup) subject() string { return fmt.Sprintf("log group %q", g.group()) }
func (g *logGroup) exists() bool    { return g.have != nil }
func (g *logGroup) foreign() bool   { return g.exists() && !ours(g.have.tags, g.i.name) }
func (g *logGroup) wanted() bool    { return g.wish != nil }

func (g *logGroup) read(ctx context.Context) error {
	facts, ok := g.i.logGroups[g.group()]
	if !ok {
		return nil
	}
	tags, err := g.i.logGroupTags(ctx, g.group())
	if missing(err) {
		return nil // Deleted just now.
	}
	if err != nil {
		return about(g, "read", err)
	}
	facts.tags = tags
	g.have = &facts
	return nil
}

func (g *logGroup) show(d *stack.Deployment) {
	editFunction(d, g.function, func(f *stack.Function, _ *stack.FunctionStatus) { f.Logs.RetentionDays = g.have.retention })
}

func (g *logGroup) want(s stack.Stack) {
	g.wish = nil
	if f, ok := s.Functions[g.function]; ok {
		g.wish = &logGroupFacts{retention: f.Logs.RetentionDays, tags: g.i.functionTags(s, g.function)}
	}
}

func (g *logGroup) drift() string { return changeTags(g.have.tags, g.wish.tags).String() }

func (g *logGroup) apply(ctx context.Context) error {
	have, err := g.i.applyLogGroup(ctx, g.group(), g.have, *g.wish)
	g.have = have
	return err
}

func (g *logGroup) remove(ctx context.Context) error {
	err := g.i.removeLogGroup(ctx, g.group())
	if err == nil {
		g.have = nil
	}
	return err
}

// applyLogGroup makes a log group what is wanted and returns what there is then,
// also when it fails. have is nil for a log group that does not exist.
func (s *session) applyLogGroup(ctx context.Context, group string, have *logGroupFacts, want logGroupFacts) (*logGroupFacts, error) {
	if have == nil {
		tags, err := s.createLogGroup(ctx, group, want.tags)
		if err != nil {
			return nil, err
		}
		have = &logGroupFacts{tags: tags}
	}
	change := changeTags(have.tags, want.tags)
	if err := s.tagLogs(ctx, s.logGroupARN(group), change); err != nil {
		return have, err
	}
	have.tags = changed(have.tags, change)
	if have.retention == want.retention {
		return have, nil
	}
	var err error
	if want.retention == 0 {
		_, err = s.logs.DeleteRetentionPolicy(ctx, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: aws.String(group)})
	} else {
		_, err = s.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{
			LogGroupName: aws.String(group), RetentionInDays: aws.Int32(int32(want.retention)),
		})
	}
	if err == nil {
		have.retention = want.retention
	}
	return have, err
}

// createLogGroup returns the tags of what is there then. That is already there what an
// attempt made whose answer got lost is no error.
func (s *session) createLogGroup(ctx context.Context, group string, tags map[string]string) (map[string]string, error) {
	_, err := s.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(group), Tags: tags})
	if !hasCode(err, "ResourceAlreadyExistsException") {
		return tags, err
	}
	have, err := s.logGroupTags(ctx, group)
	if err == nil && !ours(have, tags[tagStack]) {
		err = errors.New("somebody else made one of that name meanwhile; delete it or choose another name")
	}
	return have, err
}

// removeLogGroup deletes a log group, and succeeds if it is gone already.
func (s *session) removeLogGroup(ctx context.Context, group string) error {
	_, err := s.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(group)})
	if missing(err) {
		return nil
	}
	return err
}

// listLogGroups returns the log groups whose names begin like that, without their tags.
func (s *session) listLogGroups(ctx context.Context, prefix string) (map[string]logGroupFacts, error) {
	found := map[string]logGroupFacts{}
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(s.logs, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("cannot list the log groups that begin with %s: %w", prefix, err)
		}
		for _, g := range page.LogGroups {
			found[aws.ToString(g.LogGroupName)] = logGroupFacts{retention: int(aws.ToInt32(g.RetentionInDays))}
		}
	}
	return found, nil
}

// logGroupTags never returns nil without an error.
func (s *session) logGroupTags(ctx context.Context, group string) (map[string]string, error) {
	out, err := s.logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String(s.logGroupARN(group))})
	if err != nil {
		return nil, err
	}
	return changed(out.Tags, tagChange{}), nil
}

// tagLogs changes the tags of a log group. It removes some before it sets others, of
// which there can be fifty.
func (s *session) tagLogs(ctx context.Context, arn string, change tagChange) error {
	if len(change.unset) > 0 {
		if _, err := s.logs.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: aws.String(arn), TagKeys: change.unset}); err != nil {
			return err
		}
	}
	if len(change.set) > 0 {
		if _, err := s.logs.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: aws.String(arn), Tags: change.set}); err != nil {
			return err
		}
	}
	return nil
}

// changed returns tags after a change; the result is never nil.
func changed(tags map[string]string, change tagChange) map[string]string {
	after := maps.Clone(tags)
	if after == nil {
		after = map[string]string{}
	}
	maps.Copy(after, change.set)
	for _, key := range change.unset {
		delete(after, key)
	}
	return after
}
