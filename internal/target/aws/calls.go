package aws

import (
	"context"
	"log/slog"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// logCalls has every call to AWS logged at level debug: which, how long it took with
// all its attempts, and how it failed. What it carried is not logged, as that may be
// secret.
func logCalls(log *slog.Logger) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		if log == nil {
			return nil
		}
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("tidegateLog", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			begun := time.Now()
			out, metadata, err := next.HandleInitialize(ctx, in)
			fields := []any{"service", awsmiddleware.GetServiceID(ctx), "operation", awsmiddleware.GetOperationName(ctx), "duration", time.Since(begun)}
			if err != nil {
				// AWS's own words may have secrets; the client names the call only later.
				call := &smithy.OperationError{ServiceID: awsmiddleware.GetServiceID(ctx), OperationName: awsmiddleware.GetOperationName(ctx), Err: err}
				fields = append(fields, "error", explain(call))
			}
			log.DebugContext(ctx, "called AWS", fields...)
			return out, metadata, err
		}), middleware.Before)
	}
}
