package aws

import (
	"path"
	"slices"
	"strings"
)

// trustsLambda tells whether a role's trust policy lets Lambda assume the role, or may
// do so: allowing statements are taken to apply whatever their conditions, denying ones
// only if they have none.
func trustsLambda(document string) (bool, error) {
	d, err := parsePolicy(document)
	if err != nil {
		return false, err
	}
	allowed := false
	for _, s := range d.Statements {
		if !s.aboutLambda() {
			continue
		}
		if s.Effect == "Allow" {
			allowed = true
		} else if len(s.Condition) == 0 {
			return false, nil
		}
	}
	return allowed, nil
}

// aboutLambda tells whether the statement is about Lambda assuming the role.
func (s policyStatement) aboutLambda() bool {
	matches := func(pattern string) bool {
		ok, err := path.Match(strings.ToLower(pattern), "sts:assumerole")
		return ok && err == nil
	}
	if len(s.NotAction) > 0 {
		if slices.ContainsFunc(s.NotAction, matches) {
			return false
		}
	} else if !slices.ContainsFunc(s.Action, matches) {
		return false
	}
	return slices.Contains(s.Principal["Service"], lambdaService) || slices.Contains(s.Principal["AWS"], "*")
}

// roleNameOf a role's ARN: what follows its path.
func roleNameOf(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
