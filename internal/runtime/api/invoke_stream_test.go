package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
)

// stream reads an answer to its end with Amazon's own client.
func stream(t *testing.T, out *lambda.InvokeWithResponseStreamOutput) (chunks []string, end *types.InvokeWithResponseStreamCompleteEvent) {
	t.Helper()
	events := out.GetStream()
	defer events.Close()
	for event := range events.Events() {
		switch event := event.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			if end != nil {
				t.Error("a chunk comes after the end")
			}
			chunks = append(chunks, string(event.Value.Payload))
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			end = &event.Value
		}
	}
	if err := events.Err(); err != nil {
		t.Fatal(err)
	}
	if end == nil {
		t.Fatal("the stream has no end")
	}
	return chunks, end
}

func TestAmazonsClientReadsAStreamAsItIsWritten(t *testing.T) {
	f := newFixture(t)
	f.invoker.response = invoke.Response{ExecutedVersion: "3", LogTail: []byte("START\n")}
	read := make(chan struct{})
	f.invoker.stream = func(_ context.Context, sink invoke.Sink) {
		sink.Begin(invoke.StreamHead{ContentType: "text/html", ExecutedVersion: "3", Streamed: true})
		_, _ = sink.Write([]byte("first"))
		<-read
		_, _ = sink.Write(bytes.Repeat([]byte("x"), 64<<10))
	}
	out, err := f.operator().InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{
		FunctionName: aws.String("orders-fulfil"), Qualifier: aws.String("live"), Payload: []byte(`{"id":7}`), LogType: types.LogTypeTail,
	})
	if err != nil {
		t.Fatal(err)
	}
	first := <-out.GetStream().Events()
	if chunk, ok := first.(*types.InvokeWithResponseStreamResponseEventMemberPayloadChunk); !ok || string(chunk.Value.Payload) != "first" {
		t.Fatalf("got %+v", first)
	}
	close(read)
	chunks, end := stream(t, out)
	if len(chunks) != 1 || len(chunks[0]) != 64<<10 {
		t.Errorf("got %d chunks", len(chunks))
	}
	log, _ := base64.StdEncoding.DecodeString(aws.ToString(end.LogResult))
	if end.ErrorCode != nil || end.ErrorDetails != nil || string(log) != "START\n" {
		t.Errorf("it ended with %+v", end)
	}
	if out.StatusCode != 200 || aws.ToString(out.ExecutedVersion) != "3" || aws.ToString(out.ResponseStreamContentType) != eventStreamType {
		t.Errorf("got %+v", out)
	}
	got := f.invoker.requests[0]
	if got.Function != "orders-fulfil" || got.Qualifier != "live" || string(got.Payload) != `{"id":7}` || !got.LogTail || got.Source != "api" {
		t.Errorf("the function was invoked with %+v", got)
	}
}

func TestAStreamThatFailsSaysSoAtItsEnd(t *testing.T) {
	f := newFixture(t)
	f.invoker.response = invoke.Response{ExecutedVersion: "1", FunctionError: "Unhandled", Payload: []byte(`{"errorMessage":"no"}`)}
	for name, test := range map[string]struct {
		stream func(context.Context, invoke.Sink)
		chunks int
	}{
		"before it began": {},
		"in the middle": {func(_ context.Context, sink invoke.Sink) {
			sink.Begin(invoke.StreamHead{ExecutedVersion: "1", Streamed: true})
			_, _ = sink.Write([]byte("half"))
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f.invoker.stream = test.stream
			out, err := f.operator().InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("orders-fulfil")})
			if err != nil {
				t.Fatal(err)
			}
			chunks, end := stream(t, out)
			if len(chunks) != test.chunks || aws.ToString(end.ErrorCode) != "Unhandled" || aws.ToString(end.ErrorDetails) != `{"errorMessage":"no"}` {
				t.Errorf("got %q and %+v", chunks, end)
			}
			if aws.ToString(out.ExecutedVersion) != "1" {
				t.Errorf("the version is %q", aws.ToString(out.ExecutedVersion))
			}
		})
	}
}

func TestAStreamThatCannotBeginIsRefusedAsAnInvokeIs(t *testing.T) {
	f := newFixture(t)
	f.call(http.MethodPut, "/v1/stacks/orders", f.queue("orders")).want(http.StatusOK)
	f.invoker.err = &invoke.Error{Status: 429, Type: "TooManyRequestsException", Message: "Rate Exceeded."}
	_, err := f.operator().InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("orders-fulfil")})
	var throttled *types.TooManyRequestsException
	if !errors.As(err, &throttled) {
		t.Errorf("got %v, want a TooManyRequestsException", err)
	}
	f.call(http.MethodPost, "/2021-11-15/functions/orders-fulfil/response-streaming-invocations", "{}",
		"X-Amz-Invocation-Type", "Event").want(http.StatusBadRequest)
	f.call(http.MethodPost, "/2021-11-15/functions/orders-fulfil/response-streaming-invocations", "",
		"X-Amz-Invocation-Type", "DryRun").want(http.StatusNoContent)
	stranger := f.lambdaClient(f.ingress, "")
	if _, err := stranger.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("orders-fulfil")}); err == nil {
		t.Error("a stranger may invoke the function")
	}
}

func TestAClientThatGoesAwayIsNotWrittenTo(t *testing.T) {
	f := newFixture(t)
	gone := make(chan error, 1)
	f.invoker.stream = func(ctx context.Context, sink invoke.Sink) {
		sink.Begin(invoke.StreamHead{ExecutedVersion: "1", Streamed: true})
		_, _ = sink.Write([]byte("half"))
		<-ctx.Done()
		var err error
		for err == nil {
			_, err = sink.Write(make([]byte, 64<<10))
		}
		gone <- err
	}
	out, err := f.operator().InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("orders-fulfil")})
	if err != nil {
		t.Fatal(err)
	}
	<-out.GetStream().Events()
	out.GetStream().Close()
	<-gone
}
