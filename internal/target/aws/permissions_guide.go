package aws

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// PermissionsGuide is the page docs/guides/aws-permissions.md.
func PermissionsGuide() string {
	var b strings.Builder
	b.WriteString(guideHead)
	fmt.Fprintf(&b, "\n## Plan\n\nThis is what `terraform plan`, `refresh` and `import` need. It lets nothing be changed.\n\n```json\n%s\n```\n", document(planning))
	fmt.Fprintf(&b, "\n## Apply\n\nThis is what `terraform apply` and `destroy` need; it includes what plan does.\n\n```json\n%s\n```\n", document(applying))
	b.WriteString("\n## What each is for\n\n| action | plan | what Tidegate does with it |\n|---|---|---|\n")
	planned := needs(planning)
	all := needs(applying)
	for _, action := range slices.Sorted(maps.Keys(all)) {
		plan := ""
		if _, ok := planned[action]; ok {
			plan = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", action, plan, strings.Join(slices.Sorted(maps.Keys(all[action].why)), "; "))
	}
	return b.String()
}

const guideHead = `---
page_title: "AWS permissions"
subcategory: ""
description: |-
  The exact IAM policies that the provider's target aws needs.
---

<!-- Generated from internal/target/aws/permissions*.go by make generate. -->

# AWS permissions

The credentials that Terraform runs with need the permissions below, when the
provider's ` + "`target`" + ` is ` + "`aws`" + `. Put your account's number for ` + "`ACCOUNT`" + ` and the region for
` + "`REGION`" + `, and the partition for ` + "`aws`" + ` in ` + "`arn:aws:`" + ` if yours is another. Each policy fits
into one managed policy of IAM:

    aws iam create-policy --policy-name tidegate-apply --policy-document file://apply.json

Then attach it to the user or role that Terraform runs as. With ` + "`assume_role`" + `, that is
the role assumed; the credentials that it is assumed with need ` + "`sts:AssumeRole`" + ` on it
and nothing else.

Narrow the policies down further if you like: functions, queues and APIs have the name of
their stack, functions and queues at the beginning of theirs. Leave out the
statements on what you do not use: ` + "`ec2`" + ` is for functions in a VPC, ` + "`ecr`" + ` for images,
` + "`kms`" + ` for keys of your own, ` + "`s3`" + ` for packages of more than 50 MB. Add to
` + "`iam:PassRole`" + ` the roles of your own that functions name by ` + "`role_arn`" + `, and the
provider's ` + "`staging_bucket`" + ` to the statements on ` + "`s3`" + `. Reading roles cannot be narrowed
down to their path: IAM is asked for a role by its name, and one that is not there has
no path.

Tidegate calls nothing else. It asks STS whose the credentials are, for which
nobody needs a permission. An apply or plan that lacks a permission says which, and on
what.
`

// planning and applying choose permissions.
func planning(p permission) bool { return p.plan() }
func applying(permission) bool   { return true }

// A need is what an action is needed on, and for what.
type need struct {
	on, why  map[string]bool
	passedTo []string
}

// needs are what the chosen calls need, by action.
func needs(chosen func(permission) bool) map[string]*need {
	all := map[string]*need{}
	add := func(action string, on []string, why string) *need {
		g, ok := all[action]
		if !ok {
			g = &need{on: map[string]bool{}, why: map[string]bool{}}
			all[action] = g
		}
		for _, arn := range on {
			g.on[arn] = true
		}
		g.why[why] = true
		return g
	}
	for _, p := range permissions {
		if !chosen(p) {
			continue
		}
		for _, action := range p.actions {
			add(action, p.on, p.why)
		}
		for _, f := range furthers {
			if slices.Contains(f.calls, p.service+"."+p.call) {
				add(f.action, f.on, f.why).passedTo = f.passedTo
			}
		}
	}
	return all
}

// A statement of an IAM policy.
type statement struct {
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string][]string `json:",omitempty"`
}

// document is an IAM policy that allows what the chosen calls need, and nothing else.
func document(chosen func(permission) bool) string {
	all := needs(chosen)
	byResources := map[string]*statement{}
	for _, action := range slices.Sorted(maps.Keys(all)) {
		g := all[action]
		on := slices.Sorted(maps.Keys(g.on))
		key := fmt.Sprint(on, g.passedTo)
		s, ok := byResources[key]
		if !ok {
			s = &statement{Effect: "Allow", Resource: on}
			if g.passedTo != nil {
				s.Condition = map[string]map[string][]string{"StringEquals": {"iam:PassedToService": g.passedTo}}
			}
			byResources[key] = s
		}
		s.Action = append(s.Action, action)
	}
	statements := slices.SortedFunc(maps.Values(byResources), func(a, b *statement) int { return strings.Compare(a.Action[0], b.Action[0]) })
	// Strings alone: it always marshals.
	text, _ := json.MarshalIndent(struct {
		Version   string
		Statement []*statement
	}{"2012-10-17", statements}, "", "  ")
	return string(text)
}
