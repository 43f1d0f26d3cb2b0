package aws

import (
	"cmp"
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

// What an integration with a function is like.
const (
	payloadFormat = "2.0"
	// integrationTimeout in milliseconds is the longest there is.
	integrationTimeout = 30000
)

// integrations are how an API invokes functions: one for each alias of a function that a
// route names, which is written as "order", for "live", or "order:beta". One that is not exactly as it should be is not mended, as not
// every setting can be taken back; another takes its place, to which the routes move.
type integrations struct {
	i *inventory
	// have is sorted by id.
	have []types.Integration
	// wish has the functions with their aliases, sorted; nil if the stack has no API.
	wish []string
}

func (n *integrations) name() string { return "integrations" }

func (n *integrations) subject() string {
	return fmt.Sprintf("integrations of the HTTP API %q", n.i.name)
}
func (n *integrations) exists() bool  { return len(n.have) > 0 }
func (n *integrations) foreign() bool { return false }
func (n *integrations) wanted() bool  { return len(n.wish) > 0 }

func (n *integrations) apiID() *string { return aws.String(n.i.api.api.id()) }

func (n *integrations) read(ctx context.Context) error {
	all, err := allPages(func(token *string) ([]types.Integration, *string, error) {
		out, err := n.i.gateway.GetIntegrations(ctx, &apigatewayv2.GetIntegrationsInput{ApiId: n.apiID(), MaxResults: aws.String(gatewayPage), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Items, out.NextToken, nil
	})
	if err != nil && !missing(err) {
		return about(n, "read", err)
	}
	slices.SortFunc(all, func(a, b types.Integration) int {
		return cmp.Compare(aws.ToString(a.IntegrationId), aws.ToString(b.IntegrationId))
	})
	n.have = all
	return nil
}

// show leaves it to the routes to tell which function they lead to.
func (n *integrations) show(*stack.Deployment) {}

func (n *integrations) want(s stack.Stack) {
	n.wish = nil
	if h := s.Trigger.HTTPAPI; h != nil {
		functions := map[string]bool{}
		for _, route := range h.Routes {
			functions[invokedBy(route)] = true
		}
		n.wish = slices.Sorted(maps.Keys(functions))
	}
}

// invokedBy is the function that a route invokes, with its alias if that is not "live".
func invokedBy(route stack.Route) string {
	if alias := route.Qualifier(); alias != stack.AliasLive {
		return route.Function + ":" + alias
	}
	return route.Function
}

// uri of the integration with a function: its alias's ARN, which reads back as written.
func (n *integrations) uri(function string) string {
	function, alias, _ := strings.Cut(function, ":")
	return n.i.functionARN(stack.FullName(n.i.name, function), cmp.Or(alias, stack.AliasLive))
}

// function whose alias an integration invokes; "" if it is none of the stack's. The
// API Gateway console writes the ARN in a longer form.
func (n *integrations) function(in types.Integration) string {
	uri := aws.ToString(in.IntegrationUri)
	if _, path, long := strings.Cut(uri, ":lambda:path/2015-03-31/functions/"); long {
		uri = strings.TrimSuffix(path, "/invocations")
	}
	prefix := n.i.functionARN(stack.FullName(n.i.name, ""), "")
	function, alias, _ := strings.Cut(strings.TrimPrefix(uri, prefix), ":")
	if alias == "" || alias[0] < 'a' || alias[0] > 'z' { // Versions and $LATEST are no aliases.
		return ""
	}
	if function = invokedBy(stack.Route{Function: function, Alias: alias}); n.uri(function) != uri {
		return ""
	}
	return function
}

// unlike says in words how an integration differs from the one that its function
// should have; "" if it does not.
func (n *integrations) unlike(in types.Integration) string {
	var said remarks
	said.addIf(in.IntegrationType != types.IntegrationTypeAwsProxy || aws.ToString(in.IntegrationSubtype) != "", "its type is %s", in.IntegrationType)
	said.addIf(aws.ToString(in.PayloadFormatVersion) != payloadFormat, "its payload format is %s", aws.ToString(in.PayloadFormatVersion))
	said.addIf(aws.ToInt32(in.TimeoutInMillis) != integrationTimeout, "its timeout is %d ms", aws.ToInt32(in.TimeoutInMillis))
	said.addIf(aws.ToString(in.CredentialsArn) != "", "it has the role %s", aws.ToString(in.CredentialsArn))
	said.addIf(aws.ToString(in.Description) != "", "it has a description")
	said.addIf(len(in.RequestParameters) > 0, "it changes requests")
	said.addIf(len(in.ResponseParameters) > 0, "it changes responses")
	said.addIf(aws.ToString(in.ConnectionId) != "", "it has a VPC link")
	said.addIf(n.function(in) != "" && aws.ToString(in.IntegrationUri) != n.uri(n.function(in)), "its ARN is in the long form")
	return said.String()
}

// of returns the id of the integration that a function should have; "" if it has none.
func (n *integrations) of(function string) string {
	for _, in := range n.have {
		if n.function(in) == function && n.unlike(in) == "" {
			return aws.ToString(in.IntegrationId)
		}
	}
	return ""
}

// target returns the integration that a route's target names; nil if there is none.
func (n *integrations) target(target *string) *types.Integration {
	id := strings.TrimPrefix(aws.ToString(target), "integrations/")
	for at := range n.have {
		if aws.ToString(n.have[at].IntegrationId) == id {
			return &n.have[at]
		}
	}
	return nil
}

// unneeded are the integrations that the stack does not have.
func (n *integrations) unneeded() []types.Integration {
	needed := map[string]bool{}
	for _, function := range n.wish {
		needed[n.of(function)] = true
	}
	return slices.DeleteFunc(slices.Clone(n.have), func(in types.Integration) bool { return needed[aws.ToString(in.IntegrationId)] })
}

func (n *integrations) drift() string {
	var said remarks
	for _, function := range n.wish {
		said.addIf(n.of(function) == "", "that of the function %q is missing", function)
	}
	for _, in := range n.unneeded() {
		function, unlike := n.function(in), n.unlike(in)
		switch {
		case function == "":
			said.addIf(true, "there is one with %s", cmp.Or(aws.ToString(in.IntegrationUri), "nothing"))
		case !slices.Contains(n.wish, function):
			said.addIf(true, "there is one with the function %q, which no route needs", function)
		case unlike == "":
			said.addIf(true, "there is a second one with the function %q", function)
		default:
			said.addIf(true, "there is one with the function %q that differs: %s", function, unlike)
		}
	}
	return said.String()
}

// apply makes those that are missing. Those that are not needed are the routes' until
// these have moved: see removeUnneeded.
func (n *integrations) apply(ctx context.Context) error {
	for _, function := range n.wish {
		if n.of(function) != "" {
			continue
		}
		if err := n.create(ctx, function); err != nil {
			return err
		}
	}
	return nil
}

func (n *integrations) create(ctx context.Context, function string) error {
	lost := false
	err := n.i.api.api.change(ctx, func(ctx context.Context) error {
		out, err := n.i.gateway.CreateIntegration(ctx, &apigatewayv2.CreateIntegrationInput{
			ApiId: n.apiID(), IntegrationType: types.IntegrationTypeAwsProxy, IntegrationUri: aws.String(n.uri(function)),
			PayloadFormatVersion: aws.String(payloadFormat), TimeoutInMillis: aws.Int32(integrationTimeout),
		})
		if err != nil {
			return err
		}
		n.have = append(n.have, types.Integration{
			IntegrationId: out.IntegrationId, IntegrationType: out.IntegrationType, IntegrationUri: out.IntegrationUri,
			PayloadFormatVersion: out.PayloadFormatVersion, TimeoutInMillis: out.TimeoutInMillis,
		})
		lost = answerLost(out.ResultMetadata)
		return nil
	})
	if err == nil && lost {
		return n.read(ctx)
	}
	return err
}

// removeUnneeded deletes what the stack does not have, once no route uses it.
func (n *integrations) removeUnneeded(ctx context.Context) error {
	for _, in := range n.unneeded() {
		err := n.i.api.api.change(ctx, func(ctx context.Context) error {
			_, err := n.i.gateway.DeleteIntegration(ctx, &apigatewayv2.DeleteIntegrationInput{ApiId: n.apiID(), IntegrationId: in.IntegrationId})
			return err
		})
		if err != nil && !missing(err) {
			return err
		}
		n.have = slices.DeleteFunc(n.have, func(other types.Integration) bool {
			return aws.ToString(other.IntegrationId) == aws.ToString(in.IntegrationId)
		})
	}
	return nil
}

// remove leaves the integrations to the API, with which they go: neither is without
// the other.
func (n *integrations) remove(context.Context) error {
	n.have = nil
	return nil
}
