package awswire

import (
	"fmt"
	"net/http"
	"net/url"
)

// A Request is a request as it was recorded.
type Request struct {
	// Number counts requests from 1, in the order in which they arrived.
	Number int
	// Service and Operation, "" when they could not be told; Problems then says why.
	Service   string
	Operation string
	// Params are the parameters by their names in the model, those of URI, query
	// string and headers too: structures and maps are map[string]any, lists []any,
	// numbers float64, blobs []byte, the rest string and bool.
	Params map[string]any
	// Problems are reasons for which real AWS would refuse the request, if any: each
	// is a phrase that begins with the parameter.
	Problems []string

	Method string
	URL    *url.URL
	Header http.Header
	Body   []byte

	// Status of the answer that the client got, 0 while it has none, and when its
	// connection was closed instead.
	Status int

	service *service
	op      *operation
	route   *route
	labels  map[string]string
	form    url.Values
}

// Call is the request's service and operation, "lambda:CreateFunction".
func (req *Request) Call() string { return req.Service + ":" + req.Operation }

// Param returns a parameter at the top as a string, "" if there is none.
func (req *Request) Param(name string) string {
	value, ok := req.Params[name]
	if !ok {
		return ""
	}
	return fmt.Sprint(value)
}

// Another is a request of the same client to the same service that is not recorded,
// for an Ask. uri is a path with a query string.
func (req *Request) Another(method, uri string, body []byte) (*Request, error) {
	target, err := url.ParseRequestURI(uri)
	if err != nil {
		return nil, err
	}
	return &Request{Method: method, URL: target, Header: req.Header.Clone(), Body: body}, nil
}

func (req *Request) String() string {
	return fmt.Sprintf("%d. %s (%s %s)", req.Number, req.Call(), req.Method, req.URL.RequestURI())
}

// read fills in everything that the models tell of a request.
func (m *Models) read(req *Request) {
	req.Params = map[string]any{}
	if err := m.identify(req); err != nil {
		req.Problems = append(req.Problems, err.Error())
		return
	}
	input := req.service.input(req.op)
	d := &decoder{service: req.service}
	req.Params = d.decode(req, input)
	c := &checker{service: req.service, problems: d.problems}
	c.check(input, req.Params, "")
	req.Problems = c.problems
}
