package provider

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
)

func TestEverySettingOfAWSIsRead(t *testing.T) {
	a, ok := awsAttribute().(schema.SingleNestedAttribute)
	if !ok {
		t.Fatal("it is no object")
	}
	sameSettings(t, "aws", a.Attributes, reflect.TypeFor[awsConfig]())
}

// sameSettings compares attributes with the fields of the struct they are decoded
// into.
func sameSettings(t *testing.T, at string, attributes map[string]schema.Attribute, s reflect.Type) {
	t.Helper()
	fields := jsonFields(s)
	for name, a := range attributes {
		field, ok := fields[name]
		if !ok {
			t.Errorf("%s.%s is decoded into no field", at, name)
			continue
		}
		if a.GetMarkdownDescription() == "" {
			t.Errorf("%s.%s has no description", at, name)
		}
		switch a := a.(type) {
		case schema.SingleNestedAttribute:
			sameSettings(t, at+"."+name, a.Attributes, field.Elem())
		case schema.ListNestedAttribute:
			sameSettings(t, at+"."+name, a.NestedObject.Attributes, field.Elem())
		}
	}
	for name := range fields {
		if _, ok := attributes[name]; !ok {
			t.Errorf("%s.%s is a field and no attribute", at, name)
		}
	}
}

const (
	roleOne = `"role_arn": "arn:aws:iam::123456789012:role/one"`
	roleTwo = `"role_arn": "arn:aws-us-gov:iam::123456789012:role/team/two"`
)

func TestSettingsOfAWSThatAreValid(t *testing.T) {
	for name, config := range map[string]string{
		"nothing":        `{}`,
		"a region":       `{"region": "us-gov-west-1", "sts_region": "eusc-de-east-1"}`,
		"an access key":  `{"access_key": "a", "secret_key": "b", "session_token": "c"}`,
		"a profile":      `{"profile": "shop", "shared_config_files": ["~/a"], "shared_credentials_files": ["~/b"]}`,
		"a role":         `{"assume_role": {` + roleOne + `, "session_name": "ci@shop", "external_id": "a:b/c", "duration": "12h", "source_identity": "me", "policy": "{}", "policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"], "tags": {"a": "1"}, "transitive_tag_keys": ["a"]}}`,
		"a chain":        `{"assume_role": {` + roleOne + `}, "assume_role_chain": [{` + roleTwo + `, "duration": "1h"}]}`,
		"only a chain":   `{"assume_role_chain": [{` + roleOne + `, "duration": "2h"}, {` + roleTwo + `}]}`,
		"a web identity": `{"profile": "shop", "assume_role_with_web_identity": {` + roleOne + `, "web_identity_token_file": "/token", "duration": "2h"}}`,
		"an emulator":    `{"endpoint": "http://127.0.0.1:4566", "endpoints": {"s3": "https://s3.example.org:9000/base"}}`,
		"AWS's own":      `{"use_fips_endpoint": true, "use_dualstack_endpoint": true}`,
		"proxies":        `{"http_proxy": "http://proxy:3128", "https_proxy": "socks5://user:pass@proxy:1080", "no_proxy": "localhost"}`,
		"the rest":       `{"max_retries": 1, "default_tags": {"team": "shop"}, "allowed_account_ids": ["123456789012"], "staging_bucket": "shop.packages-1", "ca_bundle": "ca.pem"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if problems := awsFrom(t, config).validate(); len(problems) > 0 {
				t.Errorf("problems: %v", problems)
			}
		})
	}
}

func awsFrom(t *testing.T, config string) awsConfig {
	t.Helper()
	var c awsConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSettingsOfAWSThatAreNot(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		// paths of the one problem, within aws, and a part of its message.
		paths []string
		want  string
	}{
		"a region":              {`{"region": "Frankfurt"}`, []string{"region"}, `"Frankfurt" is not a region such as "eu-central-1"`},
		"a region's number":     {`{"sts_region": "eu-central1"}`, []string{"sts_region"}, "is not a region"},
		"half an access key":    {`{"access_key": "hush"}`, []string{"access_key", "secret_key"}, "give both, or neither"},
		"only a session":        {`{"session_token": "hush"}`, []string{"session_token", "access_key", "secret_key"}, "give all three"},
		"two sources":           {`{"access_key": "hush", "secret_key": "hush", "profile": "shop"}`, []string{"access_key", "profile"}, "here access_key and profile are given"},
		"a role":                {`{"assume_role": {"role_arn": "deploy"}}`, []string{"assume_role.role_arn"}, `"deploy" is not the ARN of a role`},
		"a role of a chain":     {`{"assume_role_chain": [{` + roleOne + `}, {"role_arn": "deploy"}]}`, []string{"assume_role_chain[1].role_arn"}, "is not the ARN of a role"},
		"a session's name":      {`{"assume_role": {` + roleOne + `, "session_name": "a b"}}`, []string{"assume_role.session_name"}, "cannot name a session"},
		"an external id":        {`{"assume_role": {` + roleOne + `, "external_id": "hush hush"}}`, []string{"assume_role.external_id"}, "2 to 1224"},
		"a source identity":     {`{"assume_role": {` + roleOne + `, "source_identity": "x"}}`, []string{"assume_role.source_identity"}, "cannot be a source identity"},
		"a short session":       {`{"assume_role": {` + roleOne + `, "duration": "14m"}}`, []string{"assume_role.duration"}, "a session of 14m is not possible; it can be 15m to 12h"},
		"a long session":        {`{"assume_role": {` + roleOne + `, "duration": "13h"}}`, []string{"assume_role.duration"}, "15m to 12h"},
		"a long chained one":    {`{"assume_role": {` + roleOne + `}, "assume_role_chain": [{` + roleOne + `, "duration": "2h"}]}`, []string{"assume_role_chain[0].duration"}, "15m to 1h"},
		"a policy":              {`{"assume_role": {` + roleOne + `, "policy": "{"}}`, []string{"assume_role.policy"}, "not JSON"},
		"a policy's ARN":        {`{"assume_role": {` + roleOne + `, "policy_arns": ["ReadOnlyAccess"]}}`, []string{"assume_role.policy_arns[0]", "assume_role.policy_arns"}, "is not the ARN of a policy"},
		"a session's tag":       {`{"assume_role": {` + roleOne + `, "tags": {"aws:a": "1"}}}`, []string{`assume_role.tags["aws:a"]`}, "kept for AWS"},
		"a transitive tag":      {`{"assume_role": {` + roleOne + `, "transitive_tag_keys": ["a"]}}`, []string{"assume_role.transitive_tag_keys[0]", "assume_role.transitive_tag_keys", "assume_role.tags"}, "is not the key of one of the tags"},
		"a web identity's role": {`{"assume_role_with_web_identity": {"role_arn": "x", "web_identity_token": "hush"}}`, []string{"assume_role_with_web_identity.role_arn"}, "is not the ARN"},
		"no token":              {`{"assume_role_with_web_identity": {` + roleOne + `}}`, []string{"assume_role_with_web_identity", "assume_role_with_web_identity.web_identity_token", "assume_role_with_web_identity.web_identity_token_file"}, "one of the two"},
		"two tokens":            {`{"assume_role_with_web_identity": {` + roleOne + `, "web_identity_token": "hush", "web_identity_token_file": "f"}}`, []string{"assume_role_with_web_identity", "assume_role_with_web_identity.web_identity_token", "assume_role_with_web_identity.web_identity_token_file"}, "one of the two"},
		"a role after a token":  {`{"assume_role_with_web_identity": {` + roleOne + `, "web_identity_token": "hush"}, "assume_role": {` + roleOne + `, "duration": "2h"}}`, []string{"assume_role.duration"}, "15m to 1h"},
		"an endpoint":           {`{"endpoint": "127.0.0.1:4566"}`, []string{"endpoint"}, "not the URL of a service"},
		"a name in an endpoint": {`{"endpoint": "http://user:hush@127.0.0.1"}`, []string{"endpoint"}, "not the URL of a service"},
		"a service":             {`{"endpoints": {"dynamodb": "http://127.0.0.1:1"}}`, []string{`endpoints["dynamodb"]`}, `Tidegate calls no service "dynamodb"; it calls apigatewayv2, cloudwatch, ec2`},
		"a service's endpoint":  {`{"endpoints": {"s3": "ftp://127.0.0.1"}}`, []string{`endpoints["s3"]`}, "not the URL of a service"},
		"an empty endpoint":     {`{"endpoints": {"s3": ""}}`, []string{`endpoints["s3"]`}, "the URL is empty"},
		"FIPS and an endpoint":  {`{"use_fips_endpoint": true, "endpoint": "http://127.0.0.1:1"}`, []string{"use_fips_endpoint", "endpoint", "endpoints"}, "leave one of them out"},
		"IPv6 and an endpoint":  {`{"use_dualstack_endpoint": true, "endpoints": {"s3": "http://127.0.0.1:1"}}`, []string{"use_dualstack_endpoint", "endpoint", "endpoints"}, "leave one of them out"},
		"a proxy":               {`{"https_proxy": "user:hush@proxy"}`, []string{"https_proxy"}, "not the URL of a proxy"},
		"no retries":            {`{"max_retries": 0}`, []string{"max_retries"}, "the number of retries is 0; it can be 1 to 100"},
		"a tag":                 {`{"default_tags": {"tidegate:stack": "x"}}`, []string{`default_tags["tidegate:stack"]`}, "kept for AWS and Tidegate"},
		"an account":            {`{"allowed_account_ids": ["1234"]}`, []string{"allowed_account_ids[0]", "allowed_account_ids"}, "twelve digits"},
		"a bucket":              {`{"staging_bucket": "Shop_Packages"}`, []string{"staging_bucket"}, "cannot name a bucket"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := awsFrom(t, c.config).validate()
			if len(problems) != 1 {
				t.Fatalf("%d problems, want one: %v", len(problems), problems)
			}
			paths := make([]string, len(c.paths))
			for i, p := range c.paths {
				paths[i] = "aws." + p
			}
			if got := problems[0]; !slices.Equal(got.Paths, paths) || !strings.Contains(got.Message, c.want) || strings.Contains(got.Message, "hush") {
				t.Errorf("problem at %q\n%s\nwant at %q\n...%s...", got.Paths, got.Message, paths, c.want)
			}
			for _, p := range problems[0].Paths {
				if _, err := parsePath(p); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
