package aws

import (
	"encoding/json"
	"net/url"
	"path"
	"slices"
	"strings"
)

// A trustPolicy says who may assume a role.
type trustPolicy struct {
	Statement oneOrMany[trustStatement]
}

type trustStatement struct {
	Effect    string
	Principal json.RawMessage
	Action    oneOrMany[string]
	NotAction oneOrMany[string]
	Condition json.RawMessage
}

// oneOrMany is a value or a list of such, as IAM's policies write them.
type oneOrMany[T any] []T

func (o *oneOrMany[T]) UnmarshalJSON(text []byte) error {
	var many []T
	if json.Unmarshal(text, &many) == nil {
		*o = many
		return nil
	}
	var one T
	err := json.Unmarshal(text, &one)
	*o = oneOrMany[T]{one}
	return err
}

// trustsLambda tells whether a role's trust policy lets Lambda assume the role, or may
// do so: conditions are taken to hold. The document may be encoded as in a URL, as IAM
// has it.
func trustsLambda(document string) (bool, error) {
	if decoded, err := url.PathUnescape(document); err == nil && !strings.HasPrefix(strings.TrimSpace(document), "{") {
		document = decoded
	}
	var p trustPolicy
	if err := json.Unmarshal([]byte(document), &p); err != nil {
		return false, err
	}
	allowed := false
	for _, s := range p.Statement {
		if !s.concernsLambda() {
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

// concernsLambda tells whether the statement is about Lambda assuming the role.
func (s trustStatement) concernsLambda() bool {
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
	var anyone string
	if json.Unmarshal(s.Principal, &anyone) == nil {
		return anyone == "*"
	}
	var principals map[string]oneOrMany[string]
	if json.Unmarshal(s.Principal, &principals) != nil {
		return false
	}
	return slices.Contains(principals["Service"], lambdaService) || slices.Contains(principals["AWS"], "*") || slices.Contains(principals["Service"], "*")
}

// roleNameOf a role's ARN: what follows its path.
func roleNameOf(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
