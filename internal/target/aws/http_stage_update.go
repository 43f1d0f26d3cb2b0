package aws

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// routeSettings are those of all routes; nil if there is nothing to set.
func routeSettings(t *stack.Throttle) *types.RouteSettings {
	if t == nil {
		return nil
	}
	return &types.RouteSettings{
		DetailedMetricsEnabled: aws.Bool(false), ThrottlingRateLimit: aws.Float64(t.Rate), ThrottlingBurstLimit: aws.Int32(int32(t.Burst)),
	}
}

// update makes an existing stage what is wanted. API Gateway merges an update into what
// there is, so what shall go has calls of its own.
func (s *stage) update(ctx context.Context) error {
	if s.wish.throttle == nil && throttleOf(s.have.DefaultRouteSettings) != nil {
		if err := s.removeThrottle(ctx); err != nil {
			return err
		}
	}
	if err := s.updateSettings(ctx); err != nil {
		return err
	}
	if s.wish.log == nil && s.logs() {
		err := s.i.api.api.change(ctx, func(ctx context.Context) error {
			_, err := s.i.gateway.DeleteAccessLogSettings(ctx, &apigatewayv2.DeleteAccessLogSettingsInput{ApiId: s.apiID(), StageName: aws.String(stageName)})
			return err
		})
		if err != nil && !missing(err) {
			return err
		}
		s.have.AccessLogSettings = nil
	}
	for _, route := range slices.Sorted(maps.Keys(s.have.RouteSettings)) {
		if err := s.deleteRouteSettings(ctx, route); err != nil && !missing(err) {
			return err
		}
	}
	s.have.RouteSettings = nil
	var err error
	s.have.Tags, err = s.i.api.api.tag(ctx, s.i.api.api.arn("/stages/"+stageName), s.have.Tags, changeTags(s.have.Tags, s.wish.tags))
	return err
}

// updateSettings sets what an update can set.
func (s *stage) updateSettings(ctx context.Context) error {
	in := &apigatewayv2.UpdateStageInput{ApiId: s.apiID(), StageName: aws.String(stageName)}
	changes := false
	set := func(different bool, change func()) {
		if different {
			change()
			changes = true
		}
	}
	set(!aws.ToBool(s.have.AutoDeploy), func() { in.AutoDeploy = aws.Bool(true) })
	set(aws.ToString(s.have.Description) != stageDescription, func() { in.Description = aws.String(stageDescription) })
	// The settings of all routes are sent whole, lest those that are not named are lost.
	set(s.wish.throttle == nil && s.detailed(), func() { in.DefaultRouteSettings = &types.RouteSettings{DetailedMetricsEnabled: aws.Bool(false)} })
	set(s.wish.throttle != nil && (s.detailed() || !sameThrottle(throttleOf(s.have.DefaultRouteSettings), s.wish.throttle)),
		func() { in.DefaultRouteSettings = routeSettings(s.wish.throttle) })
	set(s.wish.log != nil && !(s.logsTo(*s.wish.log.DestinationArn) && aws.ToString(s.have.AccessLogSettings.Format) == *s.wish.log.Format),
		func() { in.AccessLogSettings = s.wish.log })
	set(len(s.have.StageVariables) > 0, func() {
		// An empty value removes a variable.
		in.StageVariables = map[string]string{}
		for name := range s.have.StageVariables {
			in.StageVariables[name] = ""
		}
	})
	if !changes {
		return nil
	}
	return s.i.api.api.change(ctx, func(ctx context.Context) error {
		out, err := s.i.gateway.UpdateStage(ctx, in)
		if err != nil {
			return explainLog(err)
		}
		s.have.AutoDeploy, s.have.DefaultRouteSettings, s.have.AccessLogSettings = out.AutoDeploy, out.DefaultRouteSettings, out.AccessLogSettings
		s.have.StageVariables, s.have.Description = out.StageVariables, out.Description
		return nil
	})
}

// removeThrottle has the stage let through what the account may. No documented call
// does: an update without limits leaves them as they are, and limits of 0 let nothing
// through (github.com/hashicorp/terraform-provider-aws/issues/14742 and 30373). AWS's
// support names DeleteRouteSettings (github.com/serverless/serverless/pull/8590); where
// that does not do it, a new stage does, at the price of a moment without one.
func (s *stage) removeThrottle(ctx context.Context) error {
	switch err := s.deleteRouteSettings(ctx, stack.RouteDefault); {
	case err == nil:
		if err := s.read(ctx); err != nil {
			return err
		}
	case !missing(err) && !hasCode(err, "BadRequestException"):
		return err // No reason to go without a stage.
	}
	if s.have != nil && throttleOf(s.have.DefaultRouteSettings) == nil {
		return nil
	}
	if s.have != nil {
		if err := s.delete(ctx, stageName); err != nil {
			return err
		}
		s.have = nil
	}
	return s.create(ctx)
}

func (s *stage) deleteRouteSettings(ctx context.Context, routeKey string) error {
	return s.i.api.api.change(ctx, func(ctx context.Context) error {
		_, err := s.i.gateway.DeleteRouteSettings(ctx, &apigatewayv2.DeleteRouteSettingsInput{
			ApiId: s.apiID(), StageName: aws.String(stageName), RouteKey: aws.String(routeKey),
		})
		return err
	})
}

func (s *stage) removeFurther(ctx context.Context) error {
	for len(s.further) > 0 {
		if err := s.delete(ctx, s.further[0]); err != nil {
			return err
		}
		s.further = s.further[1:]
	}
	return nil
}

func (s *stage) delete(ctx context.Context, name string) error {
	err := s.i.api.api.change(ctx, func(ctx context.Context) error {
		_, err := s.i.gateway.DeleteStage(ctx, &apigatewayv2.DeleteStageInput{ApiId: s.apiID(), StageName: aws.String(name)})
		return err
	})
	if missing(err) {
		return nil
	}
	return err
}
