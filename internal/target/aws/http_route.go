package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// routes lead requests to integrations, and say which tokens they need.
type routes struct {
	i *inventory
	// have by key, which is unique within an API.
	have map[string]types.Route
	// wish by key; nil if the stack has no API.
	wish map[string]stack.Route
	// auth of the API that is wanted; nil for none.
	auth *stack.JWTAuth
}

func (r *routes) name() string    { return "routes" }
func (r *routes) subject() string { return fmt.Sprintf("routes of the HTTP API %q", r.i.name) }
func (r *routes) exists() bool    { return len(r.have) > 0 }
func (r *routes) foreign() bool   { return false }
func (r *routes) wanted() bool    { return len(r.wish) > 0 }

func (r *routes) apiID() *string { return aws.String(r.i.api.api.id()) }

func (r *routes) read(ctx context.Context) error {
	all, err := allPages(func(token *string) ([]types.Route, *string, error) {
		out, err := r.i.gateway.GetRoutes(ctx, &apigatewayv2.GetRoutesInput{ApiId: r.apiID(), MaxResults: aws.String(gatewayPage), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Items, out.NextToken, nil
	})
	if err != nil && !missing(err) {
		return about(r, "read", err)
	}
	r.have = map[string]types.Route{}
	for _, route := range all {
		r.have[aws.ToString(route.RouteKey)] = route
	}
	return nil
}

func (r *routes) want(s stack.Stack) {
	r.wish, r.auth = nil, nil
	if h := s.Trigger.HTTPAPI; h != nil {
		r.wish, r.auth = h.Routes, h.Auth
	}
}

// wishFor is what a route is to be like.
func (r *routes) wishFor(key string) types.Route {
	route := r.wish[key]
	wish := types.Route{
		RouteKey: aws.String(key), Target: aws.String("integrations/" + r.i.api.integrations.of(invokedBy(route))),
		AuthorizationType: types.AuthorizationTypeNone, AuthorizationScopes: []string{},
	}
	if r.auth != nil && route.Auth != authNone {
		wish.AuthorizationType, wish.AuthorizerId = types.AuthorizationTypeJwt, aws.String(r.i.api.authorizer.id())
		wish.AuthorizationScopes = append(wish.AuthorizationScopes, scopes(route, r.auth)...)
	}
	return wish
}

// apply also removes the integrations and authorizers that no route needs any more.
func (r *routes) apply(ctx context.Context) error {
	if r.have == nil {
		r.have = map[string]types.Route{}
	}
	for _, key := range slices.Sorted(maps.Keys(r.wish)) {
		if err := r.applyOne(ctx, key); err != nil {
			return fmt.Errorf("route %q: %w", key, err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(r.have)) {
		if _, wanted := r.wish[key]; wanted {
			continue
		}
		if err := r.delete(ctx, key); err != nil {
			return fmt.Errorf("route %q: %w", key, err)
		}
	}
	if err := r.i.api.integrations.removeUnneeded(ctx); err != nil {
		return err
	}
	return r.i.api.authorizer.removeFurther(ctx)
}

func (r *routes) applyOne(ctx context.Context, key string) error {
	wish := r.wishFor(key)
	if have, ok := r.have[key]; ok {
		if r.unlike(have, wish) == "" {
			return nil
		}
		return r.update(ctx, have, wish)
	}
	if have, ok := r.sameShape(key); ok {
		return r.update(ctx, have, wish)
	}
	err := r.create(ctx, wish)
	if !hasCode(err, "ConflictException") {
		return err
	}
	// An earlier attempt made it, and its answer was lost.
	if readErr := r.read(ctx); readErr != nil {
		return err
	}
	have, ok := r.have[key]
	if !ok {
		return err
	}
	return r.update(ctx, have, wish)
}

// sameShape finds a route that goes and matches the same requests as a new one: only
// the names of its parameters are others. It changes its key, so that requests are
// answered throughout.
func (r *routes) sameShape(key string) (types.Route, bool) {
	wanted, err := stack.ParseRouteKey(key)
	if err != nil {
		return types.Route{}, false
	}
	for _, other := range slices.Sorted(maps.Keys(r.have)) {
		if _, stays := r.wish[other]; stays {
			continue
		}
		if parsed, err := stack.ParseRouteKey(other); err == nil && parsed.Shape() == wanted.Shape() {
			return r.have[other], true
		}
	}
	return types.Route{}, false
}

// create names scopes only if there are any: API Gateway takes them for tokens alone.
func (r *routes) create(ctx context.Context, wish types.Route) error {
	in := &apigatewayv2.CreateRouteInput{
		ApiId: r.apiID(), RouteKey: wish.RouteKey, Target: wish.Target,
		AuthorizationType: wish.AuthorizationType, AuthorizerId: wish.AuthorizerId,
	}
	if len(wish.AuthorizationScopes) > 0 {
		in.AuthorizationScopes = wish.AuthorizationScopes
	}
	return r.i.api.api.change(ctx, func(ctx context.Context) error {
		out, err := r.i.gateway.CreateRoute(ctx, in)
		if err != nil {
			return err
		}
		r.have[*wish.RouteKey] = types.Route{
			RouteId: out.RouteId, RouteKey: wish.RouteKey, Target: out.Target,
			AuthorizationType: out.AuthorizationType, AuthorizerId: out.AuthorizerId, AuthorizationScopes: out.AuthorizationScopes,
		}
		return nil
	})
}

// update clears what is not wanted with empty values, since absent ones change nothing.
// It names neither scopes where none were and none are to be, nor the key if it stays.
func (r *routes) update(ctx context.Context, have, wish types.Route) error {
	in := &apigatewayv2.UpdateRouteInput{
		ApiId: r.apiID(), RouteId: have.RouteId, Target: wish.Target,
		AuthorizationType: wish.AuthorizationType, AuthorizerId: wish.AuthorizerId,
	}
	if aws.ToString(have.RouteKey) != *wish.RouteKey {
		in.RouteKey = wish.RouteKey
	}
	if len(have.AuthorizationScopes)+len(wish.AuthorizationScopes) > 0 {
		in.AuthorizationScopes = wish.AuthorizationScopes
	}
	if in.AuthorizerId == nil && aws.ToString(have.AuthorizerId) != "" {
		in.AuthorizerId = aws.String("")
	}
	if aws.ToString(have.OperationName) != "" {
		in.OperationName = aws.String("")
	}
	return r.i.api.api.change(ctx, func(ctx context.Context) error {
		out, err := r.i.gateway.UpdateRoute(ctx, in)
		if err != nil {
			return err
		}
		delete(r.have, aws.ToString(have.RouteKey))
		r.have[*wish.RouteKey] = types.Route{
			RouteId: have.RouteId, RouteKey: wish.RouteKey, Target: out.Target, OperationName: out.OperationName,
			AuthorizationType: out.AuthorizationType, AuthorizerId: out.AuthorizerId, AuthorizationScopes: out.AuthorizationScopes,
		}
		return nil
	})
}

func (r *routes) delete(ctx context.Context, key string) error {
	err := r.i.api.api.change(ctx, func(ctx context.Context) error {
		_, err := r.i.gateway.DeleteRoute(ctx, &apigatewayv2.DeleteRouteInput{ApiId: r.apiID(), RouteId: r.have[key].RouteId})
		return err
	})
	if err != nil && !missing(err) {
		return err
	}
	delete(r.have, key)
	return nil
}

// remove leaves the routes to the API, with which they go: neither is without the other.
func (r *routes) remove(context.Context) error {
	r.have = nil
	return nil
}
