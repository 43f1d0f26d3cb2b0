package runtime_test

import (
	"context"
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

const streamer = `
export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const ask = event.body === undefined ? event : JSON.parse(event.body)
  if (ask.prelude) {
    stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { 'content-type': 'text/plain', 'x-own': 'yes' } })
  } else {
    stream.setContentType('text/html')
  }
  for (let i = 0; i < ask.chunks; i++) {
    if (!stream.write(String(i % 10).repeat(1 << 20))) await new Promise((resolve) => stream.once('drain', resolve))
  }
  if (ask.fail) throw new RangeError('asked to fail')
  stream.end('end')
})`

// streamingStack is a stack with the function above, which has an address.
func streamingStack(n *node) stack.Stack {
	f := n.javascript(streamer)
	f.Memory, f.Timeout = 256, 60e9
	f.URL = &stack.FunctionURL{Auth: "none", InvokeMode: stack.InvokeModeStream}
	return stack.Stack{Name: "demo", Functions: map[string]stack.Function{"stream": f}}
}

// lambdaClient is Amazon's own client, pointed at the node.
func (n *node) lambdaClient() *lambda.Client {
	return lambda.New(lambda.Options{
		BaseEndpoint: aws.String(n.Endpoint), Region: stack.Region, Credentials: aws.AnonymousCredentials{}, Retryer: aws.NopRetryer{},
		APIOptions: []func(*middleware.Stack) error{func(s *middleware.Stack) error {
			return s.Finalize.Add(middleware.FinalizeMiddlewareFunc("bearer", func(
				ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
			) (middleware.FinalizeOutput, middleware.Metadata, error) {
				in.Request.(*smithyhttp.Request).Header.Set("Authorization", "Bearer "+n.Token)
				return next.HandleFinalize(ctx, in)
			}), middleware.After)
		}},
	})
}

func TestAnswersBeyondTheLimitOfAnInvokeAreStreamed(t *testing.T) {
	n := startNode(t)
	n.deploy(streamingStack(n))
	const chunks = 20
	ask := func(payload string) (body string, end types.InvokeWithResponseStreamCompleteEvent) {
		out, err := n.lambdaClient().InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{
			FunctionName: aws.String("demo-stream"), Qualifier: aws.String("live"), Payload: []byte(payload), LogType: types.LogTypeTail,
		})
		n.must(err)
		events := out.GetStream()
		defer events.Close()
		var all strings.Builder
		for event := range events.Events() {
			switch event := event.(type) {
			case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
				all.Write(event.Value.Payload)
			case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
				end = event.Value
			}
		}
		n.must(events.Err())
		return all.String(), end
	}
	body, end := ask(`{"chunks":20}`)
	if len(body) != chunks<<20+len("end") || !strings.HasSuffix(body, "end") || body[3<<20] != '3' || end.ErrorCode != nil || aws.ToString(end.LogResult) == "" {
		t.Errorf("got %d bytes and %+v", len(body), end)
	}
	body, end = ask(`{"chunks":2,"fail":true}`)
	if len(body) > 2<<20 || aws.ToString(end.ErrorCode) != "Unhandled" || !strings.Contains(aws.ToString(end.ErrorDetails), `"errorType":"RangeError"`) {
		t.Errorf("got %d bytes and %+v", len(body), end)
	}

	url := n.Ingress + "/functions/demo/stream/"
	response, err := http.Post(url, "application/json", strings.NewReader(`{"chunks":20,"prelude":true}`))
	n.must(err)
	text, err := io.ReadAll(response.Body)
	n.must(err)
	response.Body.Close()
	if response.StatusCode != 201 || response.Header.Get("X-Own") != "yes" || response.Header.Get("Content-Type") != "text/plain" || len(text) != chunks<<20+len("end") {
		t.Errorf("the URL answered %d %v with %d bytes", response.StatusCode, response.Header, len(text))
	}
	if got := n.invoke(t.Context(), "demo-stream:live", `{"chunks":2}`); got.status != 200 || len(got.payload) != 2<<20+len("end") {
		t.Errorf("an Invoke got %d with %d bytes", got.status, len(got.payload))
	}
	if got := n.invoke(t.Context(), "demo-stream:live", `{"chunks":7}`); got.functionError != "Unhandled" || !strings.Contains(got.payload, "Function.ResponseSizeTooLarge") {
		t.Errorf("an Invoke of too much got %d: %.200s", got.status, got.payload)
	}
}
