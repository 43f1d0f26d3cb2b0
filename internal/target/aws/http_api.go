package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// An api is the HTTP API of a stack. Names of APIs are not unique: it is the stack's
// by its tag, and another of the same name does not matter.
type api struct {
	i    *inventory
	have *types.Api
	// further APIs that have the stack's tag, made by creates whose answers were lost.
	further []types.Api
	wish    *apiWish
	// changing is held during changes to the API and what hangs on it: see change.
	changing sync.Mutex
}

type apiWish struct {
	cors *stack.CORS
	tags map[string]string
}

func (a *api) name() string    { return stack.ComponentAPI }
func (a *api) subject() string { return fmt.Sprintf("HTTP API %q", a.i.name) }
func (a *api) exists() bool    { return a.have != nil }
func (a *api) foreign() bool   { return false }
func (a *api) wanted() bool    { return a.wish != nil }

// id that API Gateway gave the API; empty if it does not exist.
func (a *api) id() string {
	if a.have == nil {
		return ""
	}
	return aws.ToString(a.have.ApiId)
}

// arn by which API Gateway's tags know the API, or what hangs on it: it has no account.
func (a *api) arn(rest string) *string {
	return aws.String(stack.ARN{Partition: a.i.partition, Service: "apigateway", Region: a.i.region, Resource: "/apis/" + a.id() + rest}.String())
}

// change makes a change to the API or to what hangs on it. API Gateway does one at a
// time for each API, and refuses those that come meanwhile.
func (a *api) change(ctx context.Context, do func(ctx context.Context) error) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	return a.i.pace.retry(ctx, func(err error) bool { return says(err, "ConflictException", "try again later") }, do)
}

func (a *api) read(ctx context.Context) error {
	found, err := a.i.apis.of(ctx, a.i.gateway, a.i.name)
	if err != nil {
		return about(a, "read", err)
	}
	if len(found) > 0 {
		oldest := found[0]
		a.have, a.further = &oldest, found[1:]
	}
	return nil
}

func (a *api) show(d *stack.Deployment) {
	d.ARN = a.i.arn("execute-api", a.id())
	d.URL = strings.TrimSuffix(aws.ToString(a.have.ApiEndpoint), "/")
	editAPI(d, func(h *stack.HTTPAPI) { h.CORS = corsOf(a.have.CorsConfiguration, h.CORS) })
}

// editAPI changes the HTTP API of a deployment's stack, and leaves that of the stack
// it was taken from alone.
func editAPI(d *stack.Deployment, edit func(h *stack.HTTPAPI)) {
	h := stack.HTTPAPI{}
	if d.Stack.Trigger.HTTPAPI != nil {
		h = *d.Stack.Trigger.HTTPAPI
	}
	edit(&h)
	d.Stack.Trigger = stack.Trigger{HTTPAPI: &h}
}

func (a *api) want(s stack.Stack) {
	a.wish = nil
	if h := s.Trigger.HTTPAPI; h != nil {
		a.wish = &apiWish{cors: h.CORS, tags: a.i.tags(a.i.name, s.Tags, nil)}
	}
}

func (a *api) drift() string {
	var said remarks
	said.addIf(aws.ToString(a.have.Name) != a.i.name, "it is called %q", aws.ToString(a.have.Name))
	said.addIf(aws.ToString(a.have.Description) != "", "it has a description")
	said.addIf(aws.ToString(a.have.Version) != "", "it has the version %q", aws.ToString(a.have.Version))
	said.addIf(aws.ToBool(a.have.DisableExecuteApiEndpoint), "its URL is disabled")
	said.addIf(a.dualStack(), "it is reached over IPv6 too")
	said.add(changeTags(a.have.Tags, a.wish.tags).String())
	for _, further := range a.further {
		said.addIf(true, "there is a second API, %s", aws.ToString(further.ApiId))
	}
	return said.String()
}

func (a *api) dualStack() bool { return a.have.IpAddressType == types.IpAddressTypeDualstack }

func (a *api) apply(ctx context.Context) error {
	if a.have == nil {
		if err := a.create(ctx); err != nil {
			return err
		}
	} else if err := a.update(ctx); err != nil {
		return err
	}
	return a.removeFurther(ctx)
}

func (a *api) create(ctx context.Context) error {
	a.i.apis.changed(a.i.name)
	defer a.i.apis.changed(a.i.name)
	out, err := a.i.gateway.CreateApi(ctx, &apigatewayv2.CreateApiInput{
		Name: aws.String(a.i.name), ProtocolType: types.ProtocolTypeHttp, CorsConfiguration: corsInput(a.wish.cors), Tags: a.wish.tags,
	})
	if err != nil {
		return err
	}
	a.have = &types.Api{
		ApiEndpoint: out.ApiEndpoint, ApiId: out.ApiId, CorsConfiguration: out.CorsConfiguration, CreatedDate: out.CreatedDate,
		Description: out.Description, DisableExecuteApiEndpoint: out.DisableExecuteApiEndpoint, IpAddressType: out.IpAddressType,
		Name: out.Name, ProtocolType: out.ProtocolType, Tags: a.wish.tags, Version: out.Version,
	}
	if answerLost(out.ResultMetadata) {
		a.i.apis.changed(a.i.name)
		return a.read(ctx)
	}
	return nil
}

// answerLost tells whether a call was made more than once, and not only because it was
// refused before: then an earlier attempt may have made something as well. API Gateway
// has no token to prevent that.
func answerLost(metadata middleware.Metadata) bool {
	attempts, _ := retry.GetAttemptResults(metadata)
	return slices.ContainsFunc(attempts.Results, func(attempt retry.AttemptResult) bool {
		return attempt.Err != nil && !hasCode(attempt.Err, "TooManyRequestsException")
	})
}

func (a *api) update(ctx context.Context) error {
	before := *a.have
	in := apigatewayv2.UpdateApiInput{ApiId: before.ApiId}
	changes := false
	set := func(different bool, change func()) {
		if different {
			change()
			changes = true
		}
	}
	set(aws.ToString(before.Name) != a.i.name, func() { in.Name = aws.String(a.i.name) })
	// Empty texts, unlike absent ones, clear them.
	set(aws.ToString(before.Description) != "", func() { in.Description = aws.String("") })
	set(aws.ToString(before.Version) != "", func() { in.Version = aws.String("") })
	set(aws.ToBool(before.DisableExecuteApiEndpoint), func() { in.DisableExecuteApiEndpoint = aws.Bool(false) })
	set(a.dualStack(), func() { in.IpAddressType = types.IpAddressTypeIpv4 })
	set(a.wish.cors != nil && !sameCORS(before.CorsConfiguration, a.wish.cors), func() { in.CorsConfiguration = corsInput(a.wish.cors) })
	tags := changeTags(before.Tags, a.wish.tags)
	removeCORS := a.wish.cors == nil && before.CorsConfiguration != nil
	if changes || removeCORS || !tags.empty() {
		a.i.apis.changed(a.i.name)
		defer a.i.apis.changed(a.i.name)
	}
	after := before
	if changes {
		err := a.change(ctx, func(ctx context.Context) error {
			out, err := a.i.gateway.UpdateApi(ctx, &in)
			if err == nil {
				after.Name, after.Description, after.Version = out.Name, out.Description, out.Version
				after.DisableExecuteApiEndpoint, after.IpAddressType, after.CorsConfiguration = out.DisableExecuteApiEndpoint, out.IpAddressType, out.CorsConfiguration
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	a.have = &after
	if removeCORS {
		err := a.change(ctx, func(ctx context.Context) error {
			_, err := a.i.gateway.DeleteCorsConfiguration(ctx, &apigatewayv2.DeleteCorsConfigurationInput{ApiId: after.ApiId})
			return err
		})
		if err != nil && !missing(err) {
			return err
		}
		after.CorsConfiguration = nil
	}
	var err error
	after.Tags, err = a.tag(ctx, a.arn(""), after.Tags, tags)
	return err
}

// tag changes the tags of the API, or of what hangs on it, and returns what they are then.
func (a *api) tag(ctx context.Context, arn *string, have map[string]string, change tagChange) (map[string]string, error) {
	if len(change.set) > 0 {
		err := a.change(ctx, func(ctx context.Context) error {
			_, err := a.i.gateway.TagResource(ctx, &apigatewayv2.TagResourceInput{ResourceArn: arn, Tags: change.set})
			return err
		})
		if err != nil {
			return have, err
		}
		have = changed(have, tagChange{set: change.set})
	}
	if len(change.unset) > 0 {
		err := a.change(ctx, func(ctx context.Context) error {
			_, err := a.i.gateway.UntagResource(ctx, &apigatewayv2.UntagResourceInput{ResourceArn: arn, TagKeys: change.unset})
			return err
		})
		if err != nil {
			return have, err
		}
		have = changed(have, tagChange{unset: change.unset})
	}
	return have, nil
}

// remove deletes the API and with it, in the same call, all that hangs on it.
func (a *api) remove(ctx context.Context) error {
	if err := a.removeFurther(ctx); err != nil {
		return err
	}
	if err := a.delete(ctx, a.have.ApiId); err != nil {
		return err
	}
	a.have = nil
	return nil
}

func (a *api) removeFurther(ctx context.Context) error {
	for len(a.further) > 0 {
		if err := a.delete(ctx, a.further[0].ApiId); err != nil {
			return err
		}
		a.further = a.further[1:]
	}
	return nil
}

func (a *api) delete(ctx context.Context, id *string) error {
	a.i.apis.changed(a.i.name)
	defer a.i.apis.changed(a.i.name)
	err := a.change(ctx, func(ctx context.Context) error {
		_, err := a.i.gateway.DeleteApi(ctx, &apigatewayv2.DeleteApiInput{ApiId: id})
		return err
	})
	if missing(err) {
		return nil
	}
	return err
}
