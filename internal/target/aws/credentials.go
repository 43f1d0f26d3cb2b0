package aws

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	awsbase "github.com/hashicorp/aws-sdk-go-base/v2"
	"github.com/hashicorp/aws-sdk-go-base/v2/diag"
)

// noCredentials says in one sentence why no credentials could be had.
func noCredentials(o Options, d diag.Diagnostic) error {
	cause := errors.New(d.Summary())
	if with, ok := d.(diag.DiagnosticWithErr); ok {
		cause = with.Err()
	}
	var profile config.SharedConfigProfileNotExistError
	switch {
	case errors.As(cause, &profile):
		return fmt.Errorf("there is no profile %q in the AWS configuration files; name one that is there, or run: aws configure --profile %s",
			profile.Profile, profile.Profile)
	case awsbase.IsCannotAssumeRoleError(d):
		return fmt.Errorf("cannot assume %s: %w", failedRole(o, d.Detail()), explain(cause))
	case o.WebIdentity != nil && strings.Contains(d.Summary(), "web identity"):
		return fmt.Errorf("cannot assume the role %s with the web identity token: %w", o.WebIdentity.RoleARN, explain(cause))
	case awsbase.IsNoValidCredentialSourcesError(d):
		return lacking(o, cause)
	}
	return fmt.Errorf("cannot find credentials for AWS: %w", explain(cause))
}

// lacking explains why the SDK's chain of sources ended without credentials.
func lacking(o Options, cause error) error {
	text := cause.Error()
	switch {
	case strings.Contains(text, "sso") || strings.Contains(text, "SSO"):
		return fmt.Errorf("the single sign-on session for AWS has ended or was never begun; run: aws sso login (with --profile NAME, if you use one)")
	case strings.Contains(text, "no EC2 IMDS role found"), strings.Contains(text, "IMDS"):
		ways := "by a profile, $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY, or the provider's aws block"
		if o.CommandLine {
			ways = "by a profile (--profile), or $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY"
		}
		return fmt.Errorf("there are no credentials for AWS; give some %s (no file, variable or metadata service has any)", ways)
	}
	return fmt.Errorf("cannot get credentials for AWS: %w", explain(cause))
}

// failedRole names the role that could not be assumed. Of several the library says
// only in its detailed text which it was.
func failedRole(o Options, detail string) string {
	for _, r := range o.AssumeRoles {
		if strings.Contains(detail, "("+r.RoleARN+")") {
			return "the role " + r.RoleARN
		}
	}
	return "a role"
}
