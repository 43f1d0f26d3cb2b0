package aws

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// The Sids of the statements that let somebody invoke a function.
const (
	sidAPI = "tidegate-api"
	// An address that is open to all takes two:
	// https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
	sidURL       = "tidegate-url"
	sidURLInvoke = "tidegate-url-invoke"
)

// gatewayService is API Gateway, in every partition.
const gatewayService = "apigateway.amazonaws.com"

// functionPermissions say who else may invoke a function: the stack's HTTP API, or
// everybody if its address is open to all. They are statements in the policy of the
// alias; the function itself and its versions grant nothing to anybody.
type functionPermissions struct {
	i        *inventory
	function string
	// named is the alias if that is not "live"; the function itself is then left alone.
	named string
	// alias and latest are the statements on the alias and on the function itself.
	alias, latest []policyStatement
	wish          []grant
}

// A grant is a statement that is wanted.
type grant struct {
	sid       string
	principal string
	action    string
	// api lets nobody but the stack's HTTP API use it.
	api bool
	// openURL holds only for an address open to all, viaURL only for calls by way of
	// the address.
	openURL, viaURL bool
}

func (p *functionPermissions) name() string { return functionComponent(p.function, "permissions") }
func (p *functionPermissions) subject() string {
	return fmt.Sprintf("permissions on function %q", p.fullName()+":"+p.qualifier())
}
func (p *functionPermissions) exists() bool      { return len(p.alias)+len(p.latest) > 0 }
func (p *functionPermissions) foreign() bool     { return false }
func (p *functionPermissions) wanted() bool      { return len(p.wish) > 0 }
func (p *functionPermissions) fullName() string  { return stack.FullName(p.i.name, p.function) }
func (p *functionPermissions) qualifier() string { return cmp.Or(p.named, stack.AliasLive) }

func (p *functionPermissions) read(ctx context.Context) error {
	var alias, latest []policyStatement
	err := run(ctx, []task{
		{name: p.qualifier(), do: func(ctx context.Context) (err error) {
			alias, err = p.get(ctx, p.qualifier())
			return err
		}},
		{name: stack.Latest, do: func(ctx context.Context) (err error) {
			if p.named != "" {
				return nil
			}
			latest, err = p.get(ctx, "")
			return err
		}},
	})
	if err != nil {
		return about(p, "read", err)
	}
	p.alias, p.latest = alias, latest
	return nil
}

// get returns the statements on the alias, or on the function itself if the qualifier
// is empty; none if there is no policy.
func (p *functionPermissions) get(ctx context.Context, qualifier string) ([]policyStatement, error) {
	input := &lambda.GetPolicyInput{FunctionName: aws.String(p.fullName())}
	if qualifier != "" {
		input.Qualifier = &qualifier
	}
	out, err := p.i.lambda.GetPolicy(ctx, input)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	document, err := parsePolicy(aws.ToString(out.Policy))
	// What a statement is on is what it names as its resource.
	on := p.i.functionARN(p.fullName(), qualifier)
	return slices.DeleteFunc(document.Statements, func(s policyStatement) bool { return !slices.Contains(s.Resource, on) }), err
}

func (p *functionPermissions) show(*stack.Deployment) {}

func (p *functionPermissions) want(s stack.Stack) {
	p.wish = nil
	f, ok := s.Functions[p.function]
	if !ok {
		return
	}
	called := false
	if h := s.Trigger.HTTPAPI; h != nil {
		for _, route := range h.Routes {
			called = called || invokedBy(route) == p.function
		}
	}
	p.wish = grants("", called, f.URL)
}

// grants are what an alias needs that the stack's HTTP API calls, or that has an address.
// Beside "live" the names of the statements tell which alias it is.
func grants(alias string, called bool, url *stack.FunctionURL) []grant {
	var all []grant
	if called {
		all = append(all, grant{sid: sidAPI, principal: gatewayService, action: "lambda:InvokeFunction", api: true})
	}
	if url != nil && url.Auth == "none" {
		all = append(all,
			grant{sid: sidURL, principal: "*", action: "lambda:InvokeFunctionUrl", openURL: true},
			grant{sid: sidURLInvoke, principal: "*", action: "lambda:InvokeFunction", viaURL: true})
	}
	for n := range all {
		if alias != "" {
			all[n].sid += "-" + alias
		}
	}
	return all
}

// source is the ARN of every stage and route of the stack's HTTP API; empty if there is
// no API yet.
func (p *functionPermissions) source() string {
	if p.i.api == nil {
		return ""
	}
	id := p.i.api.api.id()
	if id == "" {
		return ""
	}
	return p.i.arn("execute-api", id+"/*/*")
}

// input asks Lambda for a grant.
func (p *functionPermissions) input(g grant) *lambda.AddPermissionInput {
	input := &lambda.AddPermissionInput{
		FunctionName: aws.String(p.fullName()), Qualifier: aws.String(p.qualifier()),
		StatementId: &g.sid, Principal: &g.principal, Action: &g.action,
	}
	if g.api {
		input.SourceArn = aws.String(p.source())
	}
	if g.openURL {
		input.FunctionUrlAuthType = types.FunctionUrlAuthTypeNone
	}
	if g.viaURL {
		input.InvokedViaFunctionUrl = aws.Bool(true)
	}
	return input
}

// statement is what Lambda makes of a grant.
func (p *functionPermissions) statement(g grant) policyStatement {
	s := policyStatement{
		Sid: g.sid, Effect: "Allow", Principal: everybody, Action: policyWords{g.action},
		Resource: policyWords{p.i.functionARN(p.fullName(), p.qualifier())},
	}
	if g.principal != "*" {
		s.Principal = principals{"Service": {g.principal}}
	}
	condition := func(operator, key, value string) {
		s.Condition = map[string]map[string]policyWords{operator: {key: {value}}}
	}
	if g.api {
		condition("ArnLike", "AWS:SourceArn", p.source())
	}
	if g.openURL {
		condition("StringEquals", "lambda:FunctionUrlAuthType", string(types.FunctionUrlAuthTypeNone))
	}
	if g.viaURL {
		condition("Bool", "lambda:InvokedViaFunctionUrl", "true")
	}
	return s
}

// granted are the statements that are wanted. While there is no API nobody can say what
// the one for it should be: then it is right as it is.
func (p *functionPermissions) granted() []policyStatement {
	var statements []policyStatement
	for _, g := range p.wish {
		s := p.statement(g)
		if n := slices.IndexFunc(p.alias, sidIs(g.sid)); n >= 0 && g.api && p.source() == "" {
			s = p.alias[n]
		}
		statements = append(statements, s)
	}
	return statements
}

func sidIs(sid string) func(policyStatement) bool {
	return func(s policyStatement) bool { return s.Sid == sid }
}

func (p *functionPermissions) drift() string {
	var said remarks
	said.add(policyDocument{Statements: p.alias}.differs(policyDocument{Statements: p.granted()}))
	for _, s := range p.latest {
		said.addIf(true, "the function itself has the statement%s, which the alias alone should have", called(s))
	}
	return said.String()
}

// apply takes back what is too much before it grants anything: a statement cannot be
// changed.
func (p *functionPermissions) apply(ctx context.Context) error {
	wish := p.granted()
	right := func(s policyStatement) bool {
		return slices.ContainsFunc(wish, func(w policyStatement) bool { return w.Sid == s.Sid && w.meaning() == s.meaning() })
	}
	if err := p.revoke(ctx, func(s policyStatement) bool { return !right(s) }); err != nil {
		return err
	}
	for n, g := range p.wish {
		if slices.ContainsFunc(p.alias, sidIs(g.sid)) {
			continue
		}
		if err := p.grant(ctx, g); err != nil {
			return err
		}
		p.alias = append(p.alias, wish[n])
	}
	return nil
}

// grant adds a statement. One of that name that is there already comes from an attempt
// whose answer was lost, or from somebody else at this moment: it is replaced.
func (p *functionPermissions) grant(ctx context.Context, g grant) error {
	return p.i.pace.retry(ctx, early, func(ctx context.Context) error {
		_, err := p.i.lambda.AddPermission(ctx, p.input(g))
		if !says(err, "ResourceConflictException", "already exists") {
			return err
		}
		if err := p.removeStatement(ctx, g.sid, p.qualifier()); err != nil {
			return err
		}
		_, err = p.i.lambda.AddPermission(ctx, p.input(g))
		return err
	})
}

// remove leaves it to the deletion of the function if that goes as well.
func (p *functionPermissions) remove(ctx context.Context) error {
	if p.i.keepsFunction(p.function) {
		return p.revoke(ctx, func(policyStatement) bool { return true })
	}
	p.alias, p.latest = nil, nil
	return nil
}

// revoke removes statements from the alias, and all that are on the function itself.
func (p *functionPermissions) revoke(ctx context.Context, wrong func(policyStatement) bool) error {
	for _, s := range slices.Clone(p.alias) {
		if !wrong(s) {
			continue
		}
		if err := p.removeStatement(ctx, s.Sid, p.qualifier()); err != nil {
			return err
		}
		p.alias = slices.DeleteFunc(p.alias, sidIs(s.Sid))
	}
	for len(p.latest) > 0 {
		if err := p.removeStatement(ctx, p.latest[0].Sid, ""); err != nil {
			return err
		}
		p.latest = p.latest[1:]
	}
	return nil
}

// removeStatement takes away a statement of the alias, or of the function itself if the
// qualifier is empty.
func (p *functionPermissions) removeStatement(ctx context.Context, sid, qualifier string) error {
	input := &lambda.RemovePermissionInput{FunctionName: aws.String(p.fullName()), StatementId: &sid}
	if qualifier != "" {
		input.Qualifier = &qualifier
	}
	err := p.i.pace.retry(ctx, busy, func(ctx context.Context) error {
		_, err := p.i.lambda.RemovePermission(ctx, input)
		return err
	})
	if missing(err) {
		return nil
	}
	return err
}
