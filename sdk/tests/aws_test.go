package tests

import (
	"encoding/json"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/sdk/go/tidegate"
)

func TestMain(m *testing.M) { acctest.MainOnEmulators(m) }

// The same program deploys to AWS, by a provider that is configured for it.
func TestAStackLivesOnAWS(t *testing.T) {
	l := newLab(t)
	account := acctest.StartAWS(t, acctest.Ministack)
	greeting := "hello"
	s := l.stack(func(ctx *pulumi.Context) error {
		aws, err := tidegate.NewProvider(ctx, "aws", &tidegate.ProviderArgs{
			Target: pulumi.String("aws"),
			Aws: &tidegate.ProviderAwsArgs{
				Region: pulumi.String(acctest.Region), Endpoint: pulumi.String(account.Proxy.URL),
				AccessKey: pulumi.String(account.Account), SecretKey: pulumi.String(secret),
			},
		})
		if err != nil {
			return err
		}
		greet := l.greet()
		greet.Environment = pulumi.StringMap{"GREETING": pulumi.String(greeting)}
		greet.SecretsVersion = pulumi.String("1")
		_, err = tidegate.NewStack(ctx, "shop", &tidegate.StackArgs{
			Name: pulumi.String("shop"), Functions: tidegate.FunctionMap{"greet": greet},
		}, pulumi.Provider(aws))
		return err
	})
	answers := func(want string) {
		t.Helper()
		var got struct{ Greeting string }
		check(t, json.Unmarshal(account.Python(`
result = json.loads(lambda_.invoke(FunctionName="shop-greet", Qualifier="live", Payload=b"{}")["Payload"].read())
`, nil), &got))
		if got.Greeting != want {
			t.Errorf("the function says %q; it should say %q", got.Greeting, want)
		}
	}
	_, err := s.Up(l.context())
	check(t, err)
	answers("hello")
	l.noPlainSecret(s)
	_, err = s.Preview(l.context(), optpreview.ExpectNoChanges())
	check(t, err)

	greeting = "good morning"
	_, err = s.Up(l.context())
	check(t, err)
	answers("good morning")
	_, err = s.Destroy(l.context())
	check(t, err)
}
