package awswire

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
)

// An Answer is what the client gets.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Hangup closes the connection in place of an answer.
	Hangup bool
}

// A Reply makes the answer to a request.
type Reply func(*Request) *Answer

func (a *Answer) write(w http.ResponseWriter, method string) {
	if a.Hangup {
		panic(http.ErrAbortHandler) // closes the connection without a word
	}
	for name, values := range a.Header {
		switch name {
		case "Transfer-Encoding", "Connection":
		case "Content-Length": // may be another now, unless there is no body to count
			if method == http.MethodHead {
				w.Header()[name] = values
			}
		default:
			w.Header()[name] = values
		}
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body)
}

// OK tells whether the answer is no error.
func (a *Answer) OK() bool { return a.Status/100 == 2 }

// EditJSON changes the body, a JSON object.
func (a *Answer) EditJSON(change func(body map[string]any)) {
	body := map[string]any{}
	if err := json.Unmarshal(a.Body, &body); err != nil {
		a.fail(fmt.Errorf("the answer to be changed is no JSON object: %w", err))
		return
	}
	change(body)
	text, err := json.Marshal(body)
	if err != nil {
		a.fail(err)
		return
	}
	a.Body = text
}

// fail makes a mistake of a test show.
func (a *Answer) fail(err error) {
	*a = Answer{Status: http.StatusNotImplemented, Header: http.Header{}, Body: []byte(err.Error())}
}

// Raw answers as it is told to.
func Raw(status int, contentType, body string) Reply {
	return func(*Request) *Answer {
		return &Answer{Status: status, Header: http.Header{"Content-Type": {contentType}}, Body: []byte(body)}
	}
}

// Hangup closes the connection without an answer.
func Hangup() Reply { return func(*Request) *Answer { return &Answer{Hangup: true} } }

// A Detail is a further member of an error, such as Reason.
type Detail struct{ Name, Value string }

// Error answers with an error as the request's service writes it. The status is
// the one that the model has for the code, else 500 for codes that blame the
// service, else 400; code may also be "STATUS CODE", "403 AccessDeniedException".
func Error(code, message string, details ...Detail) Reply {
	return func(r *Request) *Answer {
		status := 0
		if before, after, ok := strings.Cut(code, " "); ok {
			_, _ = fmt.Sscan(before, &status)
			return encodeError(r, after, message, status, details)
		}
		return encodeError(r, code, message, status, details)
	}
}

// AccessDenied answers as AWS does when the identity may not make the call.
func AccessDenied(action, resource string) Reply {
	message := fmt.Sprintf("User: arn:aws:iam::123456789012:user/tester is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action", action, resource, action)
	return func(r *Request) *Answer {
		code := "403 AccessDeniedException"
		switch r.Service {
		case "iam", "sts", "s3":
			code = "403 AccessDenied"
		case "ec2":
			code = "403 UnauthorizedOperation"
		case "logs", "ecr", "application-autoscaling":
			code = "400 AccessDeniedException"
		case "cloudwatch":
			code = "403 AccessDenied"
		}
		return Error(code, message)(r)
	}
}

// Throttled answers as the request's service does when it gets too many.
func Throttled() Reply {
	return func(r *Request) *Answer {
		switch r.Service {
		case "lambda":
			return Error("TooManyRequestsException", "Rate exceeded", Detail{"Reason", "CallerRateLimitExceeded"})(r)
		case "apigatewayv2":
			return Error("TooManyRequestsException", "Too Many Requests")(r)
		case "iam", "sts":
			return Error("400 Throttling", "Rate exceeded")(r)
		case "s3":
			return Error("503 SlowDown", "Please reduce your request rate.")(r)
		case "ec2":
			return Error("503 RequestLimitExceeded", "Request limit exceeded.")(r)
		case "sqs":
			return Error("403 RequestThrottled", "Request is throttled.")(r)
		case "scheduler":
			return Error("ThrottlingException", "Rate exceeded")(r)
		}
		return Error("400 ThrottlingException", "Rate exceeded")(r)
	}
}

const requestID = "5f0c2a52-8f3c-4b7e-9d9a-0d7a4c7f2a11"

func encodeError(r *Request, code, message string, status int, details []Detail) *Answer {
	if r.service == nil {
		return Raw(http.StatusNotImplemented, "text/plain", "no service to write the error "+code+" for")(r)
	}
	sh, known := r.service.exception(code)
	if status == 0 {
		status = defaultStatus(sh, known, code)
	}
	a := &Answer{Status: status, Header: http.Header{"X-Amzn-Requestid": {requestID}}}
	switch r.service.Metadata.Protocol {
	case "json", "rest-json":
		a.jsonError(r.service, sh, code, message, details)
	case protocolCBOR:
		a.cborError(r.service, sh, code, message, details)
	default:
		a.xmlError(r.service, code, message, status, details)
	}
	return a
}

func defaultStatus(sh *shape, known bool, code string) int {
	switch {
	case known && sh.Error.HTTPStatusCode != 0:
		return sh.Error.HTTPStatusCode
	case known && sh.Fault, strings.HasPrefix(code, "Internal"), strings.HasPrefix(code, "Service"):
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

func (a *Answer) jsonError(s *service, sh *shape, code, message string, details []Detail) {
	body := map[string]string{}
	messageName := "message"
	if sh != nil {
		for name, ref := range sh.Members {
			if strings.EqualFold(name, "message") {
				messageName = ref.wireName(name)
			}
		}
	}
	body[messageName] = message
	for _, d := range details {
		body[d.Name] = d.Value
	}
	if s.Metadata.Protocol == "json" {
		a.Header.Set("Content-Type", "application/x-amz-json-"+s.Metadata.JSONVersion)
		body["__type"] = code
		if s.Metadata.QueryCompatible != nil {
			body["__type"] = "com.amazonaws." + s.name + "#" + code
			a.Header.Set("X-Amzn-Query-Error", queryCode(s, sh, code)+";Sender")
		}
	} else {
		a.Header.Set("Content-Type", "application/json")
		a.Header.Set("X-Amzn-Errortype", code)
		if sh != nil && sh.Members["Type"] != nil {
			body["Type"] = "User"
		}
	}
	a.Body, _ = json.Marshal(body)
}

// queryCode is the code that an error had in the service's older protocol.
func queryCode(s *service, sh *shape, code string) string {
	switch {
	case s.name == "sqs" && code == "QueueDoesNotExist":
		return "AWS.SimpleQueueService.NonExistentQueue"
	case s.name == "sqs" && code == "AccessDeniedException":
		return "AccessDenied"
	case s.name == "sqs" && code == "QueueNameExists":
		return "QueueAlreadyExists"
	case s.name == "sqs" && code == "QueueDeletedRecently":
		return "AWS.SimpleQueueService.QueueDeletedRecently"
	case sh != nil && sh.Error.Code != "":
		return sh.Error.Code
	}
	return code
}

func (a *Answer) xmlError(s *service, code, message string, status int, details []Detail) {
	a.Header.Set("Content-Type", "text/xml")
	fields := append([]Detail{{"Code", code}, {"Message", message}}, details...)
	kind := "Sender"
	if status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	var inner strings.Builder
	for _, f := range fields {
		inner.WriteString("<" + f.Name + ">")
		_ = xml.EscapeText(&inner, []byte(f.Value))
		inner.WriteString("</" + f.Name + ">")
	}
	text := ""
	switch s.Metadata.Protocol {
	case "query":
		text = fmt.Sprintf("<ErrorResponse xmlns=%q><Error><Type>%s</Type>%s</Error><RequestId>%s</RequestId></ErrorResponse>",
			s.Metadata.XMLNamespace, kind, inner.String(), requestID)
	case "ec2":
		text = fmt.Sprintf("<Response><Errors><Error>%s</Error></Errors><RequestID>%s</RequestID></Response>", inner.String(), requestID)
	default:
		text = fmt.Sprintf("<Error>%s<RequestId>%s</RequestId></Error>", inner.String(), requestID)
	}
	a.Body = []byte(xml.Header + text)
}
