package aws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"

	"github.com/aws/smithy-go"
)

// explain turns an answer of AWS into a sentence for people. What this package put in
// front of it stays, and so does the chain of errors. What ails many calls alike, such
// as credentials that have expired, is told once.
func explain(err error) error {
	if err == nil || errors.As(err, new(*explainedError)) {
		return err
	}
	var many *manyErrors
	if errors.As(err, &many) {
		return &explainedError{text: strings.Replace(err.Error(), many.Error(), explainAll(many.errs).Error(), 1), cause: err}
	}
	var call *smithy.OperationError
	if !errors.As(err, &call) {
		return err
	}
	f := failureOf(call)
	text := describe(f)
	return &explainedError{text: strings.Replace(err.Error(), call.Error(), text+f.request(), 1), cause: err, ail: f.ail(text)}
}

// explainAll leaves out those of some errors that have the same cause as one before.
func explainAll(errs []error) error {
	told := map[string]bool{}
	var distinct []error
	for _, err := range errs {
		err = explain(err)
		var explained *explainedError
		if errors.As(err, &explained) && explained.ail != "" {
			if told[explained.ail] {
				continue
			}
			told[explained.ail] = true
		}
		distinct = append(distinct, err)
	}
	return joined(distinct)
}

// An explainedError has the words of explain, and in its chain what AWS answered.
type explainedError struct {
	text  string
	cause error
	// ail is the same for errors with one cause.
	ail string
}

func (e *explainedError) Error() string { return e.text }
func (e *explainedError) Unwrap() error { return e.cause }

// ail names the cause of a failure: a host that does not work, or what text says.
func (f failure) ail(text string) string {
	if f.code == "" || f.code == unknownCode || f.status >= http.StatusInternalServerError {
		return f.endpoint
	}
	return text
}

// describe says in a sentence how a call failed.
func describe(f failure) string {
	switch {
	case f.denied():
		return f.denial()
	case f.is("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"):
		return "the credentials for AWS have expired; renew them (for single sign-on: aws sso login) and run Terraform again"
	case f.is("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "InvalidToken"),
		f.is("AuthFailure") && !f.skewed():
		return "AWS does not know the credentials; they may be deleted, mistyped, of another partition, or not good for this region"
	case f.skewed():
		return "AWS refuses the request because of its time; set the clock of this machine"
	case f.is("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "IncompleteSignatureException"):
		// AWS's own message repeats the headers, and with them the session's token.
		return "AWS refuses the signature; the secret key does not belong to the access key"
	case f.is("MissingAuthenticationToken", "MissingAuthenticationTokenException"):
		return "AWS finds no credentials in the request; something between here and " + f.endpoint + " removes them"
	case f.is("OptInRequired", "SubscriptionRequiredException", "RegionDisabledException"):
		return "the account may not use " + f.service + " in this region; enable the region in the account's settings, or sign up for the service"
	case f.is("AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException", "MovedPermanently"):
		return "what is asked for is in another region than the provider's: " + first(f.message, f.operation)
	case throttled(f.err):
		return fmt.Sprintf("%s throttles %s, even after %d attempts; apply again, let fewer stacks be worked on at once (terraform apply -parallelism=N), "+
			"or ask for more requests a second in Service Quotas", f.service, f.operation, max(f.attempts, 1))
	case f.quota():
		return "a quota of the account is used up: " + f.message + "; free some, or ask for more in Service Quotas"
	case absent.MatchString(f.message):
		return matched(absent, f.message) + " in this account and region; correct the function's network"
	case f.code != "" && f.code != unknownCode && f.status < http.StatusInternalServerError:
		return first(f.message, f.service+" refuses "+f.operation)
	}
	return f.broken()
}

// skewed tells whether AWS found the request's time wrong.
func (f failure) skewed() bool {
	return f.is("RequestTimeTooSkewed", "RequestInTheFuture") ||
		f.is("SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure") &&
			(strings.Contains(f.message, "Signature expired") || strings.Contains(f.message, "Signature not yet current"))
}

// apiQuota begins API Gateway's message about a quota, such as "Maximum number of
// Authorizers for this API has been reached". Its code says something else: that there
// is a conflict, or that calls come too fast, which would be tried again for minutes.
const apiQuota = "Maximum number of"

// absent is how Lambda repeats what EC2 says of a subnet or security group.
var absent = regexp.MustCompile(`EC2 Error Code: Invalid\w+\.NotFound\. EC2 Error Message: (.* does not exist)`)

// quota tells whether the account may not have more of something.
func (f failure) quota() bool {
	return f.is("LimitExceeded", "LimitExceededException", "ServiceQuotaExceededException", "CodeStorageExceededException",
		"QuotaExceeded", "OverLimit", "TooManyBuckets", "AccountLimitExceededException", "ResourceLimitExceeded") ||
		strings.Contains(f.message, "UnreservedConcurrentExecution") ||
		strings.Contains(f.message, "unreserved concurrency") ||
		strings.Contains(f.message, "CannotExceedAccountLimits") ||
		strings.HasPrefix(f.message, apiQuota)
}

// broken says what is wrong with a service that cannot be reached or does not answer
// as it should.
func (f failure) broken() string {
	var name *net.DNSError
	var network net.Error
	var content *smithy.DeserializationError
	switch {
	case errors.Is(f.err, context.DeadlineExceeded):
		return fmt.Sprintf("%s of %s was not done when the time for the whole operation was over; apply again, perhaps with longer timeouts", f.operation, f.service)
	case errors.Is(f.err, context.Canceled):
		return f.operation + " of " + f.service + " was interrupted"
	case errors.As(f.err, &name):
		return fmt.Sprintf("%s cannot be reached, for there is no host %s; correct the region or the endpoint, or see to the network", f.service, name.Name)
	case f.status >= http.StatusInternalServerError:
		return fmt.Sprintf("%s at %s keeps answering %s with status %d%s; apply again later, or correct the endpoint",
			f.service, f.endpoint, f.operation, f.status, f.own())
	case f.status != 0 || errors.As(f.err, &content):
		return fmt.Sprintf("what answers at %s is not %s of AWS: its answer to %s, with status %d, cannot be understood; correct the endpoint",
			f.endpoint, f.service, f.operation, f.status)
	case errors.As(f.err, &network) && network.Timeout():
		return fmt.Sprintf("%s at %s does not answer; see to the network, the proxy and the endpoint", f.service, f.endpoint)
	case errors.Is(f.err, io.EOF), errors.Is(f.err, io.ErrUnexpectedEOF), errors.Is(f.err, syscall.ECONNRESET):
		return fmt.Sprintf("%s at %s closes the connection without an answer; see to the network, the proxy and the endpoint", f.service, f.endpoint)
	case errors.As(f.err, &network):
		return fmt.Sprintf("%s at %s cannot be reached (%s); see to the network, the proxy and the endpoint", f.service, f.endpoint, lowest(f.err))
	}
	return fmt.Sprintf("%s of %s failed: %s", f.operation, f.service, tidy(lowest(f.err)))
}

// own is what a broken service said itself.
func (f failure) own() string {
	if f.message == "" {
		return ""
	}
	return " (" + f.message + ")"
}

// lowest is the text of the error at the end of the chain: "connection refused".
func lowest(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// Parts of AWS's messages that nobody may read, or can.
var (
	// Lambda repeats all variables when they are too large; some may be secret.
	measured = regexp.MustCompile(`(?s)\s*String measured:.*`)
	// A validation error repeats the value that is wrong.
	environment = regexp.MustCompile(`(?s)Value '.*?' at 'environment`)
	unreadable  = regexp.MustCompile(`(?s)\s*Encoded authorization failure message:.*`)
)

// tidy makes a message of AWS part of a sentence.
func tidy(message string) string {
	message = measured.ReplaceAllString(message, "")
	message = environment.ReplaceAllString(message, "a value at 'environment")
	message = unreadable.ReplaceAllString(message, "")
	return strings.TrimRight(strings.Join(strings.Fields(message), " "), ".:;, ")
}

// hide takes secret values out of an error's text, should AWS have repeated one. Short
// ones stay: they would make the text unreadable, and are no secrets.
func hide(err error, secrets map[string]map[string]string) error {
	if err == nil {
		return nil
	}
	const shortest = 4
	text := err.Error()
	for _, values := range secrets {
		for _, value := range values {
			if len(value) >= shortest {
				text = strings.ReplaceAll(text, value, "(secret)")
			}
		}
	}
	if text == err.Error() {
		return err
	}
	return &explainedError{text: text, cause: err}
}
