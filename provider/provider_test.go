package provider

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target/aws"
)

// providerConfig is a provider's configuration, in JSON. "LATER" in it is unknown.
func providerConfig(t *testing.T, config string) tfsdk.Config {
	t.Helper()
	var resp provider.SchemaResponse
	New("test")().Schema(t.Context(), provider.SchemaRequest{}, &resp)
	v, err := tfprotov6.DynamicValue{JSON: []byte(config)}.Unmarshal(resp.Schema.Type().TerraformType(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	v, err = tftypes.Transform(v, func(_ *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		if s, _ := text(v); s == "LATER" {
			return tftypes.NewValue(v.Type(), tftypes.UnknownValue), nil
		}
		return v, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tfsdk.Config{Schema: resp.Schema, Raw: v}
}

// configure returns the target that a configuration leads to.
func configure(t *testing.T, config string) (target.Target, diag.Diagnostics) {
	t.Helper()
	var resp provider.ConfigureResponse
	New("test")().Configure(t.Context(), provider.ConfigureRequest{Config: providerConfig(t, config)}, &resp)
	data, ok := resp.ResourceData.(*providerData)
	if !ok {
		return nil, resp.Diagnostics
	}
	return data.target, resp.Diagnostics
}

func TestTheTargetIsConfigured(t *testing.T) {
	for name, c := range map[string]struct {
		env, config string
		// target that is made, if one is, and words of the diagnostic, if there is one.
		target, words string
	}{
		"by default":               {config: `{"open": {"token": "x"}}`, target: "open"},
		"as written":               {config: `{"target": "aws", "open": {"token": "x"}}`, target: "aws"},
		"by the environment":       {env: "aws", config: `{}`, target: "aws"},
		"written before the other": {env: "aws", config: `{"target": "open", "open": {"token": "x"}}`, target: "open"},
		"none of that name":        {config: `{"target": "moon"}`, words: `The target is "moon"; it can be "open" or "aws".`},
		"later":                    {config: `{"target": "LATER", "aws": {}}`},
		"later, with a region":     {config: `{"target": "aws", "aws": {"region": "LATER"}}`},
		"later, with a role":       {config: `{"target": "aws", "aws": {"assume_role": {"role_arn": "LATER"}}}`},
		"whatever others are":      {config: `{"target": "open", "open": {"token": "x"}, "aws": {"region": "LATER"}}`, target: "open"},
		"later, with a token":      {config: `{"target": "open", "open": {"token": "LATER"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(EnvTarget, c.env)
			got, diags := configure(t, c.config)
			if (got == nil) != (c.target == "") || got != nil && got.Name() != c.target {
				t.Errorf("the target is %v, want %q", got, c.target)
			}
			switch {
			case c.words == "" && len(diags) > 0:
				t.Errorf("diagnostics: %v", diags)
			case c.words != "" && (len(diags) != 1 || !strings.Contains(diags[0].Detail(), c.words)):
				t.Errorf("diagnostics: %v, want %q", diags, c.words)
			}
		})
	}
}

func TestAnAWSThatIsNotTheTargetIsAWarning(t *testing.T) {
	t.Setenv("TIDEGATE_TOKEN", "x")
	got, diags := configure(t, `{"aws": {}}`)
	if got == nil || got.Name() != "open" || diags.WarningsCount() != 1 || !strings.Contains(diags[0].Detail(), `set target to "aws"`) {
		t.Errorf("the target is %v, with %v", got, diags)
	}
}

func TestANumberOfRetriesThatIsNotWholeIsNamed(t *testing.T) {
	server, err := providerserver.NewProtocol6WithError(New("test")())()
	if err != nil {
		t.Fatal(err)
	}
	config := providerConfig(t, `{"aws": {"max_retries": 1.5}}`)
	resp, err := server.ValidateProviderConfig(t.Context(), &tfprotov6.ValidateProviderConfigRequest{Config: dynamic(t, config.Raw.Type(), config.Raw)})
	if err != nil {
		t.Fatal(err)
	}
	if want := "aws.max_retries is 1.5, which is not a whole number."; len(resp.Diagnostics) != 1 || resp.Diagnostics[0].Detail != want {
		t.Errorf("got %+v, want one that says %q", resp.Diagnostics, want)
	}
}

func TestWhatIsNotKnownYetIsNotRefused(t *testing.T) {
	for config, want := range map[string]int{
		`{"aws": {"access_key": "a"}}`:                                               1,
		`{"aws": {"access_key": "a", "secret_key": "LATER"}}`:                        0,
		`{"aws": {"access_key": "LATER", "profile": "p", "secret_key": "b"}}`:        0,
		`{"aws": {"region": "LATER", "endpoint": "x"}}`:                              1,
		`{"aws": {"allowed_account_ids": ["LATER"], "default_tags": {"a":"LATER"}}}`: 0,
		`{"aws": {"assume_role_chain": [{"role_arn": "LATER"}]}}`:                    0,
	} {
		var resp provider.ValidateConfigResponse
		p, ok := New("test")().(provider.ProviderWithValidateConfig)
		if !ok {
			t.Fatal("the provider validates nothing")
		}
		p.ValidateConfig(t.Context(), provider.ValidateConfigRequest{Config: providerConfig(t, config)}, &resp)
		if len(resp.Diagnostics) != want {
			t.Errorf("of %s: %v, want %d", config, resp.Diagnostics, want)
		}
	}
}

func TestSettingsReachAWS(t *testing.T) {
	c := awsFrom(t, `{
		"region": "eu-central-1", "profile": "p", "shared_config_files": ["a"], "shared_credentials_files": ["b"],
		"access_key": "k", "secret_key": "s", "session_token": "t",
		"assume_role": {"role_arn": "one", "session_name": "n", "external_id": "e", "duration": "1h", "policy": "{}", "policy_arns": ["x"], "tags": {"a": "1"}, "transitive_tag_keys": ["a"], "source_identity": "i"},
		"assume_role_chain": [{"role_arn": "two"}],
		"assume_role_with_web_identity": {"role_arn": "web", "session_name": "n", "web_identity_token": "t", "web_identity_token_file": "f", "duration": "30m", "policy": "{}", "policy_arns": ["x"]},
		"endpoint": "http://e", "endpoints": {"s3": "http://s"}, "sts_region": "r", "use_fips_endpoint": true, "use_dualstack_endpoint": true,
		"ca_bundle": "c", "http_proxy": "h", "https_proxy": "hs", "no_proxy": "n", "max_retries": 7,
		"default_tags": {"a": "1"}, "allowed_account_ids": ["1"], "staging_bucket": "b"
	}`)
	want := aws.Options{
		Region: "eu-central-1", Profile: "p", SharedConfigFiles: []string{"a"}, SharedCredentialsFiles: []string{"b"},
		AccessKey: "k", SecretKey: "s", SessionToken: "t",
		AssumeRoles: []aws.AssumeRole{
			{
				RoleARN: "one", SessionName: "n", ExternalID: "e", Duration: time.Hour, Policy: "{}", PolicyARNs: []string{"x"},
				Tags: map[string]string{"a": "1"}, TransitiveTagKeys: []string{"a"}, SourceIdentity: "i",
			},
			{RoleARN: "two"},
		},
		WebIdentity: &aws.WebIdentity{RoleARN: "web", SessionName: "n", Token: "t", TokenFile: "f", Duration: 30 * time.Minute, Policy: "{}", PolicyARNs: []string{"x"}},
		Endpoint:    "http://e", Endpoints: map[string]string{"s3": "http://s"}, STSRegion: "r", FIPS: true, DualStack: true,
		CABundle: "c", HTTPProxy: "h", HTTPSProxy: "hs", NoProxy: "n", MaxRetries: 7,
		DefaultTags: map[string]string{"a": "1"}, AllowedAccountIDs: []string{"1"}, StagingBucket: "b",
	}
	if got := c.options(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
