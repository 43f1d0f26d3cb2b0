package aws

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

func (a *gatewayAccount) testDrift(t *testing.T) {
	s := shopStack()
	a.check(t, s, s)
	for _, drift := range apiDrifts {
		if !a.able(drift.needs) {
			continue
		}
		t.Run(drift.name, func(t *testing.T) {
			i := a.read(t, s)
			if err := drift.change(t.Context(), a, i); err != nil {
				t.Fatal(err)
			}
			said := a.read(t, s).describe(s).Components[drift.component]
			if !strings.Contains(said, drift.says) {
				t.Errorf("%s says %q, and not %q", drift.component, said, drift.says)
			}
			a.check(t, s, s)
		})
	}
	a.removed(t, s)
}

// apiDrifts are what a hand changes that no attribute shows.
var apiDrifts = []struct {
	name, component, says string
	needs                 []string
	change                func(ctx context.Context, a *gatewayAccount, i *inventory) error
}{
	{"another name", "api", `it is called "mine"`, nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.UpdateApi(ctx, &apigatewayv2.UpdateApiInput{ApiId: i.api.stage.apiID(), Name: aws.String("mine")})
		return err
	}},
	{"a description", "api", "it has a description", nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.UpdateApi(ctx, &apigatewayv2.UpdateApiInput{ApiId: i.api.stage.apiID(), Description: aws.String("mine"), Version: aws.String("7")})
		return err
	}},
	{"no URL", "api", "its URL is disabled", nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.UpdateApi(ctx, &apigatewayv2.UpdateApiInput{ApiId: i.api.stage.apiID(), DisableExecuteApiEndpoint: aws.Bool(true)})
		return err
	}},
	{"another tag", "api", "its tags mine, team differ", []string{newTagsRead}, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.TagResource(ctx, &apigatewayv2.TagResourceInput{ResourceArn: i.api.api.arn(""), Tags: map[string]string{"mine": "1", "team": "2"}})
		return err
	}},
	{"a second API", "api", "there is a second API", nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.CreateApi(ctx, &apigatewayv2.CreateApiInput{
			Name: aws.String("shop"), ProtocolType: types.ProtocolTypeHttp, Tags: i.api.api.have.Tags,
		})
		return err
	}},
	{"no API", "api", stateMissing, nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.DeleteApi(ctx, &apigatewayv2.DeleteApiInput{ApiId: i.api.stage.apiID()})
		return err
	}},
	{"no authorizer", "authorizer", stateMissing, nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		for _, route := range i.api.routes.have {
			if _, err := a.hand.DeleteRoute(ctx, &apigatewayv2.DeleteRouteInput{ApiId: i.api.stage.apiID(), RouteId: route.RouteId}); err != nil {
				return err
			}
		}
		_, err := a.hand.DeleteAuthorizer(ctx, &apigatewayv2.DeleteAuthorizerInput{ApiId: i.api.stage.apiID(), AuthorizerId: i.api.authorizer.have.AuthorizerId})
		return err
	}},
	{"another place of tokens", "authorizer", "it looks for tokens elsewhere", nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.UpdateAuthorizer(ctx, &apigatewayv2.UpdateAuthorizerInput{
			ApiId: i.api.stage.apiID(), AuthorizerId: i.api.authorizer.have.AuthorizerId, IdentitySource: []string{"$request.querystring.token"}, Name: aws.String("mine"),
		})
		return err
	}},
	{"a further authorizer", "authorizer", `there is a further authorizer "mine"`, []string{othersAuthorizers}, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		out, err := a.hand.CreateAuthorizer(ctx, &apigatewayv2.CreateAuthorizerInput{
			ApiId: i.api.stage.apiID(), AuthorizerType: types.AuthorizerTypeJwt, Name: aws.String("mine"), IdentitySource: []string{tokenSource},
			JwtConfiguration: &types.JWTConfiguration{Issuer: aws.String("https://mine.example.org"), Audience: []string{"a"}},
		})
		if err != nil {
			return err
		}
		_, err = a.hand.UpdateRoute(ctx, &apigatewayv2.UpdateRouteInput{
			ApiId: i.api.stage.apiID(), RouteId: i.api.routes.have["POST /orders"].RouteId, AuthorizerId: out.AuthorizerId,
		})
		return err
	}},
	{"a changed integration", "integrations", `there is one with the function "create" that differs: its timeout is 5000 ms`, nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.UpdateIntegration(ctx, &apigatewayv2.UpdateIntegrationInput{
			ApiId: i.api.stage.apiID(), IntegrationId: aws.String(i.api.integrations.of("create")), TimeoutInMillis: aws.Int32(5000),
			IntegrationMethod: aws.String("POST"),
		})
		return err
	}},
	{"an integration with a version", "routes", `"GET /health" differs: it leads to arn:aws:lambda:us-east-1:123456789012:function:shop-show:1`, nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.UpdateIntegration(ctx, &apigatewayv2.UpdateIntegrationInput{
			ApiId: i.api.stage.apiID(), IntegrationId: aws.String(i.api.integrations.of("show")),
			IntegrationUri: aws.String("arn:aws:lambda:us-east-1:123456789012:function:shop-show:1"), IntegrationMethod: aws.String("POST"),
		})
		return err
	}},
	{"a further integration", "integrations", "there is one with https://example.org", nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.CreateIntegration(ctx, &apigatewayv2.CreateIntegrationInput{
			ApiId: i.api.stage.apiID(), IntegrationType: types.IntegrationTypeHttpProxy, IntegrationUri: aws.String("https://example.org"),
			PayloadFormatVersion: aws.String("1.0"), IntegrationMethod: aws.String("GET"),
		})
		return err
	}},
	{"a route to somewhere else", "routes", `there is a further one, "GET /mine", which leads to https://example.org`, nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		out, err := a.hand.CreateIntegration(ctx, &apigatewayv2.CreateIntegrationInput{
			ApiId: i.api.stage.apiID(), IntegrationType: types.IntegrationTypeHttpProxy, IntegrationUri: aws.String("https://example.org"),
			PayloadFormatVersion: aws.String("1.0"), IntegrationMethod: aws.String("GET"),
		})
		if err != nil {
			return err
		}
		_, err = a.hand.CreateRoute(ctx, &apigatewayv2.CreateRouteInput{
			ApiId: i.api.stage.apiID(), RouteKey: aws.String("GET /mine"), Target: aws.String("integrations/" + *out.IntegrationId),
		})
		return err
	}},
	{"no routes", "routes", stateMissing, nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		for _, route := range i.api.routes.have {
			if _, err := a.hand.DeleteRoute(ctx, &apigatewayv2.DeleteRouteInput{ApiId: i.api.stage.apiID(), RouteId: route.RouteId}); err != nil {
				return err
			}
		}
		return nil
	}},
	{"other credentials", "routes", `"POST /orders" differs: its authorization is AWS_IAM`, nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.UpdateRoute(ctx, &apigatewayv2.UpdateRouteInput{
			ApiId: i.api.stage.apiID(), RouteId: i.api.routes.have["POST /orders"].RouteId, AuthorizationType: types.AuthorizationTypeAwsIam,
		})
		return err
	}},
	{"no stage", "stage", stateMissing, nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.DeleteStage(ctx, &apigatewayv2.DeleteStageInput{ApiId: i.api.stage.apiID(), StageName: aws.String(stageName)})
		return err
	}},
	{"a further stage", "stage", `there is a further stage "mine"`, nil, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.CreateStage(ctx, &apigatewayv2.CreateStageInput{ApiId: i.api.stage.apiID(), StageName: aws.String("mine")})
		return err
	}},
	{"no deploying", "stage", "it does not deploy changes by itself; its description differs", []string{updateStage}, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.UpdateStage(ctx, &apigatewayv2.UpdateStageInput{
			ApiId: i.api.stage.apiID(), StageName: aws.String(stageName), AutoDeploy: aws.Bool(false), Description: aws.String("mine"),
		})
		return err
	}},
	{"another access log", "stage", "it writes its access log to arn:aws:logs:us-east-1:123456789012:log-group:mine", []string{updateStage}, func(ctx context.Context, a *gatewayAccount, i *inventory) error {
		_, err := a.hand.UpdateStage(ctx, &apigatewayv2.UpdateStageInput{
			ApiId: i.api.stage.apiID(), StageName: aws.String(stageName), AccessLogSettings: &types.AccessLogSettings{
				DestinationArn: aws.String("arn:aws:logs:us-east-1:123456789012:log-group:mine"), Format: aws.String("$context.requestId"),
			},
		})
		return err
	}},
	{"no log group", "access_log", stateMissing, nil, func(ctx context.Context, a *gatewayAccount, _ *inventory) error {
		_, err := a.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(accessLogGroup("shop"))})
		return err
	}},
}
