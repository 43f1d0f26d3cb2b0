package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// streams is for the clients that can; those of Python and Java cannot.
func streams(t *testing.T, f *function) {
	if f.name == "python" || f.name == "java" {
		return
	}
	const often = 160
	word := strings.Repeat("Gezeiten ☃", 5461) // 64 KiB
	long := strings.Repeat(word, often)        // more than an answer that is no stream may have

	body, end := f.stream(word, often)
	if !bytes.HasSuffix(body, []byte(long)) || end.ErrorCode != nil {
		t.Errorf("a stream of %d bytes comes as %d, and ends with %+v", len(long), len(body), end)
	}
	// Lambda_runtime begins every stream with a status and headers.
	if prelude, whole, ok := bytes.Cut(body, make([]byte, 8)); ok && (!json.Valid(prelude) || string(whole) != long) || !ok && len(body) != len(long) {
		t.Errorf("the stream begins with %.200q", body)
	}

	// An error that comes when the stream has begun is told at its end.
	body, end = f.stream("break", 3)
	if !bytes.Contains(body, []byte("breakbreakbreak")) && f.name != "node" { // which may lose what is not yet sent
		t.Errorf("a stream that breaks comes as %.200q", body)
	}
	var details failure
	if f.name == "rust" {
		// This client writes what are to be trailers into the stream.
		if !bytes.Contains(body, []byte("breakbreakbreakLambda-Runtime-Function-Error-Type: ")) || end.ErrorCode != nil {
			t.Errorf("a stream that breaks comes as %.500q, and ends with %+v", body, end)
		}
	} else if err := json.Unmarshal([]byte(aws.ToString(end.ErrorDetails)), &details); err != nil || aws.ToString(end.ErrorCode) != "Unhandled" ||
		details != (failure{f.failure, "broken"}) {
		t.Errorf("a stream that breaks ends with %s: %s", aws.ToString(end.ErrorCode), aws.ToString(end.ErrorDetails))
	}

	// Who does not ask for a stream gets all of it at once.
	if a := f.do("stream", "stream", map[string]any{"text": word, "number": 3}); a.failed != "" || !strings.HasSuffix(string(a.payload), strings.Repeat(word, 3)) {
		t.Errorf("an Invoke of a stream gives %.500q, and %q", a.payload, a.failed)
	}

	response, err := http.Post(f.Ingress+"/functions/"+f.name+"/stream/", "application/json", strings.NewReader(fmt.Sprintf(`{"text":%q,"number":%d}`, word, often)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusCreated || response.Header.Get("X-Own") != "yes" ||
		!strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") || string(body) != long {
		t.Errorf("the URL answers with %d, %v and %d bytes: %v", response.StatusCode, response.Header, len(body), err)
	}
}

// stream has a function stream to AWS's own SDK.
func (f *function) stream(text string, number int) (body []byte, end types.InvokeWithResponseStreamCompleteEvent) {
	f.t.Helper()
	payload, err := json.Marshal(map[string]any{"do": "stream", "text": text, "number": number})
	if err != nil {
		f.t.Fatal(err)
	}
	out, err := f.sdk().InvokeWithResponseStream(f.t.Context(), &lambda.InvokeWithResponseStreamInput{
		FunctionName: aws.String(f.name + "-stream"), Qualifier: aws.String("live"), Payload: payload,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	events := out.GetStream()
	defer events.Close()
	for event := range events.Events() {
		switch event := event.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			body = append(body, event.Value.Payload...)
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			end = event.Value
		}
	}
	if err := events.Err(); err != nil {
		f.t.Fatal(err)
	}
	return body, end
}

func (f *function) sdk() *lambda.Client {
	return lambda.New(lambda.Options{
		BaseEndpoint: aws.String(f.Endpoint), Region: stack.Region, Credentials: aws.AnonymousCredentials{}, Retryer: aws.NopRetryer{},
		APIOptions: []func(*middleware.Stack) error{func(s *middleware.Stack) error {
			return s.Finalize.Add(middleware.FinalizeMiddlewareFunc("bearer", func(
				ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
			) (middleware.FinalizeOutput, middleware.Metadata, error) {
				in.Request.(*smithyhttp.Request).Header.Set("Authorization", "Bearer "+f.Token)
				return next.HandleFinalize(ctx, in)
			}), middleware.After)
		}},
	})
}
