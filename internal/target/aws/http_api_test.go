package aws

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// apiInventory has the components of one HTTP API, of which nothing exists.
func apiInventory() *inventory {
	i := &inventory{
		session: &session{place: place{partition: "aws", domain: "amazonaws.com", region: "eu-central-1", account: "123456789012"}, pace: quickPace},
		shape:   shape{name: "shop", kind: stack.KindHTTPAPI},
	}
	i.api = i.addAPI()
	return i
}

func TestCORSIsShownInTheSpellingThatWasKnown(t *testing.T) {
	prior := &stack.CORS{AllowOrigins: []string{"https://b", "https://a"}, AllowHeaders: []string{"Content-Type"}, AllowMethods: []string{"GET"}, MaxAge: seconds(60)}
	have := &types.Cors{
		AllowOrigins: []string{"https://a", "https://b"}, AllowHeaders: []string{"content-type"}, AllowMethods: []string{"GET", "PUT"},
		ExposeHeaders: []string{}, AllowCredentials: aws.Bool(false), MaxAge: aws.Int32(60),
	}
	want := *prior
	want.AllowMethods = []string{"GET", "PUT"}
	if diff := cmp.Diff(&want, corsOf(have, prior)); diff != "" {
		t.Errorf("(-want +is):\n%s", diff)
	}
	if sameCORS(have, prior) {
		t.Error("other methods are the same CORS rules")
	}
	if !sameCORS(corsInput(prior), prior) || !sameCORS(nil, nil) || sameCORS(nil, prior) || sameCORS(have, nil) {
		t.Error("CORS rules are not compared right")
	}
}

func TestChoosingTheStacksAuthorizer(t *testing.T) {
	z := func(id, name string, kind types.AuthorizerType) types.Authorizer {
		return types.Authorizer{AuthorizerId: aws.String(id), Name: aws.String(name), AuthorizerType: kind}
	}
	for name, test := range map[string]struct {
		all     []types.Authorizer
		own     string
		further int
	}{
		"none":              {nil, "", 0},
		"by name":           {[]types.Authorizer{z("1", "mine", "JWT"), z("2", "jwt", "JWT")}, "2", 1},
		"renamed":           {[]types.Authorizer{z("3", "mine", "JWT"), z("1", "other", "REQUEST"), z("2", "mine", "JWT")}, "2", 2},
		"of a type changed": {[]types.Authorizer{z("1", "jwt", "REQUEST"), z("2", "mine", "JWT")}, "1", 1},
		"somebody's only":   {[]types.Authorizer{z("1", "mine", "REQUEST")}, "", 1},
	} {
		own, further := chooseAuthorizer(test.all)
		id := ""
		if own != nil {
			id = aws.ToString(own.AuthorizerId)
		}
		if id != test.own || len(further) != test.further {
			t.Errorf("%s: %q and %d further, want %q and %d", name, id, len(further), test.own, test.further)
		}
	}
}

// A fakeGateway answers what no emulator does. Calls that it has no answer for panic.
type fakeGateway struct {
	gatewayAPI
	getApis   func(*apigatewayv2.GetApisInput) (*apigatewayv2.GetApisOutput, error)
	deleteAPI func() error
	stage     *types.Stage
	calls     []string
	// routeSettings is whether DeleteRouteSettings takes away a throttle, and
	// settingsError what it answers.
	routeSettings bool
	settingsError error
	// stageError is answered to changes of the stage.
	stageError error
	// updatedStage and the routes are what was sent.
	updatedStage *apigatewayv2.UpdateStageInput
	createdRoute *apigatewayv2.CreateRouteInput
	updatedRoute *apigatewayv2.UpdateRouteInput
}

func (g *fakeGateway) GetApis(_ context.Context, in *apigatewayv2.GetApisInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.GetApisOutput, error) {
	return g.getApis(in)
}

func (g *fakeGateway) DeleteApi(context.Context, *apigatewayv2.DeleteApiInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteApiOutput, error) {
	return nil, g.deleteAPI()
}

func (g *fakeGateway) DeleteRouteSettings(context.Context, *apigatewayv2.DeleteRouteSettingsInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteRouteSettingsOutput, error) {
	g.calls = append(g.calls, "DeleteRouteSettings")
	if g.routeSettings {
		g.stage.DefaultRouteSettings = nil
	}
	return nil, g.settingsError
}

func (g *fakeGateway) CreateRoute(_ context.Context, in *apigatewayv2.CreateRouteInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.CreateRouteOutput, error) {
	g.createdRoute = in
	return &apigatewayv2.CreateRouteOutput{}, nil
}

func (g *fakeGateway) UpdateRoute(_ context.Context, in *apigatewayv2.UpdateRouteInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.UpdateRouteOutput, error) {
	g.updatedRoute = in
	return &apigatewayv2.UpdateRouteOutput{}, nil
}

func (g *fakeGateway) DeleteAccessLogSettings(context.Context, *apigatewayv2.DeleteAccessLogSettingsInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteAccessLogSettingsOutput, error) {
	g.calls = append(g.calls, "DeleteAccessLogSettings")
	return nil, nil
}

func (g *fakeGateway) UpdateStage(_ context.Context, in *apigatewayv2.UpdateStageInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.UpdateStageOutput, error) {
	g.calls = append(g.calls, "UpdateStage")
	g.updatedStage = in
	if g.stageError != nil {
		return nil, g.stageError
	}
	out := &apigatewayv2.UpdateStageOutput{AutoDeploy: aws.Bool(true), Description: aws.String(stageDescription), StageVariables: map[string]string{}}
	for name, value := range in.StageVariables {
		if value != "" {
			out.StageVariables[name] = value
		}
	}
	return out, nil
}

func (g *fakeGateway) GetStages(context.Context, *apigatewayv2.GetStagesInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.GetStagesOutput, error) {
	g.calls = append(g.calls, "GetStages")
	return &apigatewayv2.GetStagesOutput{Items: []types.Stage{*g.stage}}, nil
}

func (g *fakeGateway) DeleteStage(context.Context, *apigatewayv2.DeleteStageInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteStageOutput, error) {
	g.calls = append(g.calls, "DeleteStage")
	return nil, nil
}

func (g *fakeGateway) CreateStage(_ context.Context, in *apigatewayv2.CreateStageInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.CreateStageOutput, error) {
	g.calls = append(g.calls, "CreateStage")
	if g.stageError != nil {
		return nil, g.stageError
	}
	return &apigatewayv2.CreateStageOutput{StageName: in.StageName, AutoDeploy: in.AutoDeploy, Description: in.Description, DefaultRouteSettings: in.DefaultRouteSettings}, nil
}

func TestChangesWaitForOthersToTheSameAPI(t *testing.T) {
	i := apiInventory()
	busy := &smithy.GenericAPIError{Code: "ConflictException", Message: "Unable to complete operation due to concurrent modification. Please try again later."}
	used := &smithy.GenericAPIError{Code: "ConflictException", Message: "Cannot delete Integration because it is referenced by the following Routes with Ids: [a]"}
	answers := []error{busy, busy, nil, used}
	i.gateway = &fakeGateway{deleteAPI: func() error {
		answer := answers[0]
		answers = answers[1:]
		return answer
	}}
	i.api.api.have = &types.Api{ApiId: aws.String("a")}
	if err := i.api.api.delete(t.Context(), aws.String("a")); err != nil {
		t.Errorf("gave up: %v", err)
	}
	if err := i.api.api.delete(t.Context(), aws.String("a")); !errors.Is(err, used) {
		t.Errorf("%v, want %v", err, used)
	}
}
