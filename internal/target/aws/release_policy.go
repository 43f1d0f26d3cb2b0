package aws

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// While a release is under way, a role's policy allows what the stable version needs and
// what the candidate does. What was added for the candidate is found by its name and
// taken away if the release is rolled back.

// addedSid begins the Sids of statements that were added for a release.
const addedSid = "Release"

func (s policyStatement) isAdded() bool {
	number, ok := strings.CutPrefix(s.Sid, addedSid)
	_, err := strconv.Atoi(number)
	return ok && err == nil
}

// withoutAdded is the document as it was before a release added to it.
func (d policyDocument) withoutAdded() policyDocument {
	d.Statements = slices.DeleteFunc(slices.Clone(d.Statements), policyStatement.isAdded)
	return d
}

// withoutAddedBeyond leaves out what was added and is not wanted. That is none of a
// release's faults while it is under way.
func (d policyDocument) withoutAddedBeyond(want policyDocument) policyDocument {
	d.Statements = slices.DeleteFunc(slices.Clone(d.Statements), func(s policyStatement) bool {
		return s.isAdded() && !slices.ContainsFunc(want.Statements, func(w policyStatement) bool { return w.meaning() == s.meaning() })
	})
	return d
}

// with is the document and those statements of another that it does not have itself.
func (d policyDocument) with(other policyDocument) policyDocument {
	union := d.withoutAdded()
	added := 0
	for _, s := range other.Statements {
		if slices.ContainsFunc(union.Statements, func(own policyStatement) bool { return own.meaning() == s.meaning() }) {
			continue
		}
		s.Sid = addedSid + strconv.Itoa(added)
		added++
		union.Statements = append(union.Statements, s)
	}
	return union
}

// widen makes the policy what the release that begins needs besides.
func (p *rolePolicy) widen(ctx context.Context) error {
	if !p.exists() {
		return p.apply(ctx)
	}
	union, wish := p.have.with(*p.wish), p.wish
	if size := union.size(); size > maxRolePolicy && p.wish.size() <= maxRolePolicy {
		return fmt.Errorf("while both versions run, the role has to be allowed what each of them needs: %d characters as a policy, and IAM allows %d; "+
			"make the change in two steps, or release it with the strategy \"all_at_once\" and without functions before and after", size, maxRolePolicy)
	}
	if union.String() != p.have.String() {
		p.i.widened.Store(true)
	}
	p.wish = &union
	defer func() { p.wish = wish }()
	return p.apply(ctx)
}

// awaitPolicies waits until the policies that were widened just now are in effect: else it
// would be the candidates that fail.
func (i *inventory) awaitPolicies(ctx context.Context) {
	if i.widened.Load() {
		i.watch().wait(ctx, policyLag)
	}
}

// narrow takes away what a release added.
func (p *rolePolicy) narrow(ctx context.Context) error {
	if !p.exists() || !slices.ContainsFunc(p.have.Statements, policyStatement.isAdded) {
		return nil
	}
	before, wish := p.have.withoutAdded(), p.wish
	p.wish = &before
	defer func() { p.wish = wish }()
	return p.apply(ctx)
}

// prepare makes the role if there is none, and lets Lambda take it on. Whatever else is
// wrong with it waits until the release has ended.
func (r *role) prepare(ctx context.Context) error {
	if !r.exists() {
		return r.apply(ctx)
	}
	return r.trustAgain(ctx)
}

// roleOf a version; empty if it is not known.
func (v *versions) roleOf(number int) string {
	if s := v.have[number]; s != nil && s.Role != nil {
		return *s.Role
	}
	return ""
}

// deadLettersOf a version is the ARN that its dead letters go to; empty if none.
func (v *versions) deadLettersOf(number int) string {
	if s := v.have[number]; s != nil && s.DeadLetterConfig != nil {
		return aws.ToString(s.DeadLetterConfig.TargetArn)
	}
	return ""
}

// split tells whether some step of a policy sends traffic to both versions.
func split(r stack.Release) bool {
	return slices.ContainsFunc(r.Steps(), func(weight int) bool { return weight < 100 })
}
