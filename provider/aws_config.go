package provider

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target/aws"
)

// awsConfig is the provider's `aws` as it is written: the JSON names are those of
// the attributes. What is not written, or not known, is zero.
type awsConfig struct {
	Region                 string            `json:"region"`
	Profile                string            `json:"profile"`
	SharedConfigFiles      []string          `json:"shared_config_files"`
	SharedCredentialsFiles []string          `json:"shared_credentials_files"`
	AccessKey              string            `json:"access_key"`
	SecretKey              string            `json:"secret_key"`
	SessionToken           string            `json:"session_token"`
	AssumeRole             *awsRole          `json:"assume_role"`
	AssumeRoleChain        []awsRole         `json:"assume_role_chain"`
	WebIdentity            *awsWebIdentity   `json:"assume_role_with_web_identity"`
	Endpoint               string            `json:"endpoint"`
	Endpoints              map[string]string `json:"endpoints"`
	STSRegion              string            `json:"sts_region"`
	FIPS                   bool              `json:"use_fips_endpoint"`
	DualStack              bool              `json:"use_dualstack_endpoint"`
	CABundle               string            `json:"ca_bundle"`
	HTTPProxy              string            `json:"http_proxy"`
	HTTPSProxy             string            `json:"https_proxy"`
	NoProxy                string            `json:"no_proxy"`
	// MaxRetries is nil where it is not written, since 0 is no way to say so.
	MaxRetries        *int              `json:"max_retries"`
	DefaultTags       map[string]string `json:"default_tags"`
	AllowedAccountIDs []string          `json:"allowed_account_ids"`
	StagingBucket     string            `json:"staging_bucket"`
}

// awsSession is what both ways to assume a role have.
type awsSession struct {
	RoleARN     string         `json:"role_arn"`
	SessionName string         `json:"session_name"`
	Duration    stack.Duration `json:"duration"`
	Policy      string         `json:"policy"`
	PolicyARNs  []string       `json:"policy_arns"`
}

type awsRole struct {
	awsSession
	ExternalID        string            `json:"external_id"`
	Tags              map[string]string `json:"tags"`
	TransitiveTagKeys []string          `json:"transitive_tag_keys"`
	SourceIdentity    string            `json:"source_identity"`
}

type awsWebIdentity struct {
	awsSession
	Token     string `json:"web_identity_token"`
	TokenFile string `json:"web_identity_token_file"`
}

// decodeAWS reads the provider's `aws`. Errors hold no secrets: they name a field and
// a type.
func decodeAWS(v tftypes.Value) (c awsConfig, err error) {
	raw, err := json.Marshal(tree(v))
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	return c, err
}

// options says the configuration in the target's words.
func (c awsConfig) options() aws.Options {
	o := aws.Options{
		Region: c.Region, Profile: c.Profile,
		AccessKey: c.AccessKey, SecretKey: c.SecretKey, SessionToken: c.SessionToken,
		SharedConfigFiles: c.SharedConfigFiles, SharedCredentialsFiles: c.SharedCredentialsFiles,
		Endpoint: c.Endpoint, Endpoints: c.Endpoints, STSRegion: c.STSRegion, FIPS: c.FIPS, DualStack: c.DualStack,
		CABundle: c.CABundle, HTTPProxy: c.HTTPProxy, HTTPSProxy: c.HTTPSProxy, NoProxy: c.NoProxy,
		DefaultTags: c.DefaultTags, AllowedAccountIDs: c.AllowedAccountIDs, StagingBucket: c.StagingBucket,
	}
	if c.MaxRetries != nil {
		o.MaxRetries = *c.MaxRetries
	}
	for _, r := range c.roles() {
		o.AssumeRoles = append(o.AssumeRoles, aws.AssumeRole{
			RoleARN: r.RoleARN, SessionName: r.SessionName, ExternalID: r.ExternalID, Duration: time.Duration(r.Duration),
			Policy: r.Policy, PolicyARNs: r.PolicyARNs, Tags: r.Tags, TransitiveTagKeys: r.TransitiveTagKeys, SourceIdentity: r.SourceIdentity,
		})
	}
	if w := c.WebIdentity; w != nil {
		o.WebIdentity = &aws.WebIdentity{
			RoleARN: w.RoleARN, SessionName: w.SessionName, Token: w.Token, TokenFile: w.TokenFile,
			Duration: time.Duration(w.Duration), Policy: w.Policy, PolicyARNs: w.PolicyARNs,
		}
	}
	return o
}

// roles in the order in which they are assumed.
func (c awsConfig) roles() []awsRole {
	if c.AssumeRole == nil {
		return c.AssumeRoleChain
	}
	return append([]awsRole{*c.AssumeRole}, c.AssumeRoleChain...)
}

// configureAWS returns the target "aws", or nil if it cannot be made, or not yet.
// ValidateConfig has found what is wrong with the configuration.
func configureAWS(ctx context.Context, config tftypes.Value, userAgent string, diags *diag.Diagnostics) target.Target {
	if !config.IsFullyKnown() {
		return nil
	}
	c, err := decodeAWS(config)
	if err != nil {
		diags.AddAttributeError(path.Root("aws"), "Invalid provider configuration", sentence(err))
		return nil
	}
	o := c.options()
	o.UserAgent, o.Log = userAgent, slog.New(terraformLog{})
	made, err := aws.New(ctx, o)
	if err != nil {
		diags.AddAttributeError(path.Root("aws"), "Cannot use AWS", sentence(err))
		return nil
	}
	return made
}
