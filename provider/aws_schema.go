package provider

import (
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/target/aws"
)

// awsAttribute is how the target "aws" is configured. Its names are those of
// awsConfig's JSON.
func awsAttribute() schema.Attribute {
	attributes := map[string]schema.Attribute{
		"region":                   settingString("Region of the stacks, such as `eu-central-1`. Default: `$AWS_REGION`, `$AWS_DEFAULT_REGION`, else the profile's."),
		"profile":                  settingString("Profile of the shared files, also one of single sign-on (`aws sso login`). Default: `$AWS_PROFILE`, else `default`."),
		"shared_config_files":      settingList("Files in place of `~/.aws/config`. Default: `$AWS_CONFIG_FILE`, else that one."),
		"shared_credentials_files": settingList("Files in place of `~/.aws/credentials`. Default: `$AWS_SHARED_CREDENTIALS_FILE`, else that one."),
		"access_key":               settingString("Access key, together with `secret_key`; better kept out of the configuration. Default: `$AWS_ACCESS_KEY_ID`, else the rest of AWS's chain."),
		"secret_key":               secretSetting("Secret of the `access_key`. Default: `$AWS_SECRET_ACCESS_KEY`."),
		"session_token":            secretSetting("Session token of an `access_key` that is temporary. Default: `$AWS_SESSION_TOKEN`."),
		"assume_role": schema.SingleNestedAttribute{
			Optional: true, Attributes: roleAttributes(),
			MarkdownDescription: "Role to work as, assumed with the credentials that the other attributes lead to. Default: none.",
		},
		"assume_role_chain": schema.ListNestedAttribute{
			Optional: true, NestedObject: schema.NestedAttributeObject{Attributes: roleAttributes()}, Validators: []validator.List{noNulls{}},
			MarkdownDescription: "Further roles, assumed one after the other, each with the credentials of the one before; the first with those of `assume_role` if there is one. " +
				"The last of them does the work. AWS limits sessions of a chain to one hour each; they are renewed. Default: none.",
		},
		"assume_role_with_web_identity": webIdentityAttribute(),

		"endpoint": settingString("One URL for every service, such as that of an emulator: `http://127.0.0.1:4566`. Default: AWS's own."),
		"endpoints": schema.MapAttribute{
			ElementType: types.StringType, Optional: true, Validators: []validator.Map{noNulls{}},
			MarkdownDescription: "URLs of single services, before `endpoint`: service → URL. The services are `" + strings.Join(aws.ServiceKeys, "`, `") + "`. Default: none.",
		},
		"sts_region":             settingString("Region whose STS is asked. Default: `region`."),
		"use_fips_endpoint":      settingBool("Uses AWS's endpoints that conform to FIPS 140. Not together with own endpoints. Default: `$AWS_USE_FIPS_ENDPOINT`, else `false`."),
		"use_dualstack_endpoint": settingBool("Uses AWS's endpoints that have IPv6 as well. Not together with own endpoints. Default: `$AWS_USE_DUALSTACK_ENDPOINT`, else `false`."),
		"ca_bundle":              settingString("File of certificates (PEM) to trust besides the system's. Default: `$AWS_CA_BUNDLE`."),
		"http_proxy":             secretSetting("URL of a proxy for calls over HTTP. Default: `$HTTP_PROXY`."),
		"https_proxy":            secretSetting("URL of a proxy for calls over HTTPS. Default: `$HTTPS_PROXY`."),
		"no_proxy":               settingString("Hosts to reach without a proxy, with commas between them. Default: `$NO_PROXY`."),
		"max_retries": schema.Int64Attribute{
			Optional: true, CustomType: wholeType{},
			MarkdownDescription: "How often a call that failed for a passing reason is tried again, 1 to 100. Calls are slowed down besides, so that AWS's limits are met. Default: 25.",
		},

		"default_tags": schema.MapAttribute{
			ElementType: types.StringType, Optional: true, Validators: []validator.Map{noNulls{}},
			MarkdownDescription: "Tags of everything that stacks make. A stack's own `tags` go before them; both together can be 45. Default: none.",
		},
		"allowed_account_ids": settingList("Accounts that the credentials may belong to; with any other, nothing is done. Default: any."),
		"staging_bucket": settingString("Bucket by which packages of more than 50 MB reach Lambda, in the same region. " +
			"Default: `tidegate-<account>-<region>`, which is made when it is first needed."),
	}
	return schema.SingleNestedAttribute{
		Optional: true, Attributes: attributes,
		MarkdownDescription: "AWS. Every attribute is optional: without them, credentials and region are found where AWS's own tools find them.",
	}
}

// sessionAttributes are what both ways to assume a role have.
func sessionAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"role_arn":     schema.StringAttribute{Required: true, MarkdownDescription: "ARN of the role."},
		"session_name": settingString("Name of the session, which shows in AWS's logs; 2 to 64 characters. Default: a generated one."),
		"duration": schema.StringAttribute{
			Optional: true, Validators: []validator.String{meansSomething{durationMeaning}},
			MarkdownDescription: "How long a session lasts before it is renewed, `\"15m\"` to `\"12h\"`, as far as the role allows. Default: AWS's own.",
		},
		"policy":      settingString("Policy (JSON) that narrows down what the session may do. Default: all that the role may."),
		"policy_arns": settingList("ARNs of policies that narrow down what the session may do. Default: all that the role may."),
	}
}

func roleAttributes() map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{
		"external_id": settingString("External id that the role's trust policy asks for. Default: none."),
		"tags": schema.MapAttribute{
			ElementType: types.StringType, Optional: true, Validators: []validator.Map{noNulls{}},
			MarkdownDescription: "Tags of the session. Default: none.",
		},
		"transitive_tag_keys": settingList("Keys of those `tags` that pass on to the next role of a chain. Default: none."),
		"source_identity":     settingString("Who is behind the session, which shows in AWS's logs; 2 to 64 characters. Default: none."),
	}
	maps.Copy(attributes, sessionAttributes())
	return attributes
}

func webIdentityAttribute() schema.Attribute {
	attributes := map[string]schema.Attribute{
		"web_identity_token":      secretSetting("Token of an OpenID Connect issuer. Either this or the file is needed."),
		"web_identity_token_file": settingString("File that holds the token; it is read whenever the session is renewed."),
	}
	maps.Copy(attributes, sessionAttributes())
	return schema.SingleNestedAttribute{
		Optional: true, Attributes: attributes,
		MarkdownDescription: "Role to assume with a token, as in a pipeline that has one. `assume_role` and `assume_role_chain` go on from it. Default: none.",
	}
}

func settingString(doc string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: doc}
}

func secretSetting(doc string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: doc}
}

func settingBool(doc string) schema.BoolAttribute {
	return schema.BoolAttribute{Optional: true, MarkdownDescription: doc}
}

func settingList(doc string) schema.ListAttribute {
	return schema.ListAttribute{
		ElementType: types.StringType, Optional: true, MarkdownDescription: doc,
		Validators: []validator.List{noNulls{}},
	}
}
