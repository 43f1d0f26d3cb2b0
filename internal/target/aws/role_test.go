package aws

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

var errRefused = errors.New("refused")

// refusingIAM refuses to write policies, and has nothing else.
type refusingIAM struct{ iamAPI }

func (refusingIAM) PutRolePolicy(context.Context, *iam.PutRolePolicyInput, ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error) {
	return nil, errRefused
}

// observeRole reads a function's role and policy.
func (m *emulatorAccount) observeRole(t *testing.T, s stack.Stack) *inventory {
	t.Helper()
	i := newInventory(m.session, shapeOf(s))
	f := i.functions["fulfil"]
	for _, c := range []component{f.role, f.policy} {
		if c == component(f.policy) && !f.role.exists() {
			continue
		}
		if err := c.read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

// applyRole makes a function's role and policy what the stack says, as deploy does, and
// checks that what it shows then is what the next read shows.
func (m *emulatorAccount) applyRole(t *testing.T, i *inventory, s stack.Stack) {
	t.Helper()
	i.want(s)
	f := i.functions["fulfil"]
	for _, c := range []component{f.role, f.policy} {
		if c.wanted() {
			if err := c.apply(t.Context()); err != nil {
				t.Fatalf("cannot make the %s: %v", c.subject(), err)
			}
		}
	}
	for _, c := range []component{f.policy, f.role} {
		if !c.wanted() && c.exists() {
			if err := c.remove(t.Context()); err != nil {
				t.Fatalf("cannot remove the %s: %v", c.subject(), err)
			}
		}
	}
	if diff := cmp.Diff(describeRole(i, s), describeRole(m.observeRole(t, s), s)); diff != "" {
		t.Errorf("what was applied is not what is read then (-applied +read):\n%s", diff)
	}
}

// roleView is what there is to see of a function's role.
type roleView struct {
	Permissions  []stack.Permission
	RoleARN      string
	Role, Policy string
}

func describeRole(i *inventory, prior stack.Stack) roleView {
	d := i.describe(prior)
	return roleView{
		d.Stack.Functions["fulfil"].Permissions, d.Functions["fulfil"].RoleARN,
		d.Components["functions/fulfil/role"], d.Components["functions/fulfil/policy"],
	}
}

func TestRoleIsMadeRepairedAndRemoved(t *testing.T) {
	for _, kind := range []harness.EmulatorKind{harness.Moto, harness.Ministack} {
		t.Run(string(kind), func(t *testing.T) { roleIsMadeRepairedAndRemoved(t, startEmulator(t, kind)) })
	}
}

func roleIsMadeRepairedAndRemoved(t *testing.T, m *emulatorAccount) {
	s := oneFunction(func(f *stack.Function) {
		f.Permissions = []stack.Permission{{Actions: []string{"sqs:SendMessage"}, Resources: []string{"*"}}}
	})
	i := m.observeRole(t, s)
	if got, want := describeRole(i, s), (roleView{s.Functions["fulfil"].Permissions, "", "missing", "missing"}); !cmp.Equal(got, want) {
		t.Errorf("without a role there is %v, want %v", got, want)
	}
	m.applyRole(t, i, s)
	name := m.session.roleName("orders", "fulfil")
	ready := roleView{s.Functions["fulfil"].Permissions, "arn:aws:iam::123456789012:role/tidegate/orders/" + name, stack.Ready, stack.Ready}
	if diff := cmp.Diff(ready, describeRole(i, stack.Stack{Name: s.Name, Functions: oneFunction(nil).Functions, Trigger: s.Trigger, Tags: s.Tags})); diff != "" {
		t.Errorf("what was made is not as it should be (-want +got):\n%s", diff)
	}

	const policy = `{"Version":"2012-10-17","Statement":[{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"}]}`
	managed, err := m.iam.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("Further"), PolicyDocument: aws.String(policy)})
	if err != nil {
		t.Fatal(err)
	}
	changes := []struct {
		name         string
		change       func() error
		role, policy string
	}{
		{"the role's trust", func() error {
			_, err := m.iam.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{
				RoleName: &name, PolicyDocument: aws.String(trust("ec2.amazonaws.com", nil).String()),
			})
			return err
		}, "its trust policy was changed: its statement differs", stack.Ready},
		{"a tag of the role", func() error {
			_, err := m.iam.TagRole(t.Context(), &iam.TagRoleInput{RoleName: &name, Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("other")}}})
			return err
		}, "its tag team differs", stack.Ready},
		{"a boundary of the role", func() error {
			_, err := m.iam.PutRolePermissionsBoundary(t.Context(), &iam.PutRolePermissionsBoundaryInput{RoleName: &name, PermissionsBoundary: managed.Policy.Arn})
			return err
		}, "it has the permissions boundary arn:aws:iam::123456789012:policy/Further", stack.Ready},
		{"a managed policy of the role", func() error {
			_, err := m.iam.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: managed.Policy.Arn})
			return err
		}, "it has the further policy Further attached", stack.Ready},
		{"an inline policy of the role", func() error {
			_, err := m.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("more"), PolicyDocument: aws.String(policy)})
			return err
		}, "it has the further policy more", stack.Ready},
		{"the policy", func() error {
			_, err := m.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String(rolePolicyName), PolicyDocument: aws.String(policy)})
			return err
		}, stack.Ready, "its statement Logs is missing, its statement Queue is missing, it has a further statement All"},
		{"that there is a policy", func() error {
			_, err := m.iam.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: aws.String(rolePolicyName)})
			return err
		}, stack.Ready, "missing"},
		{"that there is a role", func() error {
			return m.observeRole(t, s).functions["fulfil"].removeRole(t.Context())
		}, "missing", "missing"},
	}
	for _, c := range changes {
		if err := c.change(); err != nil {
			t.Fatalf("cannot change %s: %v", c.name, err)
		}
		i := m.observeRole(t, s)
		if got := describeRole(i, s); got.Role != c.role || got.Policy != c.policy {
			t.Errorf("after a change of %s the role is %q and the policy is %q, want %q and %q", c.name, got.Role, got.Policy, c.role, c.policy)
		}
		m.applyRole(t, i, s)
		if diff := cmp.Diff(ready, describeRole(i, s)); diff != "" {
			t.Errorf("a change of %s was not repaired (-want +got):\n%s", c.name, diff)
		}
	}

	// With a role of the user's own, the one that was made goes, whatever is on it.
	for _, c := range changes[:5] {
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
	}
	own := oneFunction(func(f *stack.Function) { f.RoleARN = "arn:aws:iam::123456789012:role/own" })
	i = m.observeRole(t, own)
	if got, want := describeRole(i, own), (roleView{nil, "", "left over", "left over"}); !cmp.Equal(got, want) {
		t.Errorf("beside a role of the user's own there is %v, want %v", got, want)
	}
	m.applyRole(t, i, own)
	if got := describeRole(m.observeRole(t, own), own); !cmp.Equal(got, roleView{}) {
		t.Errorf("of the role there is left: %v", got)
	}
}

// removeRole removes a function's role as a deletion of the stack does.
func (f *functionParts) removeRole(ctx context.Context) error {
	if err := f.policy.remove(ctx); err != nil {
		return err
	}
	return f.role.remove(ctx)
}

func TestRoleOfSomebodyElseIsLeftAlone(t *testing.T) {
	m := startEmulator(t, harness.Moto)
	s := oneFunction(nil)
	name := m.session.roleName("orders", "fulfil")
	_, err := m.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trust("ec2.amazonaws.com", nil).String())})
	if err != nil {
		t.Fatal(err)
	}
	if got := describeRole(m.observeRole(t, s), s); got.Role != stateForeign {
		t.Errorf("the role is %q, want %q", got.Role, stateForeign)
	}
	// It was made after it was looked for.
	i := newInventory(m.session, shapeOf(s))
	i.want(s)
	var foreign *foreignError
	if err := i.functions["fulfil"].role.apply(t.Context()); !errors.As(err, &foreign) || !strings.Contains(err.Error(), "does not belong to this stack") {
		t.Errorf("the error is %v", err)
	}
	if got := describeRole(m.observeRole(t, s), s); got.Role != stateForeign {
		t.Errorf("afterwards the role is %q", got.Role)
	}
}

// slowIAM knows of a change only after a while, as AWS's does.
type slowIAM struct {
	iamAPI
	// Calls that fail before the first that does not.
	puts, deletes, gets int
	// loseCreate has the first answer to CreateRole get lost.
	loseCreate bool
}

func failing(left *int, code string) error {
	if *left == 0 {
		return nil
	}
	*left--
	return &smithy.GenericAPIError{Code: code, Message: "not yet"}
}

func (s *slowIAM) CreateRole(ctx context.Context, in *iam.CreateRoleInput, o ...func(*iam.Options)) (*iam.CreateRoleOutput, error) {
	out, err := s.iamAPI.CreateRole(ctx, in, o...)
	if err == nil && s.loseCreate {
		s.loseCreate = false
		return s.iamAPI.CreateRole(ctx, in, o...) // As the SDK does when it gets no answer.
	}
	return out, err
}

func (s *slowIAM) GetRole(ctx context.Context, in *iam.GetRoleInput, o ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	if err := failing(&s.gets, "NoSuchEntity"); err != nil {
		return nil, err
	}
	return s.iamAPI.GetRole(ctx, in, o...)
}

func (s *slowIAM) PutRolePolicy(ctx context.Context, in *iam.PutRolePolicyInput, o ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error) {
	if err := failing(&s.puts, "NoSuchEntity"); err != nil {
		return nil, err
	}
	return s.iamAPI.PutRolePolicy(ctx, in, o...)
}

func (s *slowIAM) DeleteRole(ctx context.Context, in *iam.DeleteRoleInput, o ...func(*iam.Options)) (*iam.DeleteRoleOutput, error) {
	if err := failing(&s.deletes, "DeleteConflict"); err != nil {
		return nil, err
	}
	return s.iamAPI.DeleteRole(ctx, in, o...)
}

func TestRoleIsMadeAndRemovedThoughIAMIsSlow(t *testing.T) {
	m := startEmulator(t, harness.Moto)
	slow := &slowIAM{iamAPI: m.iam, loseCreate: true, gets: 2, puts: 2, deletes: 2}
	m.session.clients.iam = slow
	s := oneFunction(nil)
	i := newInventory(m.session, shapeOf(s))
	m.applyRole(t, i, s)
	if got := describeRole(i, s); got.Role != stack.Ready || got.Policy != stack.Ready {
		t.Errorf("the role is %q and the policy is %q", got.Role, got.Policy)
	}
	if slow.gets+slow.puts != 0 {
		t.Errorf("%d reads and %d writes were not tried again", slow.gets, slow.puts)
	}
	other := m.observeRole(t, s)
	if err := i.functions["fulfil"].removeRole(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.observeRole(t, s).functions["fulfil"].role.exists() {
		t.Error("the role is left")
	}
	if err := other.functions["fulfil"].removeRole(t.Context()); err != nil {
		t.Errorf("removing what is gone fails: %v", err)
	}
}
