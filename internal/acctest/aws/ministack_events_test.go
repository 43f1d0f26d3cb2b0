package aws

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

// An object is a JSON object.
type object = map[string]any

// decode reads a JSON object.
func decode(t testing.TB, text string) object {
	t.Helper()
	var o object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%q is no JSON object: %v", text, err)
	}
	return o
}

// pretty writes JSON for people.
func pretty(t testing.TB, value any) string {
	t.Helper()
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// accidental are the members of events that no two events share, or that say where a
// target or its test is.
var accidental = []string{
	// of requests
	"accountId", "apiId", "domainName", "domainPrefix", "requestId", "time", "timeEpoch",
	"host", "x-amzn-trace-id", "x-forwarded-port", "x-forwarded-proto",
	// of messages
	"messageId", "receiptHandle", "SentTimestamp", "ApproximateFirstReceiveTimestamp", "SenderId", "awsRegion",
	// of schedules
	"id", "account", "region",
}

// whereabouts are the region and the account of an ARN.
var whereabouts = regexp.MustCompile(`^(arn:aws:[a-z]+):[a-z0-9-]+:[0-9]{12}:`)

// essential returns an event whose accidental members are reduced to their types.
func essential(value any) any {
	switch value := value.(type) {
	case object:
		is := object{}
		for name, member := range value {
			is[name] = essential(member)
		}
		for _, name := range accidental {
			switch is[name].(type) {
			case string:
				is[name] = "a text"
			case float64:
				is[name] = "a number"
			}
		}
		return is
	case []any:
		is := []any{}
		for _, item := range value {
			is = append(is, essential(item))
		}
		return is
	case string:
		return whereabouts.ReplaceAllString(value, "$1:REGION:ACCOUNT:")
	}
	return value
}

// fullRequest makes the event of a request to an HTTP API on ministack what it is on
// AWS.
func fullRequest(t testing.TB, event object) {
	acctest.Allow(t, acctest.Ministack, "events of HTTP APIs")
	if event["pathParameters"] == nil {
		delete(event, "pathParameters")
	}
	headers := event["headers"].(object)
	for _, name := range []string{"x-amzn-trace-id", "x-forwarded-port", "x-forwarded-proto"} {
		headers[name] = ""
	}
	context := event["requestContext"].(object)
	context["domainPrefix"] = ""
	headers["x-forwarded-for"] = context["http"].(object)["sourceIp"]
	if headers["content-length"] == nil {
		headers["content-length"] = "0"
	}
	if cookies, ok := headers["cookie"].(string); ok {
		event["cookies"] = []any{}
		for _, cookie := range strings.Split(cookies, "; ") {
			event["cookies"] = append(event["cookies"].([]any), cookie)
		}
		delete(headers, "cookie")
	}
	if accept, ok := headers["accept"].(string); ok {
		headers["accept"] = strings.ReplaceAll(accept, ", ", ",")
	}
}

// fullMessages makes the event of a queue on ministack what it is on AWS.
func fullMessages(t testing.TB, event object) {
	acctest.Allow(t, acctest.Ministack, "events of queues")
	for _, record := range event["Records"].([]any) {
		// Of the attribute that tests send.
		record.(object)["md5OfMessageAttributes"] = "c306deba6b2a5cc83d70b368e993a4bf"
		for _, attribute := range record.(object)["messageAttributes"].(object) {
			attribute.(object)["stringListValues"], attribute.(object)["binaryListValues"] = []any{}, []any{}
		}
	}
}

// fullSchedule makes the event of a schedule without an input on ministack what it is
// on AWS.
func fullSchedule(t testing.TB, event object) {
	acctest.Allow(t, acctest.Ministack, "events of schedules")
	event["detail"] = "{}"
}

// withoutTLS makes the event of a request to a function URL on AWS what it is where
// nothing is encrypted: on the open runtime a proxy does that, if anything.
func withoutTLS(event object) {
	for name := range event["headers"].(object) {
		if strings.HasPrefix(name, "x-amzn-tls-") {
			delete(event["headers"].(object), name)
		}
	}
}
