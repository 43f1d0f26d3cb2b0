package aws

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// lookUp returns nil if there is no such role.
func (r *role) lookUp(ctx context.Context) (*roleFacts, error) {
	var have *roleFacts
	var attached map[string]string
	var inline []string
	err := run(ctx, []task{
		{name: "role", do: func(ctx context.Context) (err error) {
			have, err = r.get(ctx)
			return err
		}},
		{name: "attached", do: func(ctx context.Context) (err error) {
			attached, err = r.listAttached(ctx)
			return err
		}},
		{name: "inline", do: func(ctx context.Context) (err error) {
			inline, err = r.listInline(ctx)
			return err
		}},
	})
	if err != nil || have == nil {
		return nil, err
	}
	have.attached, have.inline = attached, inline
	return have, nil
}

var errNoRole = errors.New("the answer has no role; is the endpoint really IAM's?")

// get returns nil if there is no such role.
func (r *role) get(ctx context.Context) (*roleFacts, error) {
	out, err := r.i.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: &r.roleName})
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if out.Role == nil {
		return nil, errNoRole
	}
	document, err := parsePolicy(aws.ToString(out.Role.AssumeRolePolicyDocument))
	if err != nil {
		return nil, err
	}
	facts := &roleFacts{arn: aws.ToString(out.Role.Arn), roleShape: roleShape{trust: document, tags: map[string]string{}}}
	for _, tag := range out.Role.Tags {
		facts.tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	if bound := out.Role.PermissionsBoundary; bound != nil {
		facts.boundary = aws.ToString(bound.PermissionsBoundaryArn)
	}
	return facts, nil
}

// listAttached returns the ARNs of managed policies by name, none if there is no role.
func (r *role) listAttached(ctx context.Context) (map[string]string, error) {
	attached := map[string]string{}
	pages := iam.NewListAttachedRolePoliciesPaginator(r.i.iam, &iam.ListAttachedRolePoliciesInput{RoleName: &r.roleName})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if missing(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, policy := range page.AttachedPolicies {
			attached[aws.ToString(policy.PolicyName)] = aws.ToString(policy.PolicyArn)
		}
	}
	return attached, nil
}

// listInline returns the names of the policies in the role but for its own, none if
// there is no role.
func (r *role) listInline(ctx context.Context) ([]string, error) {
	var inline []string
	pages := iam.NewListRolePoliciesPaginator(r.i.iam, &iam.ListRolePoliciesInput{RoleName: &r.roleName})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if missing(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, name := range page.PolicyNames {
			if name != rolePolicyName {
				inline = append(inline, name)
			}
		}
	}
	return inline, nil
}
