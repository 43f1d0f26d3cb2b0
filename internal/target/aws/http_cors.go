package aws

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// corsInput has all fields, those that are empty too: an update leaves what is absent
// as it was.
func corsInput(c *stack.CORS) *types.Cors {
	if c == nil {
		return nil
	}
	full := func(list []string) []string { return append([]string{}, list...) }
	return &types.Cors{
		AllowCredentials: aws.Bool(c.AllowCredentials),
		AllowHeaders:     full(c.AllowHeaders),
		AllowMethods:     full(c.AllowMethods),
		AllowOrigins:     full(c.AllowOrigins),
		ExposeHeaders:    full(c.ExposeHeaders),
		MaxAge:           aws.Int32(int32(time.Duration(c.MaxAge) / time.Second)),
	}
}

// corsOf reads the CORS rules of an API, in the spelling of prior where that says the
// same.
func corsOf(c *types.Cors, prior *stack.CORS) *stack.CORS {
	if c == nil {
		return nil
	}
	if prior == nil {
		prior = &stack.CORS{}
	}
	return &stack.CORS{
		AllowOrigins:     spelled(c.AllowOrigins, prior.AllowOrigins),
		AllowMethods:     spelled(c.AllowMethods, prior.AllowMethods),
		AllowHeaders:     spelled(c.AllowHeaders, prior.AllowHeaders),
		ExposeHeaders:    spelled(c.ExposeHeaders, prior.ExposeHeaders),
		AllowCredentials: aws.ToBool(c.AllowCredentials),
		MaxAge:           stack.Duration(time.Duration(aws.ToInt32(c.MaxAge)) * time.Second),
	}
}

func sameCORS(have *types.Cors, want *stack.CORS) bool {
	if have == nil || want == nil {
		return have == nil && want == nil
	}
	is := corsOf(have, want)
	return slices.Equal(is.AllowOrigins, want.AllowOrigins) && slices.Equal(is.AllowMethods, want.AllowMethods) &&
		slices.Equal(is.AllowHeaders, want.AllowHeaders) && slices.Equal(is.ExposeHeaders, want.ExposeHeaders) &&
		is.AllowCredentials == want.AllowCredentials && is.MaxAge == want.MaxAge
}

// spelled is what AWS has, in the order and the case of prior if that says the same:
// API Gateway keeps neither.
func spelled(have, prior []string) []string {
	switch {
	case len(have) == 0:
		return nil
	case sameSet(have, prior, strings.ToLower):
		return prior
	}
	return have
}

// sameSet compares two lists whose order and repetitions do not matter, after fold.
func sameSet(a, b []string, fold func(string) string) bool {
	return slices.Equal(setOf(a, fold), setOf(b, fold))
}

func setOf(list []string, fold func(string) string) []string {
	set := make([]string, 0, len(list))
	for _, item := range list {
		set = append(set, fold(item))
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// exactly is the fold of words whose case matters.
func exactly(s string) string { return s }
