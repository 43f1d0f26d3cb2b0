package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// stageName is that of the stage whose URL has no path.
const stageName = "$default"

// stageDescription is always there, since API Gateway offers no way to take one away.
const stageDescription = "Made by Tidegate"

// A stage answers requests to the API. It deploys changes of the routes by itself.
type stage struct {
	i    *inventory
	have *types.Stage
	// further are the names of stages that the stack does not have.
	further []string
	wish    *stageWish
}

type stageWish struct {
	// throttle is nil for none.
	throttle *stack.Throttle
	// log is what to write to the access log; nil for none.
	log  *types.AccessLogSettings
	tags map[string]string
}

func (s *stage) name() string { return "stage" }
func (s *stage) subject() string {
	return fmt.Sprintf("stage %s of the HTTP API %q", stageName, s.i.name)
}
func (s *stage) exists() bool  { return s.have != nil }
func (s *stage) foreign() bool { return false }
func (s *stage) wanted() bool  { return s.wish != nil }

func (s *stage) apiID() *string { return aws.String(s.i.api.api.id()) }

func (s *stage) read(ctx context.Context) error {
	all, err := allPages(func(token *string) ([]types.Stage, *string, error) {
		out, err := s.i.gateway.GetStages(ctx, &apigatewayv2.GetStagesInput{ApiId: s.apiID(), MaxResults: aws.String(gatewayPage), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Items, out.NextToken, nil
	})
	if err != nil && !missing(err) {
		return about(s, "read", err)
	}
	s.have, s.further = nil, nil
	for _, found := range all {
		if aws.ToString(found.StageName) == stageName {
			s.have = &found
		} else {
			s.further = append(s.further, aws.ToString(found.StageName))
		}
	}
	slices.Sort(s.further)
	return nil
}

// show tells the format of the access log, whose retention is its log group's. A stage
// that writes none, or to somewhere else, says so in words: see drift.
func (s *stage) show(d *stack.Deployment) {
	editAPI(d, func(h *stack.HTTPAPI) {
		h.Throttle = throttleOf(s.have.DefaultRouteSettings)
		if !s.logsTo(accessLogARN(s.i)) {
			return
		}
		log := stack.AccessLog{}
		if h.AccessLog != nil {
			log = *h.AccessLog
		}
		log.Format = aws.ToString(s.have.AccessLogSettings.Format)
		h.AccessLog = &log
	})
}

// throttleOf is nil if there is none. One limit without the other, or 0, which refuses
// every request, are not what a stack can have, but what somebody can make of it.
func throttleOf(r *types.RouteSettings) *stack.Throttle {
	if r == nil || r.ThrottlingRateLimit == nil && r.ThrottlingBurstLimit == nil {
		return nil
	}
	return &stack.Throttle{Rate: aws.ToFloat64(r.ThrottlingRateLimit), Burst: int(aws.ToInt32(r.ThrottlingBurstLimit))}
}

func sameThrottle(a, b *stack.Throttle) bool {
	return (a == nil) == (b == nil) && (a == nil || *a == *b)
}

// logs tells whether the stage writes an access log, and logsTo whether to that log group.
func (s *stage) logs() bool {
	return s.have.AccessLogSettings != nil && aws.ToString(s.have.AccessLogSettings.DestinationArn) != ""
}

func (s *stage) logsTo(group string) bool {
	return s.logs() && strings.TrimSuffix(*s.have.AccessLogSettings.DestinationArn, ":*") == group
}

func (s *stage) want(st stack.Stack) {
	s.wish = nil
	h := st.Trigger.HTTPAPI
	if h == nil {
		return
	}
	s.wish = &stageWish{throttle: h.Throttle, tags: s.i.tags(s.i.name, st.Tags, nil)}
	if h.AccessLog != nil {
		s.wish.log = &types.AccessLogSettings{DestinationArn: aws.String(accessLogARN(s.i)), Format: aws.String(h.AccessLog.Format)}
	}
}

func (s *stage) drift() string {
	var said remarks
	said.addIf(!aws.ToBool(s.have.AutoDeploy), "it does not deploy changes by itself")
	said.addIf(aws.ToString(s.have.Description) != stageDescription, "its description differs")
	said.addIf(s.detailed(), "it has detailed metrics")
	for _, route := range slices.Sorted(maps.Keys(s.have.RouteSettings)) {
		said.addIf(true, "it has settings of its own for the route %q", route)
	}
	if variables := slices.Sorted(maps.Keys(s.have.StageVariables)); len(variables) > 0 {
		said.addIf(true, "it has the variables %s", strings.Join(variables, ", "))
	}
	switch {
	case s.wish.log == nil && s.logs():
		said.addIf(true, "it writes an access log to %s", *s.have.AccessLogSettings.DestinationArn)
	case s.wish.log != nil && !s.logs():
		said.add("it writes no access log")
	case s.wish.log != nil && !s.logsTo(*s.wish.log.DestinationArn):
		said.addIf(true, "it writes its access log to %s", *s.have.AccessLogSettings.DestinationArn)
	}
	said.add(changeTags(s.have.Tags, s.wish.tags).String())
	for _, name := range s.further {
		said.addIf(true, "there is a further stage %q", name)
	}
	return said.String()
}

func (s *stage) detailed() bool {
	return s.have.DefaultRouteSettings != nil && aws.ToBool(s.have.DefaultRouteSettings.DetailedMetricsEnabled)
}

func (s *stage) apply(ctx context.Context) error {
	if s.have == nil {
		err := s.create(ctx)
		if hasCode(err, "ConflictException") {
			// An earlier attempt made it, and its answer was lost.
			if readErr := s.read(ctx); readErr != nil || s.have == nil {
				return err
			}
		} else if err != nil {
			return err
		}
	}
	if err := s.update(ctx); err != nil {
		return err
	}
	return s.removeFurther(ctx)
}

func (s *stage) create(ctx context.Context) error {
	in := &apigatewayv2.CreateStageInput{
		ApiId: s.apiID(), StageName: aws.String(stageName), AutoDeploy: aws.Bool(true), Description: aws.String(stageDescription),
		AccessLogSettings: s.wish.log, DefaultRouteSettings: routeSettings(s.wish.throttle), Tags: s.wish.tags,
	}
	return s.i.api.api.change(ctx, func(ctx context.Context) error {
		out, err := s.i.gateway.CreateStage(ctx, in)
		if err != nil {
			return err
		}
		s.have = &types.Stage{
			StageName: out.StageName, AutoDeploy: out.AutoDeploy, Description: out.Description, AccessLogSettings: out.AccessLogSettings,
			DefaultRouteSettings: out.DefaultRouteSettings, RouteSettings: out.RouteSettings, StageVariables: out.StageVariables, Tags: in.Tags,
		}
		return nil
	})
}

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
	set(s.detailed(), func() { in.DefaultRouteSettings = &types.RouteSettings{DetailedMetricsEnabled: aws.Bool(false)} })
	set(s.wish.throttle != nil && !sameThrottle(throttleOf(s.have.DefaultRouteSettings), s.wish.throttle),
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
			return err
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
	if err := s.deleteRouteSettings(ctx, stack.RouteDefault); err == nil {
		if err := s.read(ctx); err != nil {
			return err
		}
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

// remove leaves the stage to the API, with which it goes: neither is without the other.
func (s *stage) remove(context.Context) error {
	s.have = nil
	return nil
}
