package trigger

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// An httpEvent is a request as functions see it: API Gateway's payload format
// 2.0, which function URLs share
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
// As there, a field without a value is left out.
type httpEvent struct {
	Version        string `json:"version"`
	RouteKey       string `json:"routeKey"`
	RawPath        string `json:"rawPath"`
	RawQueryString string `json:"rawQueryString"`
	// Cookies of all cookie headers, which Headers does not have.
	Cookies               []string           `json:"cookies,omitempty"`
	Headers               map[string]string  `json:"headers"`
	QueryStringParameters map[string]string  `json:"queryStringParameters,omitempty"`
	RequestContext        httpRequestContext `json:"requestContext"`
	PathParameters        map[string]string  `json:"pathParameters,omitempty"`
	Body                  string             `json:"body,omitempty"`
	IsBase64Encoded       bool               `json:"isBase64Encoded"`
}

type httpRequestContext struct {
	AccountID    string          `json:"accountId"`
	APIID        string          `json:"apiId"`
	Authorizer   *httpAuthorizer `json:"authorizer,omitempty"`
	DomainName   string          `json:"domainName"`
	DomainPrefix string          `json:"domainPrefix"`
	HTTP         httpDescription `json:"http"`
	RequestID    string          `json:"requestId"`
	RouteKey     string          `json:"routeKey"`
	Stage        string          `json:"stage"`
	Time         string          `json:"time"`
	TimeEpoch    int64           `json:"timeEpoch"`
}

type httpDescription struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// An httpAuthorizer is what is known of who sent the request.
type httpAuthorizer struct {
	JWT *jwtIdentity `json:"jwt,omitempty"`
}

// timeLayout is that of the Common Log Format, as the gateway writes it.
const timeLayout = "02/Jan/2006:15:04:05 -0700"

// newHTTPEvent describes a request to the path, which is decoded and begins with
// a slash. The caller fills in what depends on its kind.
func newHTTPEvent(env Env, r *http.Request, path string, body []byte) httpEvent {
	now, domain := env.Clock.Now(), hostname(r.Host)
	prefix, _, _ := strings.Cut(domain, ".")
	e := httpEvent{
		Version:               "2.0",
		RouteKey:              defaultRoute,
		RawPath:               path,
		RawQueryString:        r.URL.RawQuery,
		Headers:               eventHeaders(env, r, len(body), now),
		QueryStringParameters: queryParameters(r.URL.RawQuery),
		RequestContext: httpRequestContext{
			DomainName:   domain,
			DomainPrefix: prefix,
			HTTP: httpDescription{
				Method:    r.Method,
				Path:      path,
				Protocol:  r.Proto,
				SourceIP:  hostname(r.RemoteAddr),
				UserAgent: r.UserAgent(),
			},
			RouteKey:  defaultRoute,
			Stage:     defaultRoute,
			Time:      now.UTC().Format(timeLayout),
			TimeEpoch: now.UnixMilli(),
		},
	}
	for _, header := range r.Header["Cookie"] {
		for cookie := range strings.SplitSeq(header, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				e.Cookies = append(e.Cookies, cookie)
			}
		}
	}
	if isText(r.Header.Get("Content-Type")) && utf8.Valid(body) {
		e.Body = string(body)
	} else if len(body) > 0 {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return e
}

// hostname is the host of "host:port", or what it was given if there is no port.
func hostname(hostPort string) string {
	if host, _, err := net.SplitHostPort(hostPort); err == nil {
		return host
	}
	return strings.Trim(hostPort, "[]")
}

// eventHeaders returns the request's headers, their names in lower case, several
// values joined by commas, and those that the gateway adds.
func eventHeaders(env Env, r *http.Request, length int, now time.Time) map[string]string {
	headers := make(map[string]string, len(r.Header)+6)
	for name, values := range r.Header {
		switch name {
		case "Cookie", "Connection":
		default:
			headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	headers["host"] = r.Host
	headers["content-length"] = strconv.Itoa(length)
	if via := headers["x-forwarded-for"]; via != "" {
		headers["x-forwarded-for"] = via + ", " + hostname(r.RemoteAddr)
	} else {
		headers["x-forwarded-for"] = hostname(r.RemoteAddr)
	}
	// A proxy in front of the runtime knows these two better.
	proto, port := reachedAt(env, r)
	headers["x-forwarded-proto"] = cmp.Or(headers["x-forwarded-proto"], proto)
	headers["x-forwarded-port"] = cmp.Or(headers["x-forwarded-port"], port)
	headers["x-amzn-trace-id"] = telemetry.TraceHeader(headers["x-amzn-trace-id"], headers["traceparent"])
	if headers["x-amzn-trace-id"] == "" {
		headers["x-amzn-trace-id"] = newTraceID(now)
	}
	return headers
}

// reachedAt tells where the world reaches the ingress listener: its address, if
// nobody says otherwise.
func reachedAt(env Env, r *http.Request) (proto, port string) {
	if env.IngressURL != nil {
		if u, err := url.Parse(env.IngressURL()); err == nil && u.Scheme != "" {
			return u.Scheme, cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
		}
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		_, port, _ = net.SplitHostPort(local.String())
	}
	if r.TLS != nil {
		return "https", port
	}
	return "http", port
}

// queryParameters returns the decoded parameters, several values of one joined by
// commas. What cannot be decoded stays as it is.
func queryParameters(query string) map[string]string {
	if query == "" {
		return nil
	}
	parameters := map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescapeQuery(name), unescapeQuery(value)
		if before, ok := parameters[name]; ok {
			value = before + "," + value
		}
		parameters[name] = value
	}
	return parameters
}

func unescapeQuery(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

// isText tells whether the gateway hands a body of this type over as text.
// Everything else, forms and bodies without a type too, is base64.
func isText(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch media {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "+json") || strings.HasSuffix(media, "+xml")
}

// encode returns the event as JSON. Characters that HTML gives a meaning to stay
// as they are: they would only make the event larger.
func (e httpEvent) encode() ([]byte, error) { return encodeJSON(e) }

// encodeJSON is json.Marshal without the escapes for HTML.
func encodeJSON(v any) ([]byte, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

// newTraceID makes an X-Amzn-Trace-Id.
func newTraceID(now time.Time) string {
	return fmt.Sprintf("Root=1-%08x-%s", now.Unix(), hex.EncodeToString(randomBytes(12)))
}

// newGatewayRequestID makes an id of the shape API Gateway gives requests.
func newGatewayRequestID() string { return base64.StdEncoding.EncodeToString(randomBytes(11)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}
