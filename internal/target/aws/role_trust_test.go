package aws

import (
	"net/url"
	"testing"
)

func TestATrustPolicyLetsLambdaAssumeARoleOrNot(t *testing.T) {
	statement := func(text string) string { return `{"Version": "2012-10-17", "Statement": [` + text + `]}` }
	const allow = `{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}`
	for _, test := range []struct {
		what, policy string
		want         bool
	}{
		{"one statement", statement(allow), true},
		{"a statement that is no list", `{"Statement": ` + allow + `}`, true},
		{"encoded, as IAM does", url.PathEscape(statement(allow)), true},
		{"among others", statement(`{"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}, "Action": ["sts:TagSession", "sts:AssumeRole"]}`), true},
		{"any action of sts", statement(`{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:*"}`), true},
		{"in other letters", statement(`{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "STS:assumerole"}`), true},
		{"everybody", statement(`{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}`), true},
		{"under a condition", statement(`{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}`), true},
		{"nobody", statement(``), false},
		{"another service", statement(`{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}`), false},
		{"a user", statement(`{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}`), false},
		{"another action", statement(`{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:TagSession"}`), false},
		{"all but this action", statement(`{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "NotAction": "sts:AssumeRole"}`), false},
		{"denied", statement(allow + `, {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}`), false},
		{"denied under a condition", statement(allow + `, {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}`), true},
	} {
		got, err := trustsLambda(test.policy)
		if err != nil || got != test.want {
			t.Errorf("%s: %t, %v", test.what, got, err)
		}
	}
	if _, err := trustsLambda("nonsense"); err == nil {
		t.Error("nonsense is taken for a policy")
	}
}

func FuzzTrustPolicy(f *testing.F) {
	f.Add(trustLambda)
	f.Add(`{"Statement": {"Principal": {"Service": []}, "Action": ["["]}}`)
	f.Fuzz(func(_ *testing.T, document string) { _, _ = trustsLambda(document) })
}
