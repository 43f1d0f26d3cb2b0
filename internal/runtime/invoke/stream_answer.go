package invoke

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rawhttp"
)

// Headers and trailers of Lambda's streaming mode.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
const (
	headerResponseMode = "Lambda-Runtime-Function-Response-Mode"
	modeStreaming      = "streaming"
	trailerErrorType   = "Lambda-Runtime-Function-Error-Type"
	trailerErrorBody   = "Lambda-Runtime-Function-Error-Body"
)

// truncationGrace is how long a process may take to be gone after its connection
// broke in the middle of an answer: if it is, that is what the invocation fails with.
const truncationGrace = time.Second

var errStreamEntityTooLarge = &apiError{
	http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
	fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", MaxStream),
}

// isStreaming tells whether a runtime sends an answer in Lambda's streaming mode.
func isStreaming(mode string) bool { return strings.EqualFold(mode, modeStreaming) }

// streams tells whether an answer is to be taken as the function writes it: its runtime
// says that it is in streaming mode, or who invoked wants it so and nobody knows how long
// it gets. aws-lambda-go says nothing of its mode, and Lambda does not ask.
func (i *instance) streams(r *rawhttp.Request) bool {
	if isStreaming(r.Header(headerResponseMode)) {
		return true
	}
	if !r.Chunked() {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.current != nil && i.current.stream != nil
}

// An answerBody is an answer as it comes from a runtime.
type answerBody struct {
	io.Reader
	contentType string
	// trailer returns what came after the body, once it was read.
	trailer func(name string) string
}

// streamAnswer takes an answer in streaming mode, whose reading beginAnswer has
// allowed, and hands it over as it comes if who invoked wants that.
func (i *instance) streamAnswer(body answerBody) *apiError {
	i.mu.Lock()
	inv := i.current
	if inv == nil || i.phase != running {
		i.reading = false
		i.mu.Unlock()
		return invalidTransition(ended, "RuntimeInvocationResponse")
	}
	inv.streamed = inv.stream != nil
	i.mu.Unlock()
	if inv.stream == nil {
		return i.collectAnswer(body)
	}
	inv.stream.begin(body.contentType)
	err := inv.stream.take(body)
	switch {
	case err == nil:
		return i.endAnswer(&outcome{failure: trailerFailure(body.trailer)})
	case err == errStreamTooLarge:
		failure := tooLargeStream()
		if refused := i.endAnswer(&outcome{failure: &failure}); refused != nil {
			return refused
		}
		return errStreamEntityTooLarge
	}
	timer := time.NewTimer(truncationGrace)
	defer timer.Stop()
	select {
	case <-i.box.Done(): // its end answers the invocation
		_ = i.endAnswer(nil)
	case <-timer.C:
		failure := truncated()
		_ = i.endAnswer(&outcome{failure: &failure})
	}
	return errTruncated
}

// collectAnswer takes an answer in streaming mode as a whole: who invoked the
// function does not want it piece by piece.
func (i *instance) collectAnswer(body answerBody) *apiError {
	payload, err := readAnswer(body, -1)
	switch err {
	case nil:
	case errEntityTooLarge:
		i.wasteBytes(len(payload))
		failure := tooLargeAnswer()
		if refused := i.endAnswer(&outcome{failure: &failure}); refused != nil {
			err = refused
		}
		return err
	default:
		_ = i.endAnswer(nil)
		i.wasteBytes(len(payload))
		return err
	}
	if failure := trailerFailure(body.trailer); failure != nil {
		return i.endAnswer(&outcome{failure: failure})
	}
	return i.endAnswer(&outcome{payload: payload, contentType: body.contentType})
}

// trailerFailure is what went wrong while the function was streaming, by the
// trailers of its answer; nil if nothing did. The error's body comes in base64.
func trailerFailure(trailer func(string) string) *functionError {
	kind, text := trailer(trailerErrorType), trailer(trailerErrorBody)
	if kind == "" && text == "" {
		return nil
	}
	payload, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		payload = []byte(text)
	}
	if len(payload) == 0 {
		payload = marshal(map[string]string{"errorType": kind})
	}
	return &functionError{Type: knownErrorType(kind), payload: payload}
}
