package aws

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// authorizerName is that of the one authorizer an API has, if any. It is unique within
// the API.
const authorizerName = "jwt"

// tokenSource is where a request has its token.
const tokenSource = "$request.header.Authorization"

// An authorizer checks the tokens of requests. Which scopes a token must have is a
// matter of the routes.
type authorizer struct {
	i    *inventory
	have *types.Authorizer
	// further are authorizers that the stack does not have.
	further []types.Authorizer
	wish    *stack.JWTAuth
}

func (z *authorizer) name() string    { return "authorizer" }
func (z *authorizer) subject() string { return fmt.Sprintf("authorizer of the HTTP API %q", z.i.name) }
func (z *authorizer) exists() bool    { return z.have != nil || len(z.further) > 0 }
func (z *authorizer) foreign() bool   { return false }
func (z *authorizer) wanted() bool    { return z.wish != nil }

func (z *authorizer) apiID() *string { return aws.String(z.i.api.api.id()) }

// id that API Gateway gave the authorizer; empty if there is none.
func (z *authorizer) id() string {
	if z.have == nil {
		return ""
	}
	return aws.ToString(z.have.AuthorizerId)
}

func (z *authorizer) read(ctx context.Context) error {
	all, err := allPages(func(token *string) ([]types.Authorizer, *string, error) {
		out, err := z.i.gateway.GetAuthorizers(ctx, &apigatewayv2.GetAuthorizersInput{ApiId: z.apiID(), MaxResults: aws.String(gatewayPage), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Items, out.NextToken, nil
	})
	if err != nil && !missing(err) {
		return about(z, "read", err)
	}
	z.have, z.further = chooseAuthorizer(all)
	return nil
}

// chooseAuthorizer takes the stack's authorizer out of all that an API has: the one of
// its name or, when somebody gave it another, one for tokens.
func chooseAuthorizer(all []types.Authorizer) (own *types.Authorizer, further []types.Authorizer) {
	slices.SortFunc(all, func(a, b types.Authorizer) int {
		return cmp.Compare(aws.ToString(a.AuthorizerId), aws.ToString(b.AuthorizerId))
	})
	at := slices.IndexFunc(all, func(z types.Authorizer) bool { return aws.ToString(z.Name) == authorizerName })
	if at < 0 {
		at = slices.IndexFunc(all, func(z types.Authorizer) bool { return z.AuthorizerType == types.AuthorizerTypeJwt })
	}
	if at < 0 {
		return nil, all
	}
	own = &all[at]
	return own, append(slices.Clone(all[:at]), all[at+1:]...)
}

// show tells all but the scopes: see routes.
func (z *authorizer) show(d *stack.Deployment) {
	if z.have == nil {
		return
	}
	editAPI(d, func(h *stack.HTTPAPI) {
		prior := stack.JWTAuth{}
		if h.Auth != nil {
			prior = *h.Auth
		}
		issuer, audience := z.jwt()
		if sameSet(audience, prior.Audience, exactly) {
			audience = prior.Audience
		}
		h.Auth = &stack.JWTAuth{Issuer: issuer, Audience: audience, Scopes: prior.Scopes}
	})
}

// jwt is whose tokens the authorizer takes, and for whom.
func (z *authorizer) jwt() (issuer string, audience []string) {
	if z.have.JwtConfiguration == nil {
		return "", nil
	}
	return aws.ToString(z.have.JwtConfiguration.Issuer), z.have.JwtConfiguration.Audience
}

func (z *authorizer) want(s stack.Stack) {
	z.wish = nil
	if h := s.Trigger.HTTPAPI; h != nil {
		z.wish = h.Auth
	}
}

func (z *authorizer) drift() string {
	var said remarks
	if z.have == nil {
		said.add(stateMissing)
	} else {
		said.addIf(aws.ToString(z.have.Name) != authorizerName, "it is called %q", aws.ToString(z.have.Name))
		said.addIf(z.have.AuthorizerType != types.AuthorizerTypeJwt, "its type is %s", z.have.AuthorizerType)
		said.addIf(!slices.Equal(z.have.IdentitySource, []string{tokenSource}), "it looks for tokens elsewhere than in the header Authorization")
	}
	for _, further := range z.further {
		said.addIf(true, "there is a further authorizer %q", aws.ToString(further.Name))
	}
	return said.String()
}

// apply leaves further authorizers to the routes, which may still use them.
func (z *authorizer) apply(ctx context.Context) error {
	jwt := &types.JWTConfiguration{Issuer: aws.String(z.wish.Issuer), Audience: z.wish.Audience}
	if z.have == nil {
		err := z.create(ctx, jwt)
		if !nameTaken(err) {
			return err
		}
		// An earlier attempt made it, and its answer was lost.
		if readErr := z.read(ctx); readErr != nil || z.have == nil {
			return err
		}
	}
	issuer, audience := z.jwt()
	if z.sound() && issuer == z.wish.Issuer && sameSet(audience, z.wish.Audience, exactly) {
		return nil
	}
	return z.i.api.api.change(ctx, func(ctx context.Context) error {
		out, err := z.i.gateway.UpdateAuthorizer(ctx, &apigatewayv2.UpdateAuthorizerInput{
			ApiId: z.apiID(), AuthorizerId: z.have.AuthorizerId, Name: aws.String(authorizerName),
			AuthorizerType: types.AuthorizerTypeJwt, IdentitySource: []string{tokenSource}, JwtConfiguration: jwt,
		})
		if err != nil {
			return err
		}
		z.have.Name, z.have.AuthorizerType, z.have.IdentitySource, z.have.JwtConfiguration = out.Name, out.AuthorizerType, out.IdentitySource, out.JwtConfiguration
		return nil
	})
}

// nameTaken tells whether API Gateway answered that the API has an authorizer of the name.
// It calls that a bad request; its model would have it be a conflict.
func nameTaken(err error) bool {
	return says(err, "BadRequestException", "already exists") || hasCode(err, "ConflictException")
}

// sound tells whether the authorizer is as every stack wants it.
func (z *authorizer) sound() bool {
	return aws.ToString(z.have.Name) == authorizerName && z.have.AuthorizerType == types.AuthorizerTypeJwt &&
		slices.Equal(z.have.IdentitySource, []string{tokenSource})
}

func (z *authorizer) create(ctx context.Context, jwt *types.JWTConfiguration) error {
	return z.i.api.api.change(ctx, func(ctx context.Context) error {
		out, err := z.i.gateway.CreateAuthorizer(ctx, &apigatewayv2.CreateAuthorizerInput{
			ApiId: z.apiID(), Name: aws.String(authorizerName), AuthorizerType: types.AuthorizerTypeJwt,
			IdentitySource: []string{tokenSource}, JwtConfiguration: jwt,
		})
		if err != nil {
			return err
		}
		z.have = &types.Authorizer{
			AuthorizerId: out.AuthorizerId, Name: out.Name, AuthorizerType: out.AuthorizerType,
			IdentitySource: out.IdentitySource, JwtConfiguration: out.JwtConfiguration,
		}
		return nil
	})
}

// removeFurther deletes what the stack does not have, once no route uses it.
func (z *authorizer) removeFurther(ctx context.Context) error {
	for len(z.further) > 0 {
		if err := z.delete(ctx, z.further[0].AuthorizerId); err != nil {
			return err
		}
		z.further = z.further[1:]
	}
	return nil
}

func (z *authorizer) delete(ctx context.Context, id *string) error {
	err := z.i.api.api.change(ctx, func(ctx context.Context) error {
		_, err := z.i.gateway.DeleteAuthorizer(ctx, &apigatewayv2.DeleteAuthorizerInput{ApiId: z.apiID(), AuthorizerId: id})
		return err
	})
	if missing(err) {
		return nil
	}
	return err
}

// remove deletes all authorizers, unless they go with the API.
func (z *authorizer) remove(ctx context.Context) error {
	if z.i.api.api.wanted() {
		if z.have != nil {
			if err := z.delete(ctx, z.have.AuthorizerId); err != nil {
				return err
			}
			z.have = nil
		}
		if err := z.removeFurther(ctx); err != nil {
			return err
		}
	}
	z.have, z.further = nil, nil
	return nil
}
