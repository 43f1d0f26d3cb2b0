package api

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// The patterns are Lambda's (botocore, lambda/2015-03-31, and the errors of the
// real service), which spell them out to the client; in functionPattern the open
// runtime's region is one more.
const (
	functionPattern  = `(arn:(aws[a-zA-Z-]*)?:lambda:)?((open|(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+)-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`
	qualifierPattern = `\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`
	maxQualifier     = 128
)

var (
	functionRegexp  = regexp.MustCompile(`^` + functionPattern + `$`)
	qualifierRegexp = regexp.MustCompile(`^(` + qualifierPattern + `)$`)
)

// The groups of functionPattern that are of interest.
const (
	regionGroup        = 3
	accountGroup       = 10
	nameGroup          = 12
	nameQualifierGroup = 14
)

// A functionName is what an Invoke names, taken apart.
type functionName struct {
	// Name is the full name, Qualifier a version, an alias or empty.
	Name, Qualifier string
}

// ARN of the function, qualified only if the request was: a permission for the
// function's bare ARN does not cover its versions and aliases, as on AWS.
func (f functionName) ARN() string {
	arn := stack.ARN{
		Partition: "aws", Service: "lambda", Region: stack.Region, Account: stack.Account,
		Resource: "function:" + f.Name,
	}
	if f.Qualifier != "" {
		arn.Resource += ":" + f.Qualifier
	}
	return arn.String()
}

// parseFunctionName understands Lambda's forms of a function's name: the bare
// name, name:qualifier, and whole and partial ARNs of either. The qualifier
// parameter, if any, must agree with the one in the name. Errors are Lambda's.
func parseFunctionName(name, qualifier string) (functionName, *invoke.Error) {
	var violations []string
	violate := func(field, value, rule string) {
		violations = append(violations, fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: %s", value, field, rule))
	}
	if len(qualifier) > maxQualifier {
		violate("qualifier", qualifier, fmt.Sprintf("Member must have length less than or equal to %d", maxQualifier))
	} else if qualifier != "" && !qualifierRegexp.MatchString(qualifier) {
		violate("qualifier", qualifier, "Member must satisfy regular expression pattern: "+qualifierPattern)
	}
	match := functionRegexp.FindStringSubmatch(name)
	if match == nil {
		violate("functionName", name, "Member must satisfy regular expression pattern: "+functionPattern)
	}
	if len(violations) > 0 {
		return functionName{}, validationError(violations)
	}
	region := strings.TrimSuffix(match[regionGroup], ":")
	account := strings.TrimSuffix(match[accountGroup], ":")
	f := functionName{Name: match[nameGroup], Qualifier: match[nameQualifierGroup]}
	switch {
	case region != "" && region != stack.Region:
		return functionName{}, &invoke.Error{
			Status: http.StatusNotFound, Type: "ResourceNotFoundException",
			Message: fmt.Sprintf("Functions from '%s' are not reachable in this region ('%s')", region, stack.Region),
		}
	case account != "" && account != stack.Account:
		return functionName{}, &invoke.Error{
			Status: http.StatusForbidden, Type: "AccessDeniedException",
			Message: fmt.Sprintf("Functions of account %s are not here; every function of this runtime is in account %s", account, stack.Account),
		}
	case f.Qualifier != "" && qualifier != "" && f.Qualifier != qualifier:
		return functionName{}, &invoke.Error{
			Status: http.StatusBadRequest, Type: "InvalidParameterValueException",
			Message: "The derived qualifier from the function name does not match the specified qualifier.",
		}
	case f.Qualifier == "":
		f.Qualifier = qualifier
	}
	return f, nil
}

// validationError is how AWS lists what is wrong with a request's parameters.
func validationError(violations []string) *invoke.Error {
	noun := "error"
	if len(violations) > 1 {
		noun = "errors"
	}
	return &invoke.Error{
		Status: http.StatusBadRequest, Type: "ValidationException",
		Message: fmt.Sprintf("%d validation %s detected: %s", len(violations), noun, strings.Join(violations, "; ")),
	}
}
