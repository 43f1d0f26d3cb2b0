package aws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	awsbase "github.com/hashicorp/aws-sdk-go-base/v2"
)

// connect finds credentials and learns whose they are.
func connect(ctx context.Context, o Options) (*session, error) {
	base := &awsbase.Config{
		Region: o.Region, Profile: o.Profile,
		AccessKey: o.AccessKey, SecretKey: o.SecretKey, Token: o.SessionToken,
		MaxRetries: max(o.MaxRetries, 0), RetryMode: aws.RetryModeAdaptive,
		CallerName: "tidegate", CallerDocumentationURL: "https://registry.terraform.io/providers/tidegate-io/tidegate/latest/docs",
	}
	_, config, diags := awsbase.GetAwsConfig(ctx, base)
	if diags.HasError() {
		return nil, errors.New(diags.Errors()[0].Summary())
	}
	account, partition, diags := awsbase.GetAwsAccountIDAndPartition(ctx, config, base)
	if diags.HasError() {
		return nil, fmt.Errorf("cannot learn whose credentials these are: %s", diags.Errors()[0].Summary())
	}
	_ = http.DefaultClient
	s := &session{
		place:       place{partition: partition, domain: "amazonaws.com", region: config.Region, account: account},
		defaultTags: o.DefaultTags, stagingBucket: o.StagingBucket, pace: standardPace, endpoints: o.Endpoints,
	}
	s.clients = clients{
		lambda: lambda.NewFromConfig(config), iam: iam.NewFromConfig(config), logs: cloudwatchlogs.NewFromConfig(config),
		sqs: sqs.NewFromConfig(config), gateway: apigatewayv2.NewFromConfig(config), scheduler: scheduler.NewFromConfig(config),
		s3: s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }),
	}
	return s, nil
}

// url of a service: the configured one, or AWS's own.
func (s *session) url(service string) string {
	if u, ok := s.endpoints[service]; ok {
		return strings.TrimSuffix(u, "/")
	}
	return "https://" + service + "." + s.region + "." + s.domain
}
