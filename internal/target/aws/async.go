package aws

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// An async says what becomes of asynchronous invocations of a function's alias. There
// is one only where that differs from what Lambda does anyway.
type async struct {
	i          *inventory
	function   string
	have, wish *stack.Async
}

// lambdaAsync is what Lambda does without any configuration.
var lambdaAsync = stack.NewFunction().Async

func (a *async) name() string { return functionComponent(a.function, "async") }
func (a *async) subject() string {
	return fmt.Sprintf("asynchronous configuration of function %q", a.i.aliased(a.function))
}
func (a *async) exists() bool  { return a.have != nil }
func (a *async) foreign() bool { return false }
func (a *async) wanted() bool  { return a.wish != nil }
func (a *async) drift() string { return "" }

// aliased is how people call the alias of a function: "orders-fulfil:live".
func (i *inventory) aliased(function string) string {
	return stack.FullName(i.name, function) + ":" + stack.AliasLive
}

func (a *async) read(ctx context.Context) error {
	out, err := a.i.lambda.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{
		FunctionName: aws.String(stack.FullName(a.i.name, a.function)), Qualifier: aws.String(stack.AliasLive),
	})
	if missing(err) || notOffered(err) {
		return nil
	}
	if err != nil {
		return about(a, "read", err)
	}
	have := lambdaAsync // What a configuration does not say is as without one.
	if out.MaximumRetryAttempts != nil {
		have.Retries = int(*out.MaximumRetryAttempts)
	}
	if out.MaximumEventAgeInSeconds != nil {
		have.MaxAge = stack.Duration(time.Duration(*out.MaximumEventAgeInSeconds) * time.Second)
	}
	if to := out.DestinationConfig; to != nil {
		if to.OnFailure != nil {
			have.OnFailure = aws.ToString(to.OnFailure.Destination)
		}
		if to.OnSuccess != nil {
			have.OnSuccess = aws.ToString(to.OnSuccess.Destination)
		}
	}
	a.have = &have
	return nil
}

func (a *async) show(d *stack.Deployment) {
	editFunction(d, a.function, func(f *stack.Function, _ *stack.FunctionStatus) { f.Async = *a.have })
}

func (a *async) want(s stack.Stack) {
	a.wish = nil
	if f, ok := s.Functions[a.function]; ok && f.Async != lambdaAsync {
		a.wish = &f.Async
	}
}

func (a *async) apply(ctx context.Context) error {
	if a.exists() && *a.have == *a.wish {
		return nil
	}
	input := &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: aws.String(stack.FullName(a.i.name, a.function)), Qualifier: aws.String(stack.AliasLive),
		MaximumRetryAttempts:     aws.Int32(int32(a.wish.Retries)),
		MaximumEventAgeInSeconds: aws.Int32(int32(time.Duration(a.wish.MaxAge) / time.Second)),
	}
	if a.wish.OnFailure != "" || a.wish.OnSuccess != "" {
		input.DestinationConfig = &types.DestinationConfig{} // Left out, there is none afterwards.
	}
	if a.wish.OnFailure != "" {
		input.DestinationConfig.OnFailure = &types.OnFailure{Destination: &a.wish.OnFailure}
	}
	if a.wish.OnSuccess != "" {
		input.DestinationConfig.OnSuccess = &types.OnSuccess{Destination: &a.wish.OnSuccess}
	}
	err := a.i.pace.retry(ctx, asyncPasses, func(ctx context.Context) error {
		_, err := a.i.lambda.PutFunctionEventInvokeConfig(ctx, input)
		return err
	})
	if err == nil {
		a.have = a.wish
	}
	return err
}

// asyncPasses tells errors that pass: the alias or the role's policy is not known
// everywhere yet. The message goes on with "SendMessage on arn:...".
func asyncPasses(err error) bool {
	return early(err) || says(err, "InvalidParameterValueException", "execution role does not have permissions to call")
}

func (a *async) remove(ctx context.Context) error {
	err := a.i.pace.retry(ctx, busy, func(ctx context.Context) error {
		_, err := a.i.lambda.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{
			FunctionName: aws.String(stack.FullName(a.i.name, a.function)), Qualifier: aws.String(stack.AliasLive),
		})
		return err
	})
	if err == nil || missing(err) {
		a.have = nil
		return nil
	}
	return err
}
