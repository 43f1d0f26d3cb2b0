package aws

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
)

// fakeLogs keeps log groups in memory, and fails where it is told to.
type fakeLogs struct {
	mu     sync.Mutex
	groups map[string]*logGroupFacts
	// streams of all groups, by group and name, with their lines.
	streams map[string][]string
	// fail names calls that are refused; calls has those made.
	fail  map[string]error
	calls []string
}

// newPlace is a session in which only logs are there to be called.
func newPlace(groups map[string]*logGroupFacts) (*session, *fakeLogs) {
	logs := &fakeLogs{groups: map[string]*logGroupFacts{}, fail: map[string]error{}}
	maps.Copy(logs.groups, groups)
	return &session{
		place:   place{partition: "aws", domain: "amazonaws.com", region: "eu-central-1", account: "111111111111"},
		clients: clients{logs: logs}, pace: standardPace,
	}, logs
}

// call notes a call, and finds its log group by name or ARN.
func (l *fakeLogs) call(name string, group *string, must bool) (*logGroupFacts, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := aws.ToString(group)
	if _, after, ok := strings.Cut(key, ":log-group:"); ok {
		key = after
	}
	l.calls = append(l.calls, name+" "+key)
	if err := l.fail[name]; err != nil {
		return nil, err
	}
	found, ok := l.groups[key]
	if must && !ok {
		return nil, &types.ResourceNotFoundException{Message: aws.String("The specified log group does not exist.")}
	}
	return found, nil
}

func (l *fakeLogs) CreateLogGroup(_ context.Context, in *cloudwatchlogs.CreateLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	found, err := l.call("CreateLogGroup", in.LogGroupName, false)
	if err == nil && found != nil {
		err = &types.ResourceAlreadyExistsException{Message: aws.String("The specified log group already exists")}
	}
	if err == nil {
		l.mu.Lock()
		l.groups[*in.LogGroupName] = &logGroupFacts{tags: maps.Clone(in.Tags)}
		l.mu.Unlock()
	}
	return &cloudwatchlogs.CreateLogGroupOutput{}, err
}

func (l *fakeLogs) DeleteLogGroup(_ context.Context, in *cloudwatchlogs.DeleteLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteLogGroupOutput, error) {
	_, err := l.call("DeleteLogGroup", in.LogGroupName, true)
	if err == nil {
		l.mu.Lock()
		delete(l.groups, *in.LogGroupName)
		l.mu.Unlock()
	}
	return &cloudwatchlogs.DeleteLogGroupOutput{}, err
}

func (l *fakeLogs) DeleteRetentionPolicy(_ context.Context, in *cloudwatchlogs.DeleteRetentionPolicyInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteRetentionPolicyOutput, error) {
	found, err := l.call("DeleteRetentionPolicy", in.LogGroupName, true)
	if err == nil {
		found.retention = 0
	}
	return &cloudwatchlogs.DeleteRetentionPolicyOutput{}, err
}

func (l *fakeLogs) PutRetentionPolicy(_ context.Context, in *cloudwatchlogs.PutRetentionPolicyInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	found, err := l.call("PutRetentionPolicy", in.LogGroupName, true)
	if err == nil {
		found.retention = int(*in.RetentionInDays)
	}
	return &cloudwatchlogs.PutRetentionPolicyOutput{}, err
}

// DescribeLogGroups answers in pages of one.
func (l *fakeLogs) DescribeLogGroups(_ context.Context, in *cloudwatchlogs.DescribeLogGroupsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	if _, err := l.call("DescribeLogGroups", in.LogGroupNamePrefix, false); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	out := &cloudwatchlogs.DescribeLogGroupsOutput{}
	for _, name := range slices.Sorted(maps.Keys(l.groups)) {
		if !strings.HasPrefix(name, aws.ToString(in.LogGroupNamePrefix)) || name <= aws.ToString(in.NextToken) {
			continue
		}
		if len(out.LogGroups) > 0 {
			out.NextToken = out.LogGroups[0].LogGroupName
			break
		}
		g := types.LogGroup{LogGroupName: aws.String(name)}
		if days := l.groups[name].retention; days > 0 {
			g.RetentionInDays = aws.Int32(int32(days))
		}
		out.LogGroups = append(out.LogGroups, g)
	}
	return out, nil
}

func (l *fakeLogs) ListTagsForResource(_ context.Context, in *cloudwatchlogs.ListTagsForResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.ListTagsForResourceOutput, error) {
	found, err := l.call("ListTagsForResource", in.ResourceArn, true)
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.ListTagsForResourceOutput{Tags: maps.Clone(found.tags)}, nil
}

func (l *fakeLogs) TagResource(_ context.Context, in *cloudwatchlogs.TagResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.TagResourceOutput, error) {
	found, err := l.call("TagResource", in.ResourceArn, true)
	if err == nil {
		found.tags = changed(found.tags, tagChange{set: in.Tags})
	}
	return &cloudwatchlogs.TagResourceOutput{}, err
}

func (l *fakeLogs) UntagResource(_ context.Context, in *cloudwatchlogs.UntagResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.UntagResourceOutput, error) {
	found, err := l.call("UntagResource", in.ResourceArn, true)
	if err == nil {
		found.tags = changed(found.tags, tagChange{unset: in.TagKeys})
	}
	return &cloudwatchlogs.UntagResourceOutput{}, err
}

// CreateLogStream makes a stream, once.
func (l *fakeLogs) CreateLogStream(_ context.Context, in *cloudwatchlogs.CreateLogStreamInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	if _, err := l.call("CreateLogStream", in.LogGroupName, true); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := *in.LogGroupName + " " + *in.LogStreamName
	if _, ok := l.streams[key]; ok {
		return nil, &types.ResourceAlreadyExistsException{Message: aws.String("The specified log stream already exists")}
	}
	if l.streams == nil {
		l.streams = map[string][]string{}
	}
	l.streams[key] = nil
	return &cloudwatchlogs.CreateLogStreamOutput{}, nil
}

// PutLogEvents adds lines to a stream that exists.
func (l *fakeLogs) PutLogEvents(_ context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	if _, err := l.call("PutLogEvents", in.LogGroupName, true); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := *in.LogGroupName + " " + *in.LogStreamName
	if _, ok := l.streams[key]; !ok {
		return nil, &types.ResourceNotFoundException{Message: aws.String("The specified log stream does not exist.")}
	}
	for _, event := range in.LogEvents {
		l.streams[key] = append(l.streams[key], *event.Message)
	}
	return &cloudwatchlogs.PutLogEventsOutput{}, nil
}

// GetLogEvents answers from the newest line on backwards, in pages of one, with an empty
// one between them, as AWS may.
func (l *fakeLogs) GetLogEvents(_ context.Context, in *cloudwatchlogs.GetLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error) {
	if _, err := l.call("GetLogEvents", in.LogGroupName, true); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	lines, ok := l.streams[*in.LogGroupName+" "+*in.LogStreamName]
	if !ok {
		return nil, &types.ResourceNotFoundException{Message: aws.String("The specified log stream does not exist.")}
	}
	at := 2 * len(lines)
	if in.NextToken != nil {
		at, _ = strconv.Atoi(*in.NextToken)
	}
	out := &cloudwatchlogs.GetLogEventsOutput{NextBackwardToken: aws.String(strconv.Itoa(max(0, at-1)))}
	if at > 0 && at%2 == 0 {
		out.Events = []types.OutputLogEvent{{Message: &lines[at/2-1]}}
	}
	return out, nil
}

// errNo is an answer that no later attempt changes.
var errNo = &smithy.OperationError{ServiceID: "CloudWatch Logs", OperationName: "X", Err: &smithy.GenericAPIError{Code: "InvalidParameterException", Message: "no"}}

// made are the calls so far that change something, which are forgotten.
func (l *fakeLogs) made(t *testing.T) []string {
	t.Helper()
	var changing []string
	for _, call := range l.calls {
		if !strings.HasPrefix(call, "List") && !strings.HasPrefix(call, "Describe") {
			changing = append(changing, call)
		}
	}
	l.calls = nil
	return changing
}
