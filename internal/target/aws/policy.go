package aws

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// rolePolicyName names the one policy in each of a stack's roles.
const rolePolicyName = "tidegate"

// maxRolePolicy is how many characters all policies in one role may have together:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const maxRolePolicy = 10240

// A rolePolicy says what a role may do: what its function or its schedules need, and
// no more.
type rolePolicy struct {
	i      *inventory
	called string
	role   *role
	// statements are what a stack needs the role to be allowed.
	statements func(s stack.Stack) []policyStatement
	have, wish *policyDocument
}

// newFunctionPolicy is the policy of a function's role.
func newFunctionPolicy(i *inventory, function string, r *role) *rolePolicy {
	return &rolePolicy{
		i: i, called: functionComponent(function, "policy"), role: r,
		statements: func(s stack.Stack) []policyStatement { return i.functionStatements(s, function) },
	}
}

func (p *rolePolicy) name() string { return p.called }
func (p *rolePolicy) subject() string {
	return fmt.Sprintf("policy %q of role %q", rolePolicyName, p.role.roleName)
}
func (p *rolePolicy) exists() bool  { return p.have != nil }
func (p *rolePolicy) foreign() bool { return false }
func (p *rolePolicy) wanted() bool  { return p.wish != nil }

func (p *rolePolicy) read(ctx context.Context) error {
	out, err := p.i.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &p.role.roleName, PolicyName: aws.String(rolePolicyName)})
	if missing(err) {
		return nil
	}
	if err != nil {
		return about(p, "read", err)
	}
	document, err := parsePolicy(aws.ToString(out.PolicyDocument))
	if err != nil {
		return about(p, "read", err)
	}
	p.have = &document
	return nil
}

func (p *rolePolicy) show(d *stack.Deployment) {
	editFunction(d, p.role.function, func(f *stack.Function, _ *stack.FunctionStatus) {
		if f.RoleARN == "" {
			f.Permissions = p.have.permissions()
		}
	})
}

// want looks at whether the role itself is wanted: without it there is no policy.
func (p *rolePolicy) want(s stack.Stack) {
	p.wish = nil
	if p.role.shape(s) != nil {
		p.wish = &policyDocument{Version: policyVersion, Statements: p.statements(s)}
	}
}

// drift leaves out the user's own permissions, which show as an attribute.
func (p *rolePolicy) drift() string {
	have := *p.have
	if p.i.underWay() != nil {
		have = have.withoutAddedBeyond(*p.wish)
	}
	return have.withoutPermissions().differs(p.wish.withoutPermissions())
}

func (p *rolePolicy) apply(ctx context.Context) error {
	if p.exists() && p.have.String() == p.wish.String() {
		return nil
	}
	if size := p.wish.size(); size > maxRolePolicy {
		return tooLarge(size)
	}
	// IAM may not know everywhere yet of a role that was made just now.
	notYet := func(err error) bool { return p.role.made && missing(err) }
	err := p.i.pace.retry(ctx, notYet, func(ctx context.Context) error {
		_, err := p.i.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
			RoleName: &p.role.roleName, PolicyName: aws.String(rolePolicyName), PolicyDocument: aws.String(p.wish.String()),
		})
		return err
	})
	if err == nil {
		p.have = p.wish
	}
	return err
}

func (p *rolePolicy) remove(ctx context.Context) error {
	_, err := p.i.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &p.role.roleName, PolicyName: aws.String(rolePolicyName)})
	if err == nil || missing(err) {
		p.have = nil
		return nil
	}
	return err
}

func tooLarge(size int) error {
	return fmt.Errorf("what the role may do takes %d characters as a policy, and IAM allows %d; join permissions that have the same actions or "+
		"resources, use wildcards, or give the function a role_arn of your own", size, maxRolePolicy)
}

// checkPolicies finds functions whose policies would be larger than IAM allows.
func (p place) checkPolicies(s stack.Stack) stack.Problems {
	var problems stack.Problems
	for _, name := range s.FunctionNames() {
		if s.Functions[name].RoleARN != "" {
			continue
		}
		document := policyDocument{Version: policyVersion, Statements: p.functionStatements(s, name)}
		if size := document.size(); size > maxRolePolicy {
			problems = append(problems, stack.Problem{
				Paths:   []string{fmt.Sprintf("functions[%q].permissions", name)},
				Message: tooLarge(size).Error(),
			})
		}
	}
	return problems
}

// functionStatements are what a function's role must be allowed, and what the user
// wants it to be allowed.
func (p place) functionStatements(s stack.Stack, function string) []policyStatement {
	f, ok := s.Functions[function]
	if !ok {
		return nil
	}
	statements := []policyStatement{
		allow("Logs", []string{p.logGroupARN(functionLogGroup(s.Name, function)) + ":*"}, "logs:CreateLogStream", "logs:PutLogEvents"),
	}
	if q := s.Trigger.Queue; q != nil && q.Consumer != nil && q.Consumer.Function == function {
		queue := p.queueARN(stack.QueueRef{Stack: s.Name, FIFO: q.FIFO}.Name())
		statements = append(statements, allow("Queue", []string{queue},
			"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"))
	}
	statements = append(statements, destinationStatements(f.Async)...)
	if f.Tracing == "active" {
		statements = append(statements, allow("Tracing", []string{"*"},
			"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"))
	}
	if f.Network != nil {
		// As in AWS's own AWSLambdaVPCAccessExecutionRole. Most of these actions cannot be
		// bound to a resource.
		statements = append(statements, allow("Network", []string{"*"},
			"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
			"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"))
	}
	if f.KMSKeyARN != "" {
		statements = append(statements, allow("Key", []string{f.KMSKeyARN}, "kms:Decrypt"))
	}
	for n, permission := range f.Permissions {
		statements = append(statements, allow(permissionSid+strconv.Itoa(n), permission.Resources, permission.Actions...))
	}
	return statements
}

// destinationStatements let the role send what becomes of asynchronous invocations.
func destinationStatements(a stack.Async) []policyStatement {
	var queues, functions []string
	for _, destination := range []string{a.OnFailure, a.OnSuccess} {
		arn, err := stack.ParseARN(destination)
		switch {
		case err != nil: // There is none.
		case arn.Service == "lambda" && !slices.Contains(functions, destination):
			functions = append(functions, destination)
		case arn.Service == "sqs" && !slices.Contains(queues, destination):
			queues = append(queues, destination)
		}
	}
	var statements []policyStatement
	if len(queues) > 0 {
		statements = append(statements, allow("DestinationQueues", queues, "sqs:SendMessage"))
	}
	if len(functions) > 0 {
		statements = append(statements, allow("DestinationFunctions", functions, "lambda:InvokeFunction"))
	}
	return statements
}

// permissionSid begins the Sids of the user's own permissions; their places follow.
const permissionSid = "Permission"

var permissionSids = regexp.MustCompile("^" + permissionSid + "[0-9]+$")

// isPermission tells whether a statement says what a stack.Permission can say.
func (s policyStatement) isPermission() bool {
	return permissionSids.MatchString(s.Sid) && s.Effect == "Allow" && len(s.Action) > 0 && len(s.Resource) > 0 &&
		len(s.Principal)+len(s.NotPrincipal)+len(s.NotAction)+len(s.NotResource)+len(s.Condition) == 0
}

// permissions are those of the user's own, in their order.
func (d policyDocument) permissions() []stack.Permission {
	own := slices.Clone(d.Statements)
	own = slices.DeleteFunc(own, func(s policyStatement) bool { return !s.isPermission() })
	place := func(s policyStatement) int {
		n, _ := strconv.Atoi(strings.TrimPrefix(s.Sid, permissionSid)) // isPermission saw the digits.
		return n
	}
	slices.SortStableFunc(own, func(a, b policyStatement) int { return place(a) - place(b) })
	var permissions []stack.Permission
	for _, s := range own {
		permissions = append(permissions, stack.Permission{Actions: s.Action, Resources: s.Resource})
	}
	return permissions
}

// withoutPermissions is the document without the user's own permissions.
func (d policyDocument) withoutPermissions() policyDocument {
	d.Statements = slices.DeleteFunc(slices.Clone(d.Statements), policyStatement.isPermission)
	return d
}
