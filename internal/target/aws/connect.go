package aws

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	awsbase "github.com/hashicorp/aws-sdk-go-base/v2"
	"github.com/hashicorp/aws-sdk-go-base/v2/endpoints"
)

const (
	// connectTimeout bounds the search for credentials, which may ask several servers
	// and programs, and in which a person may have to type a code.
	connectTimeout = 5 * time.Minute
	// dialTimeout bounds one attempt to reach a host, answerTimeout how long it may
	// take to begin its answer once it has the whole request.
	dialTimeout, answerTimeout = 10 * time.Second, time.Minute
	// idleConnections are kept per host: as many as several stacks use at once.
	idleConnections = 16 * parallel
)

// connect finds credentials, learns whose they are and makes the clients.
func connect(ctx context.Context, o Options) (*session, error) {
	s, asker, err := newSession(ctx, o)
	if err != nil {
		return nil, err
	}
	if s.partition, s.account, err = whoAmI(ctx, asker); err != nil {
		return nil, err
	}
	return s, allowed(o.AllowedAccountIDs, s.account)
}

// newSession finds credentials and makes the clients, and one to ask whose the
// credentials are.
func newSession(ctx context.Context, o Options) (*session, *sts.Client, error) {
	base, err := baseConfig(o)
	if err != nil {
		return nil, nil, err
	}
	_, config, diags := awsbase.GetAwsConfig(ctx, base)
	if diags.HasError() {
		return nil, nil, noCredentials(o, diags.Errors()[0])
	}
	p := standardPace
	if o.pace != (pace{}) {
		p = o.pace
	}
	config.Retryer = func() aws.Retryer { return newRetryerAt(p, o.MaxRetries) }
	config.HTTPClient = tuned(config.HTTPClient)
	config.APIOptions = append(config.APIOptions, logCalls(o.Log))
	e := &endpointSet{options: o, used: map[string]string{}}
	s := &session{
		place:       place{region: config.Region},
		clients:     newClients(config, e),
		defaultTags: o.DefaultTags, stagingBucket: o.StagingBucket, pace: p,
		endpoints: e.used,
	}
	asker := sts.NewFromConfig(config, func(x *sts.Options) {
		x.Region = first(o.STSRegion, x.Region)
		e.set("sts", &x.BaseEndpoint)
	})
	if config.Region == "" {
		return nil, nil, noRegion(o)
	}
	s.domain, err = domainOf(config.Region, asker.Options().BaseEndpoint != nil)
	return s, asker, err
}

// baseConfig says the options in the words of the library that honours them.
func baseConfig(o Options) (*awsbase.Config, error) {
	if o.FIPS && (o.Endpoint != "" || len(o.Endpoints) > 0) {
		return nil, fmt.Errorf("endpoints of one's own and AWS's FIPS endpoints exclude each other; give one of them")
	}
	for service, endpoint := range o.Endpoints {
		if err := checkURL("endpoint of "+service, endpoint); err != nil {
			return nil, err
		}
	}
	for what, address := range map[string]string{"endpoint": o.Endpoint, "proxy for HTTP": o.HTTPProxy, "proxy for HTTPS": o.HTTPSProxy} {
		if address != "" {
			if err := checkURL(what, address); err != nil {
				return nil, err
			}
		}
	}
	c := &awsbase.Config{
		AccessKey: o.AccessKey, SecretKey: o.SecretKey, Token: o.SessionToken,
		APNInfo:                &awsbase.APNInfo{PartnerName: "tidegate", Products: products(o.UserAgent)},
		CallerName:             "tidegate",
		CustomCABundle:         o.CABundle,
		HTTPProxyMode:          awsbase.HTTPProxyModeSeparate,
		NoProxy:                o.NoProxy,
		Profile:                o.Profile,
		Region:                 o.Region,
		SharedConfigFiles:      o.SharedConfigFiles,
		SharedCredentialsFiles: o.SharedCredentialsFiles,
		SkipCredsValidation:    true, // whoAmI does it.
		StsEndpoint:            first(o.Endpoints["sts"], o.Endpoint),
		StsRegion:              o.STSRegion,
		SuppressDebugLog:       true,
		UseDualStackEndpoint:   o.DualStack,
		UseFIPSEndpoint:        o.FIPS,
	}
	if o.HTTPProxy != "" {
		c.HTTPProxy = &o.HTTPProxy
	}
	if o.HTTPSProxy != "" {
		c.HTTPSProxy = &o.HTTPSProxy
	}
	for _, r := range o.AssumeRoles {
		c.AssumeRole = append(c.AssumeRole, awsbase.AssumeRole{
			RoleARN: r.RoleARN, SessionName: r.SessionName, ExternalID: r.ExternalID, Duration: r.Duration, Policy: r.Policy,
			PolicyARNs: r.PolicyARNs, Tags: r.Tags, TransitiveTagKeys: r.TransitiveTagKeys, SourceIdentity: r.SourceIdentity,
		})
	}
	if w := o.WebIdentity; w != nil {
		c.AssumeRoleWithWebIdentity = &awsbase.AssumeRoleWithWebIdentity{
			RoleARN: w.RoleARN, SessionName: w.SessionName, WebIdentityToken: w.Token, WebIdentityTokenFile: w.TokenFile,
			Duration: w.Duration, Policy: w.Policy, PolicyARNs: w.PolicyARNs,
		}
	}
	return c, nil
}

// checkURL wants a URL with a scheme and a host, and keeps what may be a proxy's
// password out of the error.
func checkURL(what, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("the %s is no URL of the shape http://host:port or https://host", what)
	}
	return nil
}

// products are the parts of a user agent, "name/version name/version".
func products(userAgent string) []awsbase.UserAgentProduct {
	var all []awsbase.UserAgentProduct
	for part := range strings.FieldsSeq(userAgent) {
		name, version, _ := strings.Cut(part, "/")
		all = append(all, awsbase.UserAgentProduct{Name: name, Version: version})
	}
	return all
}

// tuned is the HTTP client with a pool big enough for calls in parallel, and without
// patience for hosts that do not answer.
func tuned(client aws.HTTPClient) aws.HTTPClient {
	c, ok := client.(*awshttp.BuildableClient)
	if !ok {
		return caller{client}
	}
	return caller{c.WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout })}.with(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 4*idleConnections, idleConnections
		t.ResponseHeaderTimeout = answerTimeout
	})
}

// whoAmI asks whose the credentials are. It is the first use of them, so what is
// wrong with them shows here.
func whoAmI(ctx context.Context, client *sts.Client) (partition, account string, err error) {
	out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", "", fmt.Errorf("cannot learn from AWS in %s whose the credentials are: %w", client.Options().Region, explain(err))
	}
	who, err := arn.Parse(aws.ToString(out.Arn))
	if err != nil || who.AccountID == "" {
		return "", "", fmt.Errorf("cannot learn whose the credentials are: what answers at %s is not AWS's STS, "+
			"for it names no account; correct the endpoint", first(aws.ToString(client.Options().BaseEndpoint), "the endpoint of STS"))
	}
	return who.Partition, who.AccountID, nil
}

// allowed refuses accounts that the provider was not meant for.
func allowed(accounts []string, account string) error {
	if len(accounts) == 0 {
		return nil
	}
	for _, a := range accounts {
		if a == account {
			return nil
		}
	}
	return fmt.Errorf("the credentials belong to the AWS account %s, and the provider is allowed only %s; "+
		"use other credentials or change allowed_account_ids", account, strings.Join(accounts, ", "))
}

// noRegion says where a region can be given.
func noRegion(o Options) error {
	place := "set region in the provider's aws block"
	if o.CommandLine {
		place = "give --region"
	}
	return fmt.Errorf("no AWS region is given; %s, $AWS_REGION, or region in the profile", place)
}

// domainOf is what the names of a region's hosts end in.
func domainOf(region string, ownEndpoints bool) (string, error) {
	partition, ok := endpoints.PartitionForRegion(endpoints.DefaultPartitions(), region)
	if !ok && !ownEndpoints {
		return "", fmt.Errorf("%q is no AWS region; one looks like eu-central-1", region)
	}
	if !ok {
		return "amazonaws.com", nil
	}
	return partition.DNSSuffix(), nil
}

// first of some texts that is not empty.
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
