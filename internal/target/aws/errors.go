package aws

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"
)

// hasCode tells whether AWS answered with one of these error codes.
func hasCode(err error, codes ...string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, code := range codes {
		if api.ErrorCode() == code {
			return true
		}
	}
	return false
}

// says tells whether AWS answered with this code and a message that has all the words.
func says(err error, code string, words ...string) bool {
	if !hasCode(err, code) {
		return false
	}
	var api smithy.APIError
	errors.As(err, &api)
	for _, word := range words {
		if !strings.Contains(api.ErrorMessage(), word) {
			return false
		}
	}
	return true
}

// missing tells whether AWS answered that something does not exist.
func missing(err error) bool {
	return hasCode(err, "ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException", "NotFoundException",
		"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "NoSuchBucket", "NoSuchKey", "NotFound")
}

// refused tells whether AWS answered that the caller may not do this.
func refused(err error) bool {
	return hasCode(err, "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized")
}

// notOffered tells whether Lambda does not have the operation in this region, which it
// answers as if it was not allowed. Function URLs came to some regions years later than
// to others, and to some partitions not at all:
// https://github.com/turbot/steampipe-plugin-aws/issues/1262
func notOffered(err error) bool {
	return says(err, "AccessDeniedException", "Unable to determine service/operation name to be authorized")
}

// about says which component an error is about. doing is "make", "remove" or "read".
func about(c component, doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s the %s: %w", doing, c.subject(), err)
}
