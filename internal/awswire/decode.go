package awswire

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A decoder turns a request's parts into parameters, and notes what does not fit
// the model.
type decoder struct {
	service  *service
	problems []string
}

func (d *decoder) problem(path, format string, args ...any) {
	d.problems = append(d.problems, strings.TrimPrefix(path+": ", ": ")+fmt.Sprintf(format, args...))
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func at(path string, index int) string { return fmt.Sprintf("%s[%d]", path, index) }

// decode returns a request's parameters.
func (d *decoder) decode(req *Request, input *shape) map[string]any {
	switch d.service.Metadata.Protocol {
	case "json":
		return d.jsonStruct(input, d.parseJSON(req.Body), "")
	case protocolCBOR:
		return d.jsonStruct(input, d.parseCBOR(req.Body), "")
	case "query", "ec2":
		return d.formStruct(input, parseForm(req.form), "")
	}
	params := map[string]any{}
	d.uri(req, input, params)
	d.query(req, input, params)
	d.headers(req, input, params)
	d.body(req, input, params)
	return params
}

func (d *decoder) uri(req *Request, input *shape, params map[string]any) {
	for name, ref := range input.Members {
		if ref.Location != "uri" {
			continue
		}
		text, err := url.PathUnescape(req.labels[ref.wireName(name)])
		if err != nil {
			d.problem(name, "is not escaped well in the path: %v", err)
			continue
		}
		params[name] = d.text(d.service.shape(ref), text, name, "iso8601")
	}
}

// ignoredQuery are names that the SDKs add for statistics.
var ignoredQuery = map[string]bool{"x-id": true}

func (d *decoder) query(req *Request, input *shape, params map[string]any) {
	query := req.URL.Query()
	for name := range req.route.query {
		delete(query, name)
	}
	maps.DeleteFunc(query, func(name string, _ []string) bool { return ignoredQuery[name] })
	rest := ""
	for name, ref := range input.Members {
		if ref.Location != "querystring" {
			continue
		}
		sh := d.service.shape(ref)
		if sh.Type == "map" {
			rest = name
			continue
		}
		values, ok := query[ref.wireName(name)]
		delete(query, ref.wireName(name))
		switch {
		case !ok:
		case sh.Type == "list":
			var list []any
			for i, value := range values {
				list = append(list, d.text(d.service.shape(sh.Member), value, at(name, i), "iso8601"))
			}
			params[name] = list
		default:
			if len(values) > 1 {
				d.problem(name, "is in the query string %d times", len(values))
			}
			params[name] = d.text(sh, values[0], name, "iso8601")
		}
	}
	if rest != "" && len(query) > 0 {
		params[rest] = textMap(query)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		d.problem("", "%s has no parameter %q in the query string", req.Operation, name)
	}
}

func textMap(query url.Values) map[string]any {
	m := map[string]any{}
	for name, values := range query {
		m[name] = values[0]
	}
	return m
}

// commonHeaders begin headers that belong to no operation.
var commonHeaders = []string{
	"x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-user-agent", "x-amz-te",
	"x-amz-trailer", "x-amz-decoded-content-length", "x-amz-sdk-", "x-amz-checksum-", "x-amz-api-version", "x-amz-target",
}

func (d *decoder) headers(req *Request, input *shape, params map[string]any) {
	known := map[string]bool{}
	for name, ref := range input.Members {
		switch ref.Location {
		case "header":
			known[strings.ToLower(ref.wireName(name))] = true
			if values := req.Header.Values(ref.wireName(name)); len(values) > 0 {
				params[name] = d.header(ref, strings.Join(values, ","), name)
			}
		case "headers":
			found := map[string]any{}
			for header := range req.Header {
				if key, ok := strings.CutPrefix(strings.ToLower(header), strings.ToLower(ref.LocationName)); ok {
					found[key] = req.Header.Get(header)
					known[strings.ToLower(header)] = true
				}
			}
			if len(found) > 0 {
				params[name] = found
			}
		}
	}
	for _, header := range slices.Sorted(maps.Keys(req.Header)) {
		lower := strings.ToLower(header)
		common := slices.ContainsFunc(commonHeaders, func(prefix string) bool { return strings.HasPrefix(lower, prefix) })
		if strings.HasPrefix(lower, "x-amz-") && !known[lower] && !common {
			d.problem("", "%s has no parameter in a header %s", req.Operation, lower)
		}
	}
}

func (d *decoder) header(ref *reference, text, path string) any {
	sh := d.service.shape(ref)
	if ref.JSONValue {
		return text
	}
	if sh.Type != "list" {
		return d.text(sh, text, path, "rfc822")
	}
	var list []any
	for i, value := range strings.Split(text, ",") {
		list = append(list, d.text(d.service.shape(sh.Member), strings.TrimSpace(value), at(path, i), "rfc822"))
	}
	return list
}

// body reads what of a REST request is in its body.
func (d *decoder) body(req *Request, input *shape, params map[string]any) {
	xml := d.service.Metadata.Protocol == "rest-xml"
	if input.Payload != "" {
		ref := input.Members[input.Payload]
		switch sh := d.service.shape(ref); {
		case sh.Type == "blob":
			params[input.Payload] = req.Body
		case sh.Type == "string":
			params[input.Payload] = string(req.Body)
		case len(req.Body) == 0:
		case xml:
			params[input.Payload] = d.xmlRoot(sh, req.Body, ref.wireName(sh.name), input.Payload)
		default:
			params[input.Payload] = d.jsonStruct(sh, d.parseJSON(req.Body), input.Payload)
		}
		return
	}
	inBody := &shape{Type: "structure", Members: map[string]*reference{}}
	for name, ref := range input.Members {
		if ref.Location == "" {
			inBody.Members[name] = ref
		}
	}
	if len(req.Body) == 0 {
		return
	}
	if xml {
		root := ""
		if req.op.Input != nil {
			root = req.op.Input.LocationName
		}
		maps.Copy(params, d.xmlRoot(inBody, req.Body, root, ""))
		return
	}
	maps.Copy(params, d.jsonStruct(inBody, d.parseJSON(req.Body), ""))
}

// text reads a scalar that is written as text. format is how a timestamp is
// written where neither shape says.
func (d *decoder) text(sh *shape, text, path, format string) any {
	switch sh.Type {
	case "string":
		return text
	case "boolean":
		if text != "true" && text != "false" {
			d.problem(path, "is %q, want true or false", text)
		}
		return text == "true"
	case "integer", "long", "short":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			d.problem(path, "is %q, want a whole number", text)
		}
		return float64(n)
	case "float", "double":
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			d.problem(path, "is %q, want a number", text)
		}
		return n
	case "timestamp":
		if sh.TimestampFormat != "" {
			format = sh.TimestampFormat
		}
		d.timestamp(text, path, format)
		return text
	case "blob":
		return d.base64(text, path)
	}
	d.problem(path, "is text, want a %s", sh.Type)
	return nil
}

func (d *decoder) timestamp(text, path, format string) {
	var err error
	switch format {
	case "iso8601":
		_, err = time.Parse(time.RFC3339, text)
	case "rfc822":
		_, err = time.Parse(time.RFC1123, text)
	case "unixTimestamp":
		_, err = strconv.ParseFloat(text, 64)
	}
	if err != nil {
		d.problem(path, "is %q, which is no timestamp in the format %s", text, format)
	}
}

func (d *decoder) base64(text, path string) []byte {
	blob, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		d.problem(path, "is not base64: %v", err)
	}
	return blob
}

// whole tells whether a number has no fraction.
func whole(n float64) bool { return n == math.Trunc(n) }
