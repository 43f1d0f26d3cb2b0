package aws

import (
	"log/slog"
	"time"
)

// Options say how the target reaches AWS and as whom. Whatever is left zero comes
// from the SDK's own chain: environment variables, the shared files, the identity
// of the machine.
type Options struct {
	// Region such as "eu-central-1". Default: $AWS_REGION, $AWS_DEFAULT_REGION or the
	// profile's.
	Region string
	// Profile of the shared files to use; it may be one of single sign-on. Default:
	// $AWS_PROFILE, else "default".
	Profile string
	// AccessKey and SecretKey are static credentials, and are given both or not at
	// all; SessionToken belongs to them if they are temporary.
	AccessKey, SecretKey, SessionToken string
	// SharedConfigFiles and SharedCredentialsFiles are paths that take the place of
	// ~/.aws/config and ~/.aws/credentials; a leading ~ is the home folder.
	SharedConfigFiles, SharedCredentialsFiles []string
	// AssumeRoles are assumed one after the other, each with the credentials of the
	// one before; the first with the credentials that the rest of the options lead to.
	AssumeRoles []AssumeRole
	// WebIdentity exchanges a token for the first credentials; nil means that it does
	// not.
	WebIdentity *WebIdentity
	// Endpoint is the URL that every service is reached at; empty means AWS's own.
	Endpoint string
	// Endpoints are URLs by service, which go before Endpoint. The services are
	// ServiceKeys.
	Endpoints map[string]string
	// STSRegion is the region whose STS is asked, if it is not Region.
	STSRegion string
	// FIPS and DualStack choose AWS's endpoints of these kinds.
	FIPS, DualStack bool
	// CABundle is the path of a file of certificates (PEM) to trust besides the
	// system's. Default: $AWS_CA_BUNDLE.
	CABundle string
	// HTTPProxy and HTTPSProxy are URLs of proxies for calls over either, NoProxy the
	// hosts to reach without, as in $NO_PROXY. Default: $HTTP_PROXY, $HTTPS_PROXY and
	// $NO_PROXY.
	HTTPProxy, HTTPSProxy, NoProxy string
	// MaxRetries is how often a call is tried again after its first attempt; 0 means
	// 25.
	MaxRetries int
	// DefaultTags are given to everything that a stack makes; a stack's own tags go
	// before them.
	DefaultTags map[string]string
	// AllowedAccountIDs are the accounts that the credentials may belong to; empty
	// means any.
	AllowedAccountIDs []string
	// StagingBucket is where packages of more than 50 MB are uploaded on their way to
	// Lambda. Default: "tidegate-<account>-<region>", which is made when needed.
	StagingBucket string
	// CommandLine is true if the options are a command's flags, and not the provider's
	// aws block: errors then name those.
	CommandLine bool
	// UserAgent has products with versions, "name/version", in pairs with spaces
	// between them. They go in front of the SDK's own.
	UserAgent string
	// Log gets what the target does; nil means nowhere.
	Log *slog.Logger
	// pace of what is waited for; standardPace if it is zero. Tests have less time.
	pace pace
}

// ServiceKeys are the keys of Options.Endpoints: the services that the target
// calls.
var ServiceKeys = []string{"apigatewayv2", "cloudwatch", "ec2", "ecr", "iam", "lambda", "logs", "s3", "scheduler", "sqs", "sts"}

// AssumeRole is a role to assume with sts:AssumeRole.
type AssumeRole struct {
	// RoleARN is required.
	RoleARN string
	// SessionName shows in AWS's logs. Default: one of the SDK's making.
	SessionName string
	// ExternalID is what the role's trust policy may ask for.
	ExternalID string
	// Duration of the session, 15m to 12h; 0 means 15m. Sessions are renewed.
	Duration time.Duration
	// Policy (JSON) and PolicyARNs narrow down what the session may do.
	Policy     string
	PolicyARNs []string
	// Tags of the session, and those of them that pass on to the next role's.
	Tags              map[string]string
	TransitiveTagKeys []string
	// SourceIdentity names who is behind the session, in AWS's logs.
	SourceIdentity string
}

// WebIdentity is a role to assume with sts:AssumeRoleWithWebIdentity.
type WebIdentity struct {
	// RoleARN is required.
	RoleARN string
	// SessionName shows in AWS's logs. Default: one of the SDK's making.
	SessionName string
	// Token of an OpenID Connect issuer, or TokenFile, a path that holds it and is
	// read anew whenever it is needed. One of them is required.
	Token, TokenFile string
	// Duration of the session, 15m to 12h; 0 means 1h.
	Duration time.Duration
	// Policy (JSON) and PolicyARNs narrow down what the session may do.
	Policy     string
	PolicyARNs []string
}
