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
			return explainLog(err)
		}
		s.have = &types.Stage{
			StageName: out.StageName, AutoDeploy: out.AutoDeploy, Description: out.Description, AccessLogSettings: out.AccessLogSettings,
			DefaultRouteSettings: out.DefaultRouteSettings, RouteSettings: out.RouteSettings, StageVariables: out.StageVariables, Tags: in.Tags,
		}
		return nil
	})
}

// remove leaves the stage to the API, with which it goes: neither is without the other.
func (s *stage) remove(context.Context) error {
	s.have = nil
	return nil
}
