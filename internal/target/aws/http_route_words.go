package aws

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// show is called after that of the authorizer. A route that leads to none of the
// stack's functions keeps the function it had, and drift says where it leads; one that
// the stack did not have is told by drift alone.
func (r *routes) show(d *stack.Deployment) {
	editAPI(d, func(h *stack.HTTPAPI) {
		if h.Auth != nil && r.inherited() != nil && !r.known(h) {
			auth := *h.Auth
			auth.Scopes = r.inherited()
			h.Auth = &auth
		}
		shown := map[string]stack.Route{}
		for key, route := range r.have {
			before, known := h.Routes[key]
			function := r.function(route)
			if function == "" {
				function = invokedBy(before)
			}
			if function != "" {
				shown[key] = describeRoute(route, function, h.Auth, before, known)
			}
		}
		h.Routes = shown
	})
}

// known tells whether the stack was known before, so that it need not be guessed which
// scopes are the API's and which the routes' own.
func (r *routes) known(h *stack.HTTPAPI) bool { return len(h.Routes) > 0 || len(h.Auth.Scopes) > 0 }

// inherited are the scopes that all routes with a token ask for; nil if they differ.
func (r *routes) inherited() []string {
	var common []string
	first := true
	for _, route := range r.have {
		if route.AuthorizationType != types.AuthorizationTypeJwt {
			continue
		}
		if !first && !sameSet(common, route.AuthorizationScopes, exactly) {
			return nil
		}
		common, first = route.AuthorizationScopes, false
	}
	return common
}

// function that a route leads to; "" if it is none of the stack's.
func (r *routes) function(route types.Route) string {
	if in := r.i.api.integrations.target(route.Target); in != nil {
		return r.i.api.integrations.function(*in)
	}
	return ""
}

// describeRoute is a route in the words of the model, in the spelling of before where
// that means the same.
func describeRoute(route types.Route, function string, auth *stack.JWTAuth, before stack.Route, known bool) stack.Route {
	is := stack.Route{Auth: stack.NewRoute().Auth}
	is.Function, is.Alias, _ = strings.Cut(function, ":")
	if open(route) {
		switch {
		case auth != nil:
			is.Auth = authNone
		case known && before.Auth != "":
			is.Auth = before.Auth
		}
		return is
	}
	is.Scopes = route.AuthorizationScopes
	switch {
	case known && before.Auth != authNone && sameSet(is.Scopes, scopes(before, auth), exactly):
		is.Scopes = before.Scopes
	case auth != nil && sameSet(is.Scopes, auth.Scopes, exactly):
		is.Scopes = nil
	}
	return is
}

// authNone is the stack.Route.Auth of routes that need no token.
const authNone = "none"

// open tells whether a route needs no credentials at all.
func open(route types.Route) bool {
	return route.AuthorizationType == "" || route.AuthorizationType == types.AuthorizationTypeNone
}

// scopes of which the tokens for a route need one: its own or else the API's.
func scopes(route stack.Route, auth *stack.JWTAuth) []string {
	if len(route.Scopes) > 0 || auth == nil {
		return route.Scopes
	}
	return auth.Scopes
}

// unlike says in words how a route differs from what it is to be; "" if it does not.
func (r *routes) unlike(have, wish types.Route) string {
	var said remarks
	if aws.ToString(have.Target) != aws.ToString(wish.Target) {
		said.addIf(true, "it leads to %s", r.destination(have))
	}
	switch {
	case open(have) != open(wish) || !open(have) && have.AuthorizationType != wish.AuthorizationType:
		said.addIf(true, "its authorization is %s", have.AuthorizationType)
	case open(have):
	case aws.ToString(have.AuthorizerId) != aws.ToString(wish.AuthorizerId):
		said.add("it has another authorizer")
	case !sameSet(have.AuthorizationScopes, wish.AuthorizationScopes, exactly):
		said.add("it asks for other scopes")
	}
	said.addIf(aws.ToString(have.OperationName) != "", "it has the operation name %q", aws.ToString(have.OperationName))
	return said.String()
}

// destination of a route in words.
func (r *routes) destination(route types.Route) string {
	in := r.i.api.integrations.target(route.Target)
	if in == nil {
		return "nothing"
	}
	if function := r.i.api.integrations.function(*in); function != "" {
		return fmt.Sprintf("another integration with the function %q", function)
	}
	return aws.ToString(in.IntegrationUri)
}

func (r *routes) drift() string {
	var said remarks
	for _, key := range slices.Sorted(maps.Keys(r.have)) {
		if _, wanted := r.wish[key]; !wanted {
			said.addIf(true, "there is a further one, %q, which leads to %s", key, r.destination(r.have[key]))
			continue
		}
		if unlike := r.unlike(r.have[key], r.wishFor(key)); unlike != "" {
			said.addIf(true, "%q differs: %s", key, unlike)
		}
	}
	return said.String()
}
