package trigger

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
)

// An httpResponse is what a function answers to a request.
type httpResponse struct {
	status int
	// header has canonical names; Set-Cookie holds the cookies.
	header http.Header
	body   []byte
}

// httpResponseOf reads a function's answer, which it may have streamed.
func httpResponseOf(r invoke.Response, defaultType string) (httpResponse, error) {
	switch {
	case hasPrelude(r.ContentType):
		return preludedResponse(r.Payload)
	case r.ContentType == "" || saysStatus(r.Payload):
		return decodeHTTPResponse(r.Payload, defaultType)
	}
	return httpResponse{status: http.StatusOK, header: http.Header{"Content-Type": {r.ContentType}}, body: r.Payload}, nil
}

// saysStatus tells whether an answer is an object of payload format 2.0.
func saysStatus(payload []byte) bool {
	var object struct {
		Status json.RawMessage `json:"statusCode"`
	}
	return json.Unmarshal(payload, &object) == nil && len(object.Status) > 0
}

// decodeHTTPResponse reads what a function returned: an object of payload format
// 2.0, or, without a statusCode, anything, which is then a body of type JSON
// with status 200. What is given a body but no type gets defaultType.
func decodeHTTPResponse(payload []byte, defaultType string) (httpResponse, error) {
	payload = bytes.TrimSpace(payload)
	if len(payload) == 0 {
		payload = []byte("null")
	}
	if !json.Valid(payload) {
		return httpResponse{}, errors.New("the function's answer is not JSON")
	}
	var object map[string]json.RawMessage
	if payload[0] == '{' {
		if err := json.Unmarshal(payload, &object); err != nil {
			return httpResponse{}, err
		}
	}
	if _, ok := object["statusCode"]; ok {
		return decodeFormat2(object, defaultType)
	}
	body := payload
	if payload[0] == '"' {
		var text string
		if err := json.Unmarshal(payload, &text); err != nil {
			return httpResponse{}, err
		}
		body = []byte(text)
	}
	return httpResponse{
		status: http.StatusOK,
		header: http.Header{"Content-Type": {"application/json"}},
		body:   body,
	}, nil
}

func decodeFormat2(object map[string]json.RawMessage, defaultType string) (r httpResponse, err error) {
	if r.status, err = decodeStatus(object["statusCode"]); err != nil {
		return httpResponse{}, err
	}
	if r.header, err = decodeHeaders(object["headers"]); err != nil {
		return httpResponse{}, err
	}
	var cookies []string
	if err := decodeOptional(object["cookies"], &cookies); err != nil {
		return httpResponse{}, errors.New("cookies is not a list of strings")
	}
	for _, cookie := range cookies {
		r.header.Add("Set-Cookie", cookie)
	}
	var body string
	if err := decodeOptional(object["body"], &body); err != nil {
		return httpResponse{}, errors.New("body is not a string")
	}
	var isBase64 bool
	if err := decodeOptional(object["isBase64Encoded"], &isBase64); err != nil {
		return httpResponse{}, errors.New("isBase64Encoded is neither true nor false")
	}
	r.body = []byte(body)
	if isBase64 {
		if r.body, err = base64.StdEncoding.DecodeString(body); err != nil {
			return httpResponse{}, errors.New("body is not base64, though isBase64Encoded says so")
		}
	}
	if len(r.body) > 0 && r.header.Get("Content-Type") == "" {
		r.header.Set("Content-Type", defaultType)
	}
	return r, nil
}

// decodeOptional leaves the value as it is where there is none or null.
func decodeOptional(text json.RawMessage, into any) error {
	if len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, into)
}

// decodeStatus takes a number, or a string that is one, as API Gateway does.
// Statuses below 200 announce another answer and cannot be one.
func decodeStatus(text json.RawMessage) (int, error) {
	status, err := strconv.Atoi(strings.Trim(string(text), `"`))
	if err != nil || status < 200 || status > 599 {
		return 0, errors.New("statusCode is not a whole number from 200 to 599")
	}
	return status, nil
}

// ownHeaders are those of one connection, which are the server's to write.
var ownHeaders = map[string]bool{
	"Connection": true, "Content-Length": true, "Keep-Alive": true, "Proxy-Connection": true,
	"Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

// decodeHeaders takes strings, numbers and booleans as values.
func decodeHeaders(text json.RawMessage) (http.Header, error) {
	var values map[string]any
	header := http.Header{}
	if len(text) == 0 {
		return header, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&values); err != nil {
		return nil, errors.New("headers is not an object")
	}
	for name, value := range values {
		name = textproto.CanonicalMIMEHeaderKey(name)
		if ownHeaders[name] || value == nil {
			continue
		}
		switch value.(type) {
		case string, json.Number, bool:
			header.Add(name, fmt.Sprint(value))
		default:
			return nil, fmt.Errorf("header %q is not a string", name)
		}
	}
	return header, nil
}

// tellVersion says in the answer's header which version was executed, as Lambda's Invoke
// does, and how its instance was initialised if that was new: also when it failed. Headers
// of these names that the function sets as well are dropped.
func tellVersion(w http.ResponseWriter, o outcome) {
	if o.err == nil {
		w.Header().Set("X-Amz-Executed-Version", o.response.ExecutedVersion)
		o.response.Init.Tell(w.Header())
	}
}

// write sends the response. Headers that w has already stay.
func (r httpResponse) write(w http.ResponseWriter) {
	for name, values := range r.header {
		if _, taken := w.Header()[name]; !taken || name == "Vary" {
			w.Header()[name] = append(w.Header()[name], values...)
		}
	}
	if bodyAllowed(r.status) {
		w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	if bodyAllowed(r.status) {
		_, _ = w.Write(r.body) // a client that went away is no news
	}
}

func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// writeMessage answers as API Gateway does when it answers itself.
func writeMessage(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"message": message})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	text, err := encodeJSON(value)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
