package aws

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A functionURL is the address of a function's alias. Who may use it is in the
// functionPermissions.
type functionURL struct {
	i        *inventory
	function string
	// alias that the address is of; empty means "live".
	alias string
	have  *functionURLFacts
	wish  *stack.FunctionURL
}

// functionURLFacts are what there is to know of a function's address.
type functionURLFacts struct {
	stack.FunctionURL
	url string
}

func (u *functionURL) name() string { return stack.URLComponent(u.function) }
func (u *functionURL) subject() string {
	return fmt.Sprintf("URL of function %q", stack.FullName(u.i.name, u.function)+":"+*u.qualifier())
}
func (u *functionURL) exists() bool  { return u.have != nil }
func (u *functionURL) foreign() bool { return false }
func (u *functionURL) wanted() bool  { return u.wish != nil }

func (u *functionURL) qualifier() *string {
	return aws.String(cmp.Or(u.alias, stack.AliasLive))
}

func (u *functionURL) read(ctx context.Context) (err error) {
	u.have, err = u.get(ctx)
	return about(u, "read", err)
}

// get returns nil if the function has no address.
func (u *functionURL) get(ctx context.Context) (*functionURLFacts, error) {
	out, err := u.i.lambda.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{
		FunctionName: aws.String(stack.FullName(u.i.name, u.function)), Qualifier: u.qualifier(),
	})
	if missing(err) || notOffered(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &functionURLFacts{
		FunctionURL: stack.FunctionURL{Auth: urlAuth(out.AuthType), InvokeMode: urlMode(out.InvokeMode), CORS: urlCORS(out.Cors)},
		url:         aws.ToString(out.FunctionUrl),
	}, nil
}

// show keeps the order and the spelling that the stack is known with where they say
// the same.
func (u *functionURL) show(d *stack.Deployment) {
	editFunction(d, u.function, func(f *stack.Function, status *stack.FunctionStatus) {
		have := u.have.FunctionURL
		if f.URL != nil && sameURLCORS(f.URL.CORS, have.CORS) {
			have.CORS = f.URL.CORS
		}
		f.URL = &have
		status.URL = u.have.url
	})
}

func (u *functionURL) want(s stack.Stack) { u.wish = s.Functions[u.function].URL }

func (u *functionURL) drift() string { return "" }

func (u *functionURL) apply(ctx context.Context) error {
	if u.exists() {
		return u.update(ctx)
	}
	made := &functionURLFacts{FunctionURL: *u.wish}
	err := u.i.pace.retry(ctx, early, func(ctx context.Context) error {
		out, err := u.i.lambda.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
			FunctionName: aws.String(stack.FullName(u.i.name, u.function)), Qualifier: u.qualifier(),
			AuthType: lambdaURLAuth(u.wish.Auth), Cors: lambdaURLCORS(u.wish.CORS), InvokeMode: lambdaURLMode(*u.wish),
		})
		if err == nil {
			made.url = aws.ToString(out.FunctionUrl)
		}
		return err
	})
	if err == nil {
		u.have = made
		return nil
	}
	if notOffered(err) {
		return &plainError{err, "AWS offers no function URLs in the region " + u.i.region + "; leave out url, or have an HTTP API lead to the function"}
	}
	if !says(err, "ResourceConflictException", "FunctionUrlConfig exists") {
		return err
	}
	// The answer to an earlier attempt was lost.
	have, readErr := u.get(ctx)
	if readErr != nil || have == nil {
		return err
	}
	u.have = have
	return u.update(ctx)
}

func (u *functionURL) update(ctx context.Context) error {
	if u.have.is(*u.wish) {
		return nil
	}
	cors := lambdaURLCORS(u.wish.CORS)
	if cors == nil {
		cors = &types.Cors{} // Left out, they would stay.
	}
	err := u.i.pace.retry(ctx, busy, func(ctx context.Context) error {
		_, err := u.i.lambda.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{
			FunctionName: aws.String(stack.FullName(u.i.name, u.function)), Qualifier: u.qualifier(),
			AuthType: lambdaURLAuth(u.wish.Auth), Cors: cors, InvokeMode: lambdaURLMode(*u.wish),
		})
		return err
	})
	if err == nil {
		u.have = &functionURLFacts{FunctionURL: *u.wish, url: u.have.url}
	}
	return err
}

func (u *functionURL) remove(ctx context.Context) error {
	err := u.i.pace.retry(ctx, busy, func(ctx context.Context) error {
		_, err := u.i.lambda.DeleteFunctionUrlConfig(ctx, &lambda.DeleteFunctionUrlConfigInput{
			FunctionName: aws.String(stack.FullName(u.i.name, u.function)), Qualifier: u.qualifier(),
		})
		return err
	})
	if err == nil || missing(err) {
		u.have = nil
		return nil
	}
	return err
}

// The authorization of URLs in the model, "none" and "iam", is NONE and AWS_IAM on
// AWS.

func lambdaURLAuth(auth string) types.FunctionUrlAuthType {
	if auth == "none" {
		return types.FunctionUrlAuthTypeNone
	}
	return types.FunctionUrlAuthTypeAwsIam
}

func urlAuth(auth types.FunctionUrlAuthType) string {
	if auth == types.FunctionUrlAuthTypeNone {
		return "none"
	}
	return "iam"
}

// Likewise "buffered" and "response_stream" are BUFFERED and RESPONSE_STREAM.

func lambdaURLMode(u stack.FunctionURL) types.InvokeMode {
	if u.Streams() {
		return types.InvokeModeResponseStream
	}
	return types.InvokeModeBuffered
}

func urlMode(mode types.InvokeMode) string {
	if mode == types.InvokeModeResponseStream {
		return stack.InvokeModeStream
	}
	return stack.InvokeModeBuffered
}

// is tells whether the address is what u says.
func (f functionURLFacts) is(u stack.FunctionURL) bool {
	return f.Auth == u.Auth && f.Streams() == u.Streams() && sameURLCORS(f.CORS, u.CORS)
}

// lambdaURLCORS are CORS rules as Lambda has them; what is empty is left out.
func lambdaURLCORS(c *stack.CORS) *types.Cors {
	if c == nil {
		return nil
	}
	cors := &types.Cors{
		AllowOrigins: c.AllowOrigins, AllowMethods: c.AllowMethods, AllowHeaders: c.AllowHeaders, ExposeHeaders: c.ExposeHeaders,
	}
	if c.AllowCredentials {
		cors.AllowCredentials = aws.Bool(true)
	}
	if c.MaxAge != 0 {
		cors.MaxAge = aws.Int32(int32(time.Duration(c.MaxAge) / time.Second))
	}
	return cors
}

// urlCORS returns nil for rules that say nothing, as they are once they were removed.
func urlCORS(c *types.Cors) *stack.CORS {
	if c == nil {
		return nil
	}
	filled := func(list []string) []string { return append([]string(nil), list...) }
	cors := &stack.CORS{
		AllowOrigins: filled(c.AllowOrigins), AllowMethods: filled(c.AllowMethods),
		AllowHeaders: filled(c.AllowHeaders), ExposeHeaders: filled(c.ExposeHeaders),
		AllowCredentials: aws.ToBool(c.AllowCredentials), MaxAge: stack.Duration(time.Duration(aws.ToInt32(c.MaxAge)) * time.Second),
	}
	if sameURLCORS(cors, &stack.CORS{}) {
		return nil
	}
	return cors
}

// sameURLCORS tells whether two rules say the same. The order of lists does not matter,
// nor the case of headers' names.
func sameURLCORS(a, b *stack.CORS) bool {
	if a == nil || b == nil {
		return a == b
	}
	return sameSet(a.AllowOrigins, b.AllowOrigins, exactly) && sameSet(a.AllowMethods, b.AllowMethods, exactly) &&
		sameSet(a.AllowHeaders, b.AllowHeaders, strings.ToLower) && sameSet(a.ExposeHeaders, b.ExposeHeaders, strings.ToLower) &&
		a.AllowCredentials == b.AllowCredentials && a.MaxAge == b.MaxAge
}

// Limits of Lambda's CORS rules, by its model of CreateFunctionUrlConfig.
const (
	maxURLMethods = 6
	maxURLList    = 100
)

// checkURLs finds CORS rules with more in them than Lambda takes.
func checkURLs(s stack.Stack) stack.Problems {
	var problems stack.Problems
	for _, name := range s.FunctionNames() {
		url := s.Functions[name].URL
		if url == nil || url.CORS == nil {
			continue
		}
		for _, list := range []struct {
			attribute string
			values    []string
			most      int
		}{
			{"allow_origins", url.CORS.AllowOrigins, maxURLList},
			{"allow_methods", url.CORS.AllowMethods, maxURLMethods},
			{"allow_headers", url.CORS.AllowHeaders, maxURLList},
			{"expose_headers", url.CORS.ExposeHeaders, maxURLList},
		} {
			if len(list.values) > list.most {
				problems = append(problems, stack.Problem{
					Paths:   []string{fmt.Sprintf("functions[%q].url.cors.%s", name, list.attribute)},
					Message: fmt.Sprintf("the CORS rules of a function's URL can have %d here and not %d; join some with a wildcard", list.most, len(list.values)),
				})
			}
		}
	}
	return problems
}
