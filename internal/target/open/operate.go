package open

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// An Invocation is one call of a function through Lambda's Invoke.
type Invocation struct {
	// Function is the full name, "<stack>-<function>", or an ARN.
	Function string
	// Qualifier is a version number, an alias, or empty for $LATEST.
	Qualifier string
	// Type is "RequestResponse" (what empty means), "Event" or "DryRun".
	Type    string
	Payload []byte
	// LogTail asks for the end of the invocation's log.
	LogTail bool
}

// An InvocationResult is the runtime's answer to an Invocation.
type InvocationResult struct {
	// Status is 200, 202 for an accepted event, 204 for a dry run.
	Status  int
	Payload []byte
	// FunctionError is empty unless the function failed.
	FunctionError   string
	ExecutedVersion string
	RequestID       string
	LogTail         []byte
}

// Invoke calls a function. A function that fails is no error: the result says so.
func (c *Client) Invoke(ctx context.Context, in Invocation) (*InvocationResult, error) {
	k := call{
		method: http.MethodPost,
		path:   "/2015-03-31/functions/" + url.PathEscape(in.Function) + "/invocations",
		header: http.Header{"Content-Type": {"application/json"}},
		body:   func() (io.Reader, error) { return bytes.NewReader(in.Payload), nil },
		once:   true,
	}
	if in.Qualifier != "" {
		k.query = url.Values{"Qualifier": {in.Qualifier}}
	}
	if in.Type != "" {
		k.header.Set("X-Amz-Invocation-Type", in.Type)
	}
	if in.LogTail {
		k.header.Set("X-Amz-Log-Type", "Tail")
	}
	resp, err := c.send(ctx, k)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return nil, c.invokeError(k, resp)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, c.unreachableError(ctx, k, err)
	}
	tail, err := base64.StdEncoding.DecodeString(resp.Header.Get("X-Amz-Log-Result"))
	if err != nil {
		return nil, fmt.Errorf("the runtime at %s sent a log tail that is not base64", c.endpoint)
	}
	return &InvocationResult{
		Status:          resp.StatusCode,
		Payload:         text,
		FunctionError:   resp.Header.Get("X-Amz-Function-Error"),
		ExecutedVersion: resp.Header.Get("X-Amz-Executed-Version"),
		RequestID:       resp.Header.Get("X-Amzn-Requestid"),
		LogTail:         tail,
	}, nil
}

// invokeError reads an error in Lambda's form, or else as every other call's.
func (c *Client) invokeError(k call, resp *http.Response) error {
	if kind := resp.Header.Get("X-Amzn-Errortype"); kind != "" {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		// Lambda writes "Message" or "message", depending on the error; encoding/json
		// reads either.
		var body struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(text, &body) == nil && body.Message != "" {
			return &APIError{Status: resp.StatusCode, Detail: kind + ": " + body.Message}
		}
	}
	return c.problem(k, resp)
}

// A LogEntry is one line of a function's log.
type LogEntry struct {
	Time      time.Time `json:"time"`
	Function  string    `json:"function"`
	Version   string    `json:"version"`
	Instance  string    `json:"instance"`
	RequestID string    `json:"request_id"`
	Line      string    `json:"line"`
}

// A LogQuery selects log entries.
type LogQuery struct {
	Stack string
	// Function is one of the stack's functions; empty means all.
	Function string
	// Since is the oldest entry wanted; zero means the oldest there is.
	Since time.Time
	// Follow keeps the entries coming until the context ends.
	Follow bool
}

// Logs yields the entries in order. An error is the last thing it yields.
func (c *Client) Logs(ctx context.Context, q LogQuery) iter.Seq2[LogEntry, error] {
	k := call{
		method: http.MethodGet,
		path:   stackPath(q.Stack) + "/logs",
		query:  url.Values{},
		header: http.Header{"Accept": {"application/x-ndjson"}},
		slow:   true,
	}
	if q.Function != "" {
		k.query.Set("function", q.Function)
	}
	if !q.Since.IsZero() {
		k.query.Set("since", q.Since.Format(time.RFC3339Nano))
	}
	if q.Follow {
		k.query.Set("follow", "true")
	}
	return func(yield func(LogEntry, error) bool) {
		resp, err := c.do(ctx, k)
		if err != nil {
			yield(LogEntry{}, err)
			return
		}
		defer resp.Body.Close()
		decoder := json.NewDecoder(bufio.NewReader(resp.Body))
		for {
			var entry LogEntry
			err := decoder.Decode(&entry)
			switch {
			case errors.Is(err, io.EOF):
				return
			case ctx.Err() != nil:
				yield(LogEntry{}, ctx.Err())
				return
			case err != nil:
				yield(LogEntry{}, fmt.Errorf("the log of stack %q broke off: %w", q.Stack, err))
				return
			}
			if !yield(entry, nil) {
				return
			}
		}
	}
}
