package aws

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// emulatorAccount is an account on an emulator of the test's own, and clients that are not
// bound to what this package may call, for the hand that changes things behind it.
type emulatorAccount struct {
	session   *session
	iam       *iam.Client
	lambda    *lambda.Client
	sqs       *sqs.Client
	scheduler *scheduler.Client
}

// startMoto starts moto, of which the test is the only user.
func startMoto(t *testing.T) *emulatorAccount {
	t.Helper()
	return startEmulator(t, harness.Moto)
}

// startEmulator starts an emulator, of which the test is the only user.
func startEmulator(t *testing.T, kind harness.EmulatorKind) *emulatorAccount {
	t.Helper()
	emulator := acctest.OwnEmulator(t, kind)
	// Moto takes it for the account of unknown keys, ministack for the one of the key.
	const account = "123456789012"
	config := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(emulator.URL), HTTPClient: tuned(awshttp.NewBuildableClient()),
		Credentials: credentials.NewStaticCredentialsProvider(account, "test", ""),
	}
	m := &emulatorAccount{
		iam: iam.NewFromConfig(config), lambda: lambda.NewFromConfig(config),
		sqs: sqs.NewFromConfig(config), scheduler: scheduler.NewFromConfig(config),
	}
	m.session = &session{
		place: place{partition: "aws", domain: "amazonaws.com", region: config.Region, account: account},
		clients: clients{
			iam: m.iam, lambda: m.lambda, sqs: m.sqs, scheduler: m.scheduler,
			logs: cloudwatchlogs.NewFromConfig(config), gateway: apigatewayv2.NewFromConfig(config),
		},
		endpoints: map[string]string{"sqs": emulator.URL},
		pace:      quickPace,
	}
	return m
}

// quickPace is for what answers at once.
var quickPace = pace{first: time.Millisecond, longest: 20 * time.Millisecond, propagation: 10 * time.Second, backoff: 20 * time.Millisecond}
