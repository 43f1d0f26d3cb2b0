// Command function is what the conformance tests deploy with aws-lambda-go. Every
// client's function does the same; see the package's documentation.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type request struct {
	Do     string `json:"do"`
	Text   string `json:"text"`
	Number int    `json:"number"`
	// Body of a request to the function's URL, which is a request of its own.
	Body string `json:"body"`
}

// A failure is an error with a type of its own.
type failure struct{ text string }

func (f failure) Error() string { return f.text }

var count int

func handle(ctx context.Context, event json.RawMessage) (any, error) {
	count++
	var r request
	if json.Unmarshal(event, &r) == nil && r.Body != "" {
		return answerURL([]byte(r.Body))
	}
	if r.Do == "" {
		return event, nil
	}
	switch r.Do {
	case "context":
		return describe(ctx), nil
	case "count":
		return map[string]any{"count": count, "connections": connections()}, nil
	case "text":
		return strings.Repeat("x", r.Number), nil
	case "print":
		fmt.Println(r.Text)
		return nil, nil
	case "fail":
		return nil, failure{r.Text + strings.Repeat("x", r.Number)}
	case "panic":
		panic(r.Text)
	case "exit":
		os.Exit(r.Number)
	case "kill":
		return nil, syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "sleep":
		time.Sleep(time.Duration(r.Number) * time.Millisecond)
		return r.Number, nil
	case "stream":
		return stream(r), nil
	}
	return nil, errors.New("there is nothing to do: " + r.Do)
}

func describe(ctx context.Context) map[string]any {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return map[string]any{
		"request_id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "deadline": deadline.UnixMilli(),
		"title": lc.ClientContext.Client.AppTitle, "custom": lc.ClientContext.Custom,
		"trace": ctx.Value("x-amzn-trace-id"), "client": client(),
		"name": lambdacontext.FunctionName, "version": lambdacontext.FunctionVersion,
		"memory": lambdacontext.MemoryLimitInMB, "group": lambdacontext.LogGroupName, "stream": lambdacontext.LogStreamName,
	}
}

// client is the module of the client and its version.
func client() string {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == "github.com/aws/aws-lambda-go" {
			return "aws-lambda-go " + strings.TrimPrefix(dependency.Version, "v")
		}
	}
	return "none"
}

// connections counts the process's sockets.
func connections() int {
	found := 0
	files, _ := os.ReadDir("/proc/self/fd")
	for _, file := range files {
		if target, _ := os.Readlink("/proc/self/fd/" + file.Name()); strings.HasPrefix(target, "socket:") {
			found++
		}
	}
	return found
}

// stream writes the text as often as asked for; with "break" as the text it fails then.
func stream(r request) io.Reader {
	reader, writer := io.Pipe()
	go func() {
		for range r.Number {
			fmt.Fprint(writer, r.Text)
		}
		if r.Text == "break" {
			writer.CloseWithError(failure{"broken"})
			return
		}
		writer.Close()
	}()
	return reader
}

// answerURL streams with a status and headers.
func answerURL(body []byte) (any, error) {
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, err
	}
	return &events.LambdaFunctionURLStreamingResponse{
		StatusCode: http.StatusCreated, Headers: map[string]string{"Content-Type": "text/plain", "X-Own": "yes"}, Body: stream(r),
	}, nil
}

func main() {
	if os.Getenv("FAIL_AT_START") != "" {
		fmt.Println("told to fail")
		os.Exit(5)
	}
	if text := os.Getenv("AT_SIGTERM"); text != "" {
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() { fmt.Println(text) }))
		return
	}
	lambda.Start(handle)
}
