package awswire

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A route is the part of a request by which the operation of a REST service is
// recognised.
type route struct {
	op     *operation
	path   *regexp.Regexp
	labels []string
	// literals counts what of the path is no label.
	literals int
	// query must be there: "" for any value.
	query map[string]string
	// required are members that must be there: query names and headers.
	requiredQuery, requiredHeaders []string
}

var label = regexp.MustCompile(`\{[^}]+\}`)

func newRoute(s *service, op *operation) route {
	uri, query, _ := strings.Cut(op.HTTP.RequestURI, "?")
	r := route{op: op, query: map[string]string{}}
	pattern, rest := "^", uri
	for rest != "" {
		at := label.FindStringIndex(rest)
		if at == nil {
			at = []int{len(rest), len(rest)}
		}
		r.literals += at[0]
		pattern += regexp.QuoteMeta(rest[:at[0]])
		if name := strings.Trim(rest[at[0]:at[1]], "{}"); name != "" {
			if greedy, ok := strings.CutSuffix(name, "+"); ok {
				name, pattern = greedy, pattern+"(.+)"
			} else {
				pattern += "([^/]+)"
			}
			r.labels = append(r.labels, name)
		}
		rest = rest[at[1]:]
	}
	r.path = regexp.MustCompile(strings.TrimSuffix(pattern, "/") + "/?$")
	for _, term := range strings.Split(query, "&") {
		if name, value, _ := strings.Cut(term, "="); name != "" {
			r.query[name] = value
		}
	}
	input := s.input(op)
	for _, name := range input.Required {
		switch ref := input.Members[name]; ref.Location {
		case "querystring":
			r.requiredQuery = append(r.requiredQuery, ref.wireName(name))
		case "header":
			r.requiredHeaders = append(r.requiredHeaders, ref.wireName(name))
		}
	}
	return r
}

// wireName is what a member is called in a request.
func (ref *reference) wireName(member string) string {
	if ref.LocationName != "" {
		return ref.LocationName
	}
	return member
}

// match tells how well the route fits the request, 0 for not at all, and the
// values of its labels, still escaped.
func (r *route) match(req *Request) (score int, labels map[string]string) {
	if r.op.HTTP.Method != req.Method {
		return 0, nil
	}
	values := r.path.FindStringSubmatch(req.URL.EscapedPath())
	if values == nil {
		return 0, nil
	}
	query := req.URL.Query()
	for name, want := range r.query {
		got, ok := query[name]
		if !ok || want != "" && !slices.Contains(got, want) {
			return 0, nil
		}
	}
	score = 1 + 1000*r.literals + 100*len(r.query)
	for _, name := range r.requiredQuery {
		score += presence(query.Has(name))
	}
	for _, name := range r.requiredHeaders {
		score += presence(req.Header.Get(name) != "")
	}
	if query.Get("x-id") == r.op.Name { // what the SDKs add to tell operations apart
		score += 50
	}
	if r.op.Deprecated {
		score--
	}
	labels = map[string]string{}
	for i, name := range r.labels {
		labels[name] = values[i+1]
	}
	return max(score, 1), labels
}

// presence is what a required member adds to a score.
func presence(there bool) int {
	if there {
		return 10
	}
	return -10
}

// signingNames are the services whose signing name is another.
var signingNames = map[string]string{"apigateway": "apigatewayv2", "monitoring": "cloudwatch"}

var (
	credential = regexp.MustCompile(`Credential=[^/,]+/\d{8}/[^/,]*/([^/,]+)/aws4_request`)
	stsAction  = regexp.MustCompile(`^(Assume|Get(Caller|Access|Session|Federation))`)
)

// serviceName tells a request's service by its signature. Only calls that get
// credentials go unsigned, to STS.
func serviceName(req *Request, form url.Values) (string, error) {
	if m := credential.FindStringSubmatch(req.Header.Get("Authorization")); m != nil {
		if name, ok := signingNames[m[1]]; ok {
			return name, nil
		}
		return m[1], nil
	}
	if stsAction.MatchString(form.Get("Action")) {
		return "sts", nil
	}
	return "", errUnknownService
}

// identify finds a request's service and operation.
func (m *Models) identify(req *Request) error {
	form := url.Values{}
	if strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, _ = url.ParseQuery(string(req.Body))
	}
	name, err := serviceName(req, form)
	if err != nil {
		return err
	}
	req.Service = name
	s, err := m.service(name)
	if err != nil {
		return err
	}
	req.service = s
	switch s.Metadata.Protocol {
	case "json":
		target := req.Header.Get("X-Amz-Target")
		operation, ok := strings.CutPrefix(target, s.Metadata.TargetPrefix+".")
		if !ok {
			return fmt.Errorf("the header X-Amz-Target is %q, where %s.OPERATION is due", target, s.Metadata.TargetPrefix)
		}
		return req.setOperation(operation)
	case protocolCBOR:
		operation, ok := strings.CutPrefix(req.URL.Path, "/service/"+s.Metadata.TargetPrefix+"/operation/")
		if !ok || req.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
			return fmt.Errorf("the path is %q, where /service/%s/operation/OPERATION is due, with the header Smithy-Protocol", req.URL.Path, s.Metadata.TargetPrefix)
		}
		return req.setOperation(operation)
	case "query", "ec2":
		req.form = form
		if got := form.Get("Version"); got != s.Metadata.APIVersion {
			return fmt.Errorf("the parameter Version is %q, where %s is due", got, s.Metadata.APIVersion)
		}
		return req.setOperation(form.Get("Action"))
	case "rest-json", "rest-xml":
		best := 0
		for i := range s.routes {
			if score, labels := s.routes[i].match(req); score > best {
				best, req.route, req.labels = score, &s.routes[i], labels
			}
		}
		if best == 0 {
			return fmt.Errorf("%s has no operation %s %s", name, req.Method, req.URL.EscapedPath())
		}
		return req.setOperation(req.route.op.Name)
	}
	return fmt.Errorf("requests of the protocol %s, which %s speaks, are not understood here", s.Metadata.Protocol, name)
}

func (req *Request) setOperation(name string) error {
	op, ok := req.service.Operations[name]
	if !ok {
		return fmt.Errorf("%s has no operation %q", req.Service, name)
	}
	req.Operation, req.op = name, op
	if req.route == nil && req.Method != http.MethodPost {
		return fmt.Errorf("the method is %s, where POST is due", req.Method)
	}
	return nil
}
