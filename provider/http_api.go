package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// httpAPI routes HTTP requests to functions.
var httpAPI = &kind{
	kind:       stack.KindHTTPAPI,
	doc:        "An HTTP API together with the functions that answer it, as API Gateway's HTTP APIs with payload format 2.0.",
	attributes: httpAPIAttributes,
	outputs:    map[string]string{"arn": "", "url": ""},
}

func httpAPIAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"routes": objectMap("Routes by key: `METHOD /path`, `ANY /path` or `$default`. A path may hold `{parameter}`, and end in `{greedy+}`, which takes the rest. The most specific route answers.", map[string]schema.Attribute{
			"function": requiredString("Name of one of the stack's functions."),
			"alias":    defaultString(stack.AliasLive, "Alias of the function that requests go to: `live`, which releases move, or the name of a `tidegate_alias`. Default: `live`."),
			"auth":     defaultString(stack.NewRoute().Auth, "`inherit` asks what the API's `auth` asks; `none` opens the route to all. Default: `inherit`."),
			"scopes":   stringList(false, "Scopes, one of which the token must have, in place of those of the API's `auth`. Default: the API's."),
		}),
		"cors": corsAttribute(),
		"throttle": optionalObject("Most requests to the API as a whole; beyond, they get 429. Default: no limit of the API's own.", map[string]schema.Attribute{
			"rate":  schema.Float64Attribute{Required: true, MarkdownDescription: "Requests per second, on average; more than 0."},
			"burst": requiredNumber("Requests at once, at least 1."),
		}),
		"auth": optionalObject("Asks every request for a JSON Web Token, unless its route says otherwise. Default: the API is open to all.", map[string]schema.Attribute{
			"issuer":   requiredString("URL of the OpenID Connect issuer, as tokens name it in `iss`."),
			"audience": stringList(true, "Audiences, one of which the token must be for."),
			"scopes":   stringList(false, "Scopes, one of which the token must have. Default: any."),
		}),
		"access_log": optionalObject("Writes a line for every request, into a log group of its own. AWS only. Default: none.", map[string]schema.Attribute{
			"format": defaultString(stack.NewAccessLog().Format, "Format of a line, with [variables](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html) "+
				"such as `$context.requestId`, which cannot be missing. Default: JSON with request id, address, time, route, status, length and error."),
			"retention_days": defaultNumber(stack.NewAccessLog().RetentionDays, "How many days lines stay; 0 means for ever. Default: 0."),
		}),

		"arn": computedString("ARN of the API."),
		"url": computedString("Where the API answers, without a slash at the end."),
	}
}
