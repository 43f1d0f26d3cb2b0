package aws

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// china is a session of another partition than AWS's first.
func china() *session {
	return &session{place: place{partition: "aws-cn", domain: "amazonaws.com.cn", region: "cn-north-1", account: "123456789012"}, pace: quickPace}
}

// oneFunction is a stack with a queue and a function "fulfil" that consumes it.
func oneFunction(edit func(f *stack.Function)) stack.Stack {
	q, consumer := stack.NewQueue(), stack.NewConsumer()
	consumer.Function = "fulfil"
	q.Consumer = &consumer
	f := stack.NewFunction()
	if edit != nil {
		edit(&f)
	}
	return stack.Stack{
		Name: "orders", Trigger: stack.Trigger{Queue: &q}, Tags: map[string]string{"team": "shop"},
		Functions: map[string]stack.Function{"fulfil": f, "audit": stack.NewFunction()},
	}
}

func TestRoleMayDoWhatItsFunctionNeedsAndNoMore(t *testing.T) {
	logs := func(function string) string {
		return `{"Sid":"Logs","Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws-cn:logs:cn-north-1:123456789012:log-group:/aws/lambda/orders-` + function + `:*"}`
	}
	const queue = `{"Sid":"Queue","Effect":"Allow","Action":["sqs:ReceiveMessage","sqs:DeleteMessage","sqs:GetQueueAttributes","sqs:ChangeMessageVisibility"],"Resource":"arn:aws-cn:sqs:cn-north-1:123456789012:orders"}`
	for name, c := range map[string]struct {
		function string
		edit     func(f *stack.Function)
		fifo     bool
		want     []string
	}{
		"a function that nothing invokes": {function: "audit", want: []string{logs("audit")}},
		"a consumer":                      {function: "fulfil", want: []string{logs("fulfil"), queue}},
		"a consumer of a FIFO queue":      {function: "fulfil", fifo: true, want: []string{logs("fulfil"), strings.Replace(queue, ":orders", ":orders.fifo", 1)}},
		"a function with everything": {
			function: "fulfil",
			edit: func(f *stack.Function) {
				f.Async.OnFailure = "arn:aws-cn:sqs:cn-north-1:123456789012:failed"
				f.Async.OnSuccess = "arn:aws-cn:lambda:cn-north-1:123456789012:function:orders-audit:live"
				f.Tracing, f.Network, f.KMSKeyARN = "active", &stack.Network{}, "arn:aws-cn:kms:cn-north-1:123456789012:key/1234"
				f.Permissions = []stack.Permission{
					{Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws-cn:s3:::b/*", "arn:aws-cn:s3:::a/*"}},
					{Actions: []string{"*"}, Resources: []string{"*"}},
				}
			},
			want: []string{
				logs("fulfil"), queue,
				`{"Sid":"DestinationQueues","Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws-cn:sqs:cn-north-1:123456789012:failed"}`,
				`{"Sid":"DestinationFunctions","Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"arn:aws-cn:lambda:cn-north-1:123456789012:function:orders-audit:live"}`,
				`{"Sid":"Tracing","Effect":"Allow","Action":["xray:PutTraceSegments","xray:PutTelemetryRecords","xray:GetSamplingRules","xray:GetSamplingTargets"],"Resource":"*"}`,
				`{"Sid":"Network","Effect":"Allow","Action":["ec2:CreateNetworkInterface","ec2:DescribeNetworkInterfaces","ec2:DescribeSubnets","ec2:DeleteNetworkInterface","ec2:AssignPrivateIpAddresses","ec2:UnassignPrivateIpAddresses"],"Resource":"*"}`,
				`{"Sid":"Key","Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws-cn:kms:cn-north-1:123456789012:key/1234"}`,
				`{"Sid":"Permission0","Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws-cn:s3:::b/*","arn:aws-cn:s3:::a/*"]}`,
				`{"Sid":"Permission1","Effect":"Allow","Action":"*","Resource":"*"}`,
			},
		},
		"both destinations the same": {
			function: "audit",
			edit: func(f *stack.Function) {
				f.Async.OnFailure = "arn:aws-cn:sqs:cn-north-1:123456789012:done"
				f.Async.OnSuccess = f.Async.OnFailure
			},
			want: []string{logs("audit")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := oneFunction(c.edit)
			s.Trigger.Queue.FIFO = c.fifo
			var got []string
			for _, statement := range china().functionStatements(s, c.function) {
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(policyDocument{Statements: []policyStatement{statement}}.String(), `{"Statement":[`), "]}"))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("the statements are not as they should be (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDestinationOfBothKindsIsNamedOnce(t *testing.T) {
	const queue = "arn:aws:sqs:us-east-1:123456789012:done"
	want := []policyStatement{allow("DestinationQueues", []string{queue}, "sqs:SendMessage")}
	if diff := cmp.Diff(want, destinationStatements(stack.Async{OnFailure: queue, OnSuccess: queue})); diff != "" {
		t.Error(diff)
	}
}

// describePolicy is what a policy, as it is read, says of a stack.
func describePolicy(t *testing.T, text string, s stack.Stack) (stack.Function, string) {
	t.Helper()
	i := newInventory(china(), shapeOf(s))
	f := i.functions["fulfil"]
	f.role.have = &roleFacts{roleShape: *f.role.shape(s), arn: f.role.arn()}
	document, err := parsePolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	f.policy.have = &document
	s.Functions = maps.Clone(s.Functions)
	d := &stack.Deployment{Stack: s, Functions: map[string]stack.FunctionStatus{}}
	f.policy.show(d)
	f.policy.want(d.Stack)
	return d.Stack.Functions["fulfil"], state(f.policy)
}

func TestPermissionsAreReadBackUnchangedAndInOrder(t *testing.T) {
	var permissions []stack.Permission
	for n := range 12 { // From ten on, the order of the Sids is not that of the numbers.
		permissions = append(permissions, stack.Permission{
			Actions:   []string{fmt.Sprintf("sqs:Action%d", 12-n), "sqs:A", "SQS:a"},
			Resources: []string{"arn:aws-cn:sqs:*:*:z", "arn:aws-cn:sqs:*:*:<a&b>", "arn:aws-cn:sqs:*:*:z"},
		})
	}
	s := oneFunction(func(f *stack.Function) { f.Permissions = permissions })
	document := policyDocument{Version: policyVersion, Statements: china().functionStatements(s, "fulfil")}
	f, is := describePolicy(t, document.String(), oneFunction(nil))
	if diff := cmp.Diff(permissions, f.Permissions); diff != "" {
		t.Errorf("the permissions are not as they were (-want +got):\n%s", diff)
	}
	if is != stack.Ready {
		t.Errorf("the component is %q", is)
	}
}

func TestDriftOfAPolicyIsNamed(t *testing.T) {
	s := oneFunction(func(f *stack.Function) {
		f.Permissions = []stack.Permission{{Actions: []string{"sqs:A"}, Resources: []string{"*"}}, {Actions: []string{"sqs:B"}, Resources: []string{"*"}}}
	})
	b := stack.Permission{Actions: []string{"sqs:B"}, Resources: []string{"*"}}
	for name, c := range map[string]struct {
		edit        func(statements []policyStatement) []policyStatement
		permissions []stack.Permission
		state       string
	}{
		"a statement is gone": {
			func(st []policyStatement) []policyStatement { return st[1:] }, s.Functions["fulfil"].Permissions, "its statement Logs is missing",
		},
		"a statement was widened": {
			func(st []policyStatement) []policyStatement { st[1].Action = policyWords{"sqs:*"}; return st },
			s.Functions["fulfil"].Permissions, "its statement Queue differs",
		},
		"one was added": {
			func(st []policyStatement) []policyStatement {
				return append(st, allow("Admin", []string{"*"}, "*"))
			},
			s.Functions["fulfil"].Permissions, "it has a further statement Admin",
		},
		"a permission is gone": {
			func(st []policyStatement) []policyStatement { return append(st[:2:2], st[3]) }, []stack.Permission{b}, stack.Ready,
		},
		"a permission was bound to a condition": {
			func(st []policyStatement) []policyStatement {
				st[2].Condition = map[string]map[string]policyWords{"Bool": {"aws:SecureTransport": {"true"}}}
				return st
			},
			[]stack.Permission{b},
			"it has a further statement Permission0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			statements := c.edit(china().functionStatements(s, "fulfil"))
			f, is := describePolicy(t, policyDocument{Version: policyVersion, Statements: statements}.String(), s)
			if diff := cmp.Diff(c.permissions, f.Permissions); diff != "" {
				t.Errorf("the permissions are not as they should be (-want +got):\n%s", diff)
			}
			if is != c.state {
				t.Errorf("the component is %q, want %q", is, c.state)
			}
		})
	}
}

func TestPolicyThatIAMWouldRefuseIsRefusedBeforeAnythingIsChanged(t *testing.T) {
	many := func(n int) []stack.Permission {
		var permissions []stack.Permission
		for range n {
			permissions = append(permissions, stack.Permission{Actions: []string{"dynamodb:PutItem"}, Resources: []string{"arn:aws-cn:dynamodb:cn-north-1:123456789012:table/orders"}})
		}
		return permissions
	}
	s := oneFunction(func(f *stack.Function) { f.Permissions = many(66) })
	if problems := china().checkPolicies(s); len(problems) > 0 {
		t.Errorf("66 permissions, which fit, are refused: %v", problems)
	}
	s = oneFunction(func(f *stack.Function) { f.Permissions = many(80) })
	problems := china().checkPolicies(s)
	if len(problems) != 1 || problems[0].Paths[0] != `functions["fulfil"].permissions` || !strings.Contains(problems[0].Message, "IAM allows 10240") {
		t.Errorf("the problems are %v", problems)
	}
	i := newInventory(china(), shapeOf(s))
	i.iam = refusingIAM{}
	i.want(s)
	if err := i.functions["fulfil"].policy.apply(t.Context()); err == nil || errors.Is(err, errRefused) || !strings.Contains(err.Error(), "IAM allows 10240") {
		t.Errorf("the error is %v", err)
	}
	s.Functions["fulfil"] = stack.Function{Config: stack.Config{RoleARN: "arn:aws-cn:iam::123456789012:role/own"}}
	if problems := china().checkPolicies(s); len(problems) > 0 {
		t.Errorf("a function with a role of the user's own has the problems %v", problems)
	}
}
