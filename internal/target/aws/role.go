package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// lambdaService is who takes on a function's role, in every partition.
const lambdaService = "lambda.amazonaws.com"

// A role is what something of the stack's may be: a function, or the schedules that
// invoke the functions. What it may do is in its one policy (see rolePolicy). The role
// is all Tidegate's, so whatever else is attached to it is drift.
type role struct {
	i        *inventory
	called   string
	roleName string
	// function whose role it is; empty if it is none's.
	function string
	// shape takes from a stack what the role should be; nil if it has none.
	shape func(s stack.Stack) *roleShape
	have  *roleFacts
	wish  *roleShape
	// made by this operation, so that IAM may not know it everywhere yet.
	made bool
}

// A roleShape is what a role should be.
type roleShape struct {
	trust policyDocument
	tags  map[string]string
}

// roleFacts are what there is to know of a role.
type roleFacts struct {
	roleShape
	arn string
	// boundary is the ARN of the policy that bounds what the role may do; empty if none
	// does.
	boundary string
	// attached are the managed policies, the ARN by name, and inline the names of those
	// in the role beside rolePolicyName.
	attached map[string]string
	inline   []string
}

// newFunctionRole is the role of a function that names none of the user's own.
func newFunctionRole(i *inventory, function string) *role {
	r := &role{i: i, called: functionComponent(function, "role"), roleName: i.roleName(i.name, function), function: function}
	r.shape = func(s stack.Stack) *roleShape {
		f, ok := s.Functions[function]
		if !ok || f.RoleARN != "" {
			return nil
		}
		return &roleShape{trust: trust(lambdaService, nil), tags: i.functionTags(s, function)}
	}
	return r
}

func (r *role) name() string { return r.called }
func (r *role) exists() bool { return r.have != nil }
func (r *role) wanted() bool { return r.wish != nil }

func (r *role) subject() string {
	if r.exists() && !r.inPlace() {
		return fmt.Sprintf("role %q that is not in the path %s", r.roleName, rolePath(r.i.name))
	}
	return fmt.Sprintf("role %q", r.roleName)
}

// foreign is also what has another path, which cannot be changed.
func (r *role) foreign() bool { return r.exists() && !(ours(r.have.tags, r.i.name) && r.inPlace()) }

// inPlace tells whether a role that exists has the path of the stack's roles.
func (r *role) inPlace() bool {
	return r.have.arn == r.i.roleARN(rolePath(r.i.name), r.roleName)
}

// arn that the role has, or will have.
func (r *role) arn() string {
	if r.exists() {
		return r.have.arn
	}
	return r.i.roleARN(rolePath(r.i.name), r.roleName)
}

func (r *role) read(ctx context.Context) error {
	have, err := r.lookUp(ctx)
	r.have = have
	return about(r, "read", err)
}

func (r *role) show(d *stack.Deployment) {
	editFunction(d, r.function, func(f *stack.Function, status *stack.FunctionStatus) {
		if f.RoleARN == "" {
			status.RoleARN = r.have.arn
		}
	})
}

func (r *role) want(s stack.Stack) { r.wish = r.shape(s) }

func (r *role) drift() string {
	var said remarks
	said.add(changeTags(r.have.tags, r.wish.tags).String())
	differs := r.have.trust.differs(r.wish.trust)
	said.addIf(differs != "", "its trust policy was changed: %s", differs)
	said.addIf(r.have.boundary != "", "it has the permissions boundary %s", r.have.boundary)
	for _, name := range slices.Sorted(maps.Keys(r.have.attached)) {
		said.addIf(true, "it has the further policy %s attached", name)
	}
	for _, name := range r.have.inline {
		said.addIf(true, "it has the further policy %s", name)
	}
	return said.String()
}

func (r *role) apply(ctx context.Context) error {
	if !r.exists() {
		if err := r.make(ctx); err != nil {
			return err
		}
	}
	if change := changeTags(r.have.tags, r.wish.tags); !change.empty() {
		if err := r.retag(ctx, change); err != nil {
			return err
		}
		r.have.tags = changed(r.have.tags, change)
	}
	if err := r.trustAgain(ctx); err != nil {
		return err
	}
	if r.have.boundary != "" {
		_, err := r.i.iam.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: &r.roleName})
		if err != nil && !missing(err) {
			return err
		}
		r.have.boundary = ""
	}
	return r.strip(ctx)
}

// trustAgain repairs who may take on the role.
func (r *role) trustAgain(ctx context.Context) error {
	if r.have.trust.differs(r.wish.trust) == "" {
		return nil
	}
	_, err := r.i.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
		RoleName: &r.roleName, PolicyDocument: aws.String(r.wish.trust.String()),
	})
	if err == nil {
		r.have.trust = r.wish.trust
	}
	return err
}

// make creates the role. If it exists after all, since two applies met or the answer
// to an earlier attempt was lost, it is taken as it is.
func (r *role) make(ctx context.Context) error {
	var tags []types.Tag
	for _, key := range slices.Sorted(maps.Keys(r.wish.tags)) {
		tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(r.wish.tags[key])})
	}
	r.made = true
	// IAM may say for a while that a role exists and does not.
	halfThere := func(err error) bool { return hasCode(err, "EntityAlreadyExists") }
	return r.i.pace.retry(ctx, halfThere, func(ctx context.Context) error {
		out, err := r.i.iam.CreateRole(ctx, &iam.CreateRoleInput{
			RoleName: &r.roleName, Path: aws.String(rolePath(r.i.name)), Tags: tags,
			AssumeRolePolicyDocument: aws.String(r.wish.trust.String()),
		})
		if err == nil && out.Role == nil {
			return errNoRole
		}
		if err == nil {
			r.have = &roleFacts{arn: aws.ToString(out.Role.Arn), roleShape: *r.wish}
			return nil
		}
		if !halfThere(err) {
			return err
		}
		have, readErr := r.lookUp(ctx)
		if readErr != nil {
			return readErr
		}
		if have == nil {
			return err
		}
		if r.have = have; r.foreign() {
			return &foreignError{r}
		}
		return nil
	})
}

// retag removes tags before it sets others, since IAM takes keys that differ in case
// alone for the same.
func (r *role) retag(ctx context.Context, change tagChange) error {
	if len(change.unset) > 0 {
		if _, err := r.i.iam.UntagRole(ctx, &iam.UntagRoleInput{RoleName: &r.roleName, TagKeys: change.unset}); err != nil {
			return err
		}
	}
	if len(change.set) == 0 {
		return nil
	}
	input := &iam.TagRoleInput{RoleName: &r.roleName}
	for _, key := range slices.Sorted(maps.Keys(change.set)) {
		input.Tags = append(input.Tags, types.Tag{Key: aws.String(key), Value: aws.String(change.set[key])})
	}
	_, err := r.i.iam.TagRole(ctx, input)
	return err
}

// strip takes from the role all policies but its own.
func (r *role) strip(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(r.have.attached)) {
		_, err := r.i.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &r.roleName, PolicyArn: aws.String(r.have.attached[name])})
		if err != nil && !missing(err) {
			return err
		}
		delete(r.have.attached, name)
	}
	for len(r.have.inline) > 0 {
		_, err := r.i.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &r.roleName, PolicyName: &r.have.inline[0]})
		if err != nil && !missing(err) {
			return err
		}
		r.have.inline = r.have.inline[1:]
	}
	return nil
}

// remove deletes the role. Its own policy was removed before, as a component, but IAM
// may not know that everywhere yet; and somebody may attach another at the same time.
func (r *role) remove(ctx context.Context) error {
	conflict := func(err error) bool { return hasCode(err, "DeleteConflict") }
	again := false
	return r.i.pace.retry(ctx, conflict, func(ctx context.Context) error {
		if again {
			have, err := r.lookUp(ctx)
			if err != nil {
				return err
			}
			if have == nil {
				r.have = nil
				return nil
			}
			r.have = have
		}
		again = true
		if err := r.strip(ctx); err != nil {
			return err
		}
		_, err := r.i.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &r.roleName})
		if err == nil || missing(err) {
			r.have = nil
			return nil
		}
		return err
	})
}
