package provider

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target/aws"
)

// Shapes of AWS's words; those of sessions are STS's:
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
var (
	regionPattern    = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)
	accountPattern   = regexp.MustCompile(`^[0-9]{12}$`)
	bucketPattern    = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	sessionPattern   = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalPattern  = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
	policyARNPattern = regexp.MustCompile(`^arn:aws[a-zA-Z-]*:iam::(aws|[0-9]{12}):policy/\S+$`)
)

// How long a session can last, and one that follows from another role's.
const (
	minSession   = 15 * time.Minute
	maxSession   = 12 * time.Hour
	maxInAChain  = time.Hour
	mostRetries  = 100
	leastRetries = 1
)

// awsValidation gathers what is wrong with the provider's `aws`. Secrets are never
// part of a problem, nor are proxies, whose URLs may hold one.
type awsValidation struct{ problems stack.Problems }

// errorf adds a problem; the paths are within `aws`.
func (v *awsValidation) errorf(paths []string, format string, args ...any) {
	p := stack.Problem{Message: fmt.Sprintf(format, args...)}
	for _, path := range paths {
		p.Paths = append(p.Paths, "aws."+path)
	}
	v.problems = append(v.problems, p)
}

func within(paths ...string) []string { return paths }

// validate returns what is wrong that can be told without asking anyone.
func (c awsConfig) validate() stack.Problems {
	v := &awsValidation{}
	v.region("region", c.Region)
	v.region("sts_region", c.STSRegion)
	v.credentials(c)
	v.roles(c)
	v.endpoints(c)
	v.proxy("http_proxy", c.HTTPProxy)
	v.proxy("https_proxy", c.HTTPSProxy)
	if n := c.MaxRetries; n != nil && (*n < leastRetries || *n > mostRetries) {
		v.errorf(within("max_retries"), "the number of retries is %d; it can be %d to %d", *n, leastRetries, mostRetries)
	}
	v.problems = append(v.problems, stack.ValidateTags("aws.default_tags", c.DefaultTags)...)
	for i, id := range c.AllowedAccountIDs {
		if !accountPattern.MatchString(id) {
			v.errorf(within(fmt.Sprintf("allowed_account_ids[%d]", i), "allowed_account_ids"), "%q is not an account id; it has twelve digits", id)
		}
	}
	if b := c.StagingBucket; b != "" && (!bucketPattern.MatchString(b) || strings.Contains(b, "..")) {
		v.errorf(within("staging_bucket"), "%q cannot name a bucket; use 3 to 63 lower-case letters, digits, hyphens and dots", b)
	}
	return v.problems
}

func (v *awsValidation) region(path, region string) {
	if region != "" && !regionPattern.MatchString(region) {
		v.errorf(within(path), "%q is not a region such as \"eu-central-1\"", region)
	}
}

func (v *awsValidation) credentials(c awsConfig) {
	switch {
	case (c.AccessKey == "") != (c.SecretKey == ""):
		v.errorf(within("access_key", "secret_key"), "an access_key and a secret_key go together; give both, or neither")
	case c.SessionToken != "" && c.AccessKey == "":
		v.errorf(within("session_token", "access_key", "secret_key"), "a session_token belongs to an access_key and a secret_key; give all three")
	}
	sources := map[string]bool{"access_key": c.AccessKey != "", "profile": c.Profile != "", "assume_role_with_web_identity": c.WebIdentity != nil}
	var given []string
	for _, source := range sortedKeys(sources) {
		if sources[source] {
			given = append(given, source)
		}
	}
	// A profile may go with a web identity: it has the region.
	if len(given) > 1 && given[0] == "access_key" {
		v.errorf(given, "credentials come from one place, and here %s are given; keep one", strings.Join(given, " and "))
	}
	if w := c.WebIdentity; w != nil {
		const at = "assume_role_with_web_identity"
		v.session(at, w.awsSession, maxSession)
		if (w.Token == "") == (w.TokenFile == "") {
			v.errorf(within(at, at+".web_identity_token", at+".web_identity_token_file"), "give the token or the file that holds it, one of the two")
		}
	}
}

func (v *awsValidation) roles(c awsConfig) {
	chained := c.WebIdentity != nil
	longest := func() time.Duration {
		if chained {
			return maxInAChain
		}
		return maxSession
	}
	if c.AssumeRole != nil {
		v.role("assume_role", *c.AssumeRole, longest())
		chained = true
	}
	for i, r := range c.AssumeRoleChain {
		v.role(fmt.Sprintf("assume_role_chain[%d]", i), r, longest())
		chained = true
	}
}

func (v *awsValidation) role(path string, r awsRole, longest time.Duration) {
	v.session(path, r.awsSession, longest)
	if r.ExternalID != "" && (!externalPattern.MatchString(r.ExternalID) || len(r.ExternalID) < 2 || len(r.ExternalID) > 1224) {
		v.errorf(within(path+".external_id"), "the external id has 2 to 1224 letters, digits and _+=,.@:/-, and this one does not")
	}
	if r.SourceIdentity != "" && (!sessionPattern.MatchString(r.SourceIdentity) || strings.HasPrefix(r.SourceIdentity, "aws:")) {
		v.errorf(within(path+".source_identity"), "%q cannot be a source identity; use 2 to 64 letters, digits and _+=,.@-", r.SourceIdentity)
	}
	v.problems = append(v.problems, stack.ValidateTags("aws."+path+".tags", r.Tags)...)
	for i, key := range r.TransitiveTagKeys {
		if _, ok := r.Tags[key]; !ok {
			v.errorf(within(fmt.Sprintf("%s.transitive_tag_keys[%d]", path, i), path+".transitive_tag_keys", path+".tags"), "%q is not the key of one of the tags", key)
		}
	}
}

func (v *awsValidation) session(path string, s awsSession, longest time.Duration) {
	if !stack.ValidRole(s.RoleARN) {
		v.errorf(within(path+".role_arn"), "%q is not the ARN of a role, such as \"arn:aws:iam::123456789012:role/deploy\"", s.RoleARN)
	}
	if s.SessionName != "" && !sessionPattern.MatchString(s.SessionName) {
		v.errorf(within(path+".session_name"), "%q cannot name a session; use 2 to 64 letters, digits and _+=,.@-", s.SessionName)
	}
	if d := s.Duration.Std(); d != 0 && (d < minSession || d > longest || d%time.Second != 0) {
		v.errorf(within(path+".duration"), "a session of %s is not possible; it can be %s to %s here, in whole seconds", s.Duration, stack.Duration(minSession), stack.Duration(longest))
	}
	if s.Policy != "" && !json.Valid([]byte(s.Policy)) {
		v.errorf(within(path+".policy"), "the policy is not JSON")
	}
	for i, arn := range s.PolicyARNs {
		if !policyARNPattern.MatchString(arn) {
			v.errorf(within(fmt.Sprintf("%s.policy_arns[%d]", path, i), path+".policy_arns"), "%q is not the ARN of a policy, such as \"arn:aws:iam::aws:policy/ReadOnlyAccess\"", arn)
		}
	}
}

func (v *awsValidation) endpoints(c awsConfig) {
	v.endpoint("endpoint", c.Endpoint)
	for _, service := range sortedKeys(c.Endpoints) {
		path := fmt.Sprintf("endpoints[%q]", service)
		if !slices.Contains(aws.ServiceKeys, service) {
			v.errorf(within(path), "Tidegate calls no service %q; it calls %s", service, strings.Join(aws.ServiceKeys, ", "))
			continue
		}
		if c.Endpoints[service] == "" {
			v.errorf(within(path), "the URL is empty; leave the service out")
		}
		v.endpoint(path, c.Endpoints[service])
	}
	for _, kind := range []struct {
		path string
		set  bool
	}{{"use_fips_endpoint", c.FIPS}, {"use_dualstack_endpoint", c.DualStack}} {
		if kind.set && (c.Endpoint != "" || len(c.Endpoints) > 0) {
			v.errorf(within(kind.path, "endpoint", "endpoints"), "it chooses among AWS's endpoints, and there are own ones; leave one of them out")
		}
	}
}

func (v *awsValidation) endpoint(path, text string) {
	if text != "" && !validURL(text, "http", "https") {
		v.errorf(within(path), "it is not the URL of a service, such as \"http://127.0.0.1:4566\": a scheme, a host and no more than a path")
	}
}

func (v *awsValidation) proxy(path, text string) {
	if text != "" && !validURL(withoutUser(text), "http", "https", "socks5") {
		v.errorf(within(path), "it is not the URL of a proxy, such as \"http://proxy.example.org:3128\"")
	}
}

// validURL tells whether a text is a URL of one of the schemes with a host and
// perhaps a path.
func validURL(text string, schemes ...string) bool {
	u, err := url.Parse(text)
	return err == nil && slices.Contains(schemes, u.Scheme) && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" && u.Opaque == ""
}

func withoutUser(text string) string {
	if u, err := url.Parse(text); err == nil {
		u.User = nil
		return u.String()
	}
	return text
}
