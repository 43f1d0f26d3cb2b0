package aws

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPolicyDocumentsMeanTheSameHoweverTheyAreWritten(t *testing.T) {
	const want = `{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":["sqs:SendMessage","sqs:GetQueueUrl"],` +
		`"Resource":"arn:aws:sqs:us-east-1:123456789012:orders","Condition":{"Bool":{"aws:SecureTransport":"true"}}},` +
		`{"Effect":"Deny","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`
	for name, c := range map[string]struct{ have, differs string }{
		"itself":                     {want, ""},
		"URL-encoded":                {url.PathEscape(want), ""},
		"other order and spelling":   {`{"Version":"2012-10-17","Id":"x","Statement":[{"Effect":"Deny","Principal":{"AWS":["arn:aws:iam::123456789012:root"]},"Action":["sts:assumerole"]},{"Sid":"A","Effect":"Allow","Action":["sqs:GetQueueUrl","SQS:SendMessage","sqs:SendMessage"],"Resource":["arn:aws:sqs:us-east-1:123456789012:orders"],"Condition":{"bool":{"AWS:SecureTransport":[true]}}}]}`, ""},
		"another Sid":                {`{"Version":"2012-10-17","Statement":[{"Sid":"B","Effect":"Allow","Action":["sqs:SendMessage","sqs:GetQueueUrl"],"Resource":"arn:aws:sqs:us-east-1:123456789012:orders","Condition":{"Bool":{"aws:SecureTransport":"true"}}},{"Effect":"Deny","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`, ""},
		"one statement without list": {`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}`, "its statement A is missing"},
		"another resource":           {`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":["sqs:SendMessage","sqs:GetQueueUrl"],"Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}},{"Effect":"Deny","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`, "its statement A differs"},
		"no condition":               {`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":["sqs:SendMessage","sqs:GetQueueUrl"],"Resource":"arn:aws:sqs:us-east-1:123456789012:orders"},{"Effect":"Deny","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`, "its statement A differs"},
		"a deleted principal":        {`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":["sqs:SendMessage","sqs:GetQueueUrl"],"Resource":"arn:aws:sqs:us-east-1:123456789012:orders","Condition":{"Bool":{"aws:SecureTransport":"true"}}},{"Effect":"Deny","Principal":{"AWS":"AIDACKCEVSQ6C2EXAMPLE"},"Action":"sts:AssumeRole"}]}`, "its statement differs"},
		"everything but":             {`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","NotAction":["sqs:SendMessage","sqs:GetQueueUrl"],"Resource":"arn:aws:sqs:us-east-1:123456789012:orders","Condition":{"Bool":{"aws:SecureTransport":"true"}}},{"Effect":"Deny","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`, "its statement A differs"},
		"a further statement":        {want[:len(want)-2] + `,{"Sid":"C","Effect":"Allow","Action":"*","Resource":"*"}]}`, "it has a further statement C"},
		"the old language":           {`{"Version":"2008-10-17",` + want[len(`{"Version":"2012-10-17",`):], `its version is "2008-10-17"`},
		"nothing":                    {`{"Version":"2012-10-17","Statement":[]}`, "its statement A is missing, its statement is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			have, err := parsePolicy(c.have)
			if err != nil {
				t.Fatal(err)
			}
			wanted, err := parsePolicy(want)
			if err != nil {
				t.Fatal(err)
			}
			if got := have.differs(wanted); got != c.differs {
				t.Errorf("differs %q, want %q", got, c.differs)
			}
		})
	}
}

func TestPolicyDocumentIsWrittenCompactly(t *testing.T) {
	d := policyDocument{Version: policyVersion, Statements: []policyStatement{
		allow("Some", []string{"arn:aws:sqs:*:*:a<b>&c"}, "sqs:SendMessage", "sqs:GetQueueUrl"),
	}}
	const want = `{"Version":"2012-10-17","Statement":[{"Sid":"Some","Effect":"Allow","Action":["sqs:SendMessage","sqs:GetQueueUrl"],"Resource":"arn:aws:sqs:*:*:a<b>&c"}]}`
	if got := d.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if d.size() != len(want) {
		t.Errorf("its size is %d, want %d", d.size(), len(want))
	}
	if got, want := trust(lambdaService, nil).String(), `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`; got != want {
		t.Errorf("the trust policy is %s, want %s", got, want)
	}
}

func TestWhatIsNoPolicyIsSaidSo(t *testing.T) {
	for _, text := range []string{"", "%zz", "[]", `{"Statement": 5}`, `{"Statement": {"Action": {}}}`, `{"Statement": [{"Principal": "someone"}]}`, "<html>"} {
		if d, err := parsePolicy(text); err == nil {
			t.Errorf("%q was read as %v", text, d)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":["a:b"],"Condition":{"Bool":{"x":true}}}}`)
	f.Add(`%7B%22Statement%22%3A%5B%5D%7D`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parsePolicy(text)
		if err != nil {
			return
		}
		again, err := parsePolicy(d.String())
		if err != nil {
			t.Fatalf("%q was written as %s, which cannot be read: %v", text, d, err)
		}
		if differs := again.differs(d); differs != "" {
			t.Errorf("%q was written as %s, which means something else: %s\n%s", text, d, differs, cmp.Diff(d, again))
		}
	})
}
