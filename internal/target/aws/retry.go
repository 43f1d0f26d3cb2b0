package aws

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

const (
	// standardRetries is how often a throttled call is tried again.
	standardRetries = 25
	// unreachableAttempts are made if a host cannot be reached, does not answer or breaks
	// off, and brokenAttempts if it answers that something is wrong with itself. Both are
	// errors that may pass, or may last.
	unreachableAttempts, brokenAttempts = 3, 6
	// throttledAtOnce is how often a throttled call is tried again as soon as it is its
	// turn again.
	throttledAtOnce = 5
)

// throttleCodes are the answers that mean "too fast". LimitExceededException, which
// the SDK counts among them, is a quota that no waiting raises.
var throttleCodes = func() map[string]struct{} {
	codes := map[string]struct{}{}
	for code := range retry.DefaultThrottleErrorCodes {
		if code != "LimitExceededException" {
			codes[code] = struct{}{}
		}
	}
	return codes
}()

// passingCodes are the answers of services that somebody else was faster, and that
// they changed nothing.
var passingCodes = map[string]struct{}{
	"ConcurrentModification": {}, "ConcurrentModificationException": {}, // IAM
	"OperationAborted": {}, "OperationAbortedException": {}, // S3, CloudWatch Logs
}

// A retryer decides for the calls of one client which are tried again, and how fast
// calls follow one another. A throttled call is tried again for a long time, one to a
// host that is broken or cannot be reached is not.
type retryer struct {
	aws.RetryerV2
	limit *limiter
}

// newRetryer allows a number of retries of throttled calls; 0 means standardRetries.
func newRetryer(maxRetries int) *retryer { return newRetryerAt(standardPace, maxRetries) }

// newRetryerAt is newRetryer with pauses of one's own.
func newRetryerAt(p pace, maxRetries int) *retryer {
	if maxRetries <= 0 {
		maxRetries = standardRetries
	}
	throttles := retry.IsErrorThrottleFunc(func(err error) aws.Ternary { return aws.BoolTernary(throttled(err)) })
	return &retryer{
		limit: newLimiter(),
		RetryerV2: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = maxRetries + 1
			o.MaxBackoff = p.backoff
			// The SDK's quota of retries is for programs that rather fail than wait, and
			// is used up by a hundred stacks at once.
			o.RateLimiter = ratelimit.None
			o.Throttles = []retry.IsErrorThrottle{throttles}
			o.Retryables = []retry.IsErrorRetryable{
				retry.NoRetryCanceledError{},
				retry.IsErrorRetryableFunc(neverRetryable),
				retry.RetryableError{},
				retry.RetryableConnectionError{},
				retry.RetryableHTTPStatusCode{Codes: retry.DefaultRetryableHTTPStatusCodes},
				retry.RetryableErrorCode{Codes: retry.DefaultRetryableErrorCodes},
				retry.RetryableErrorCode{Codes: throttleCodes},
				retry.RetryableErrorCode{Codes: passingCodes},
			}
		}),
	}
}

// GetAttemptToken waits until the call may be made.
func (r *retryer) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	if err := r.limit.wait(ctx); err != nil {
		return nil, &aws.RequestCanceledError{Err: err}
	}
	return func(err error) error {
		r.limit.made(throttled(err))
		return nil
	}, nil
}

// RetryDelay returns the pause before the attempt after this one, or an error if no
// more attempts are worth it.
func (r *retryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	if attempt >= attemptsFor(err) {
		return 0, &retry.MaxAttemptsError{Attempt: attempt, Err: err}
	}
	if throttled(err) {
		// The limiter makes the call wait for its turn. A pause beside that would only let
		// the service stand idle, unless it throttles everything.
		if attempt <= throttledAtOnce {
			return 0, nil
		}
		attempt -= throttledAtOnce
	}
	return r.RetryerV2.RetryDelay(attempt, err)
}

// attemptsFor is how many attempts errors like that are worth.
func attemptsFor(err error) int {
	const endless = math.MaxInt
	if throttled(err) || (retry.RetryableErrorCode{Codes: passingCodes}).IsErrorRetryable(err).Bool() {
		return endless
	}
	var network *net.OpError
	var timeout net.Error
	var answer *awshttp.ResponseError
	switch {
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return 1
	case errors.As(err, &answer) && answer.HTTPStatusCode() >= http.StatusInternalServerError:
		return brokenAttempts
	case errors.As(err, &network) && network.Op == "dial", errors.As(err, &timeout) && timeout.Timeout(),
		errors.As(err, new(*smithy.DeserializationError)):
		return unreachableAttempts
	}
	return brokenAttempts
}

// neverRetryable is about quotas that are answered as throttled calls are.
func neverRetryable(err error) aws.Ternary {
	if usedUp(err) {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// usedUp tells whether API Gateway answered that there can be no more of something.
func usedUp(err error) bool {
	var said smithy.APIError
	return errors.As(err, &said) && strings.HasPrefix(said.ErrorMessage(), apiQuota)
}

// throttled tells whether AWS answered that calls come too fast.
func throttled(err error) bool {
	if err == nil || usedUp(err) {
		return false
	}
	return retry.ThrottleErrorCode{Codes: throttleCodes}.IsErrorThrottle(err).Bool()
}
