package aws

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// newClients makes one client for each service. All stacks share them, so that the
// rate that a service allows is kept for all stacks together.
func newClients(config aws.Config, e *endpointSet) clients {
	c := clients{
		cloudwatch: cloudwatch.NewFromConfig(config, func(x *cloudwatch.Options) { e.set("cloudwatch", &x.BaseEndpoint) }),
		lambda:     lambda.NewFromConfig(config, func(x *lambda.Options) { e.set("lambda", &x.BaseEndpoint) }),
		iam:        iam.NewFromConfig(config, func(x *iam.Options) { e.set("iam", &x.BaseEndpoint) }),
		logs:       cloudwatchlogs.NewFromConfig(config, func(x *cloudwatchlogs.Options) { e.set("logs", &x.BaseEndpoint) }),
		gateway:    apigatewayv2.NewFromConfig(config, func(x *apigatewayv2.Options) { e.set("apigatewayv2", &x.BaseEndpoint) }),
		scheduler:  scheduler.NewFromConfig(config, func(x *scheduler.Options) { e.set("scheduler", &x.BaseEndpoint) }),
		s3: s3.NewFromConfig(config, func(x *s3.Options) {
			e.set("s3", &x.BaseEndpoint)
			// Others than AWS rarely have a host for each bucket.
			x.UsePathStyle = x.BaseEndpoint != nil
		}),
	}
	queues := sqs.NewFromConfig(config, func(x *sqs.Options) { e.set("sqs", &x.BaseEndpoint) })
	c.sqs = queues
	e.resolveQueues(queues.Options())
	return c
}

// An endpointSet keeps which services are reached elsewhere than at AWS's own hosts.
type endpointSet struct {
	options Options
	// used are the endpoints by service.
	used map[string]string
}

// set chooses the endpoint of a client, which is called with the one that the SDK
// took from the environment or the profile, nil if there is none.
func (e *endpointSet) set(service string, endpoint **string) {
	if own := first(e.options.Endpoints[service], e.options.Endpoint); own != "" {
		*endpoint = &own
	}
	if *endpoint != nil {
		e.used[service] = strings.TrimSuffix(**endpoint, "/")
	}
}

// resolveQueues learns where AWS has its queues, whose URLs are made of it.
func (e *endpointSet) resolveQueues(o sqs.Options) {
	if e.used["sqs"] != "" {
		return
	}
	resolved, err := o.EndpointResolverV2.ResolveEndpoint(context.Background(), sqs.EndpointParameters{
		Region:       aws.String(o.Region),
		UseDualStack: aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
		UseFIPS:      aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
	})
	if err == nil { // Otherwise every call to the service fails for the same reason.
		e.used["sqs"] = strings.TrimSuffix(resolved.URI.String(), "/")
	}
}

// url of a service in the session's region, without a slash at its end: the one that
// the provider, the environment or the profile gives, or AWS's own.
func (s *session) url(service string) string {
	if u, ok := s.endpoints[service]; ok {
		return u
	}
	return "https://" + service + "." + s.region + "." + s.domain
}
