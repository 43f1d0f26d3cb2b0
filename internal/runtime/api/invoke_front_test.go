package api

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
)

// Which of the two answers a request cannot be told from the answer.
func TestTheFrontAnswersAsNetHTTPDoes(t *testing.T) {
	f := newFixture(t)
	token := "Bearer " + f.server.Store.ManagementToken()
	path := func(name string) string { return "/2015-03-31/functions/" + name + "/invocations" }
	for name, c := range map[string]struct {
		path, body string
		headers    []string
		response   invoke.Response
		err        error
		// taken by the front.
		taken bool
	}{
		"plain":             {path: path("orders-fulfil:live"), body: `{"id":7}`, taken: true},
		"qualifier":         {path: path("orders-fulfil") + "?Qualifier=live", body: `{}`, taken: true},
		"escaped ARN":       {path: path("arn%3Aaws%3Alambda%3Aopen-local-1%3A000000000000%3Afunction%3Aorders-fulfil"), body: `{}`},
		"no body":           {path: path("orders-fulfil"), taken: true},
		"error of function": {path: path("orders-fulfil"), body: `{}`, response: invoke.Response{Payload: []byte(`{"errorType":"x"}`), FunctionError: "Unhandled", ExecutedVersion: "3"}, taken: true},
		"error":             {path: path("orders-fulfil"), body: `{}`, err: &invoke.Error{Status: 429, Type: "TooManyRequestsException", Message: "Rate exceeded", Reason: "x", RetryAfter: 1}, taken: true},
		"strange error":     {path: path("orders-fulfil"), body: `{}`, err: io.EOF, taken: true},
		"large answer":      {path: path("orders-fulfil"), body: `{}`, response: invoke.Response{Payload: []byte(`"` + strings.Repeat("x", 1<<20) + `"`), ExecutedVersion: "3"}, taken: true},
		"said to be plain":  {path: path("orders-fulfil"), body: `{}`, headers: []string{"X-Amz-Invocation-Type", "RequestResponse", "X-Amz-Log-Type", "None", "X-Amzn-Trace-Id", "Root=1-2-3"}, taken: true},
		"two qualifiers":    {path: path("orders-fulfil") + "?Qualifier=live&Qualifier=1", body: `{}`},
		"other parameters":  {path: path("orders-fulfil") + "?Qualifier=live&x=1", body: `{}`},
		"disagreement":      {path: path("orders-fulfil:1") + "?Qualifier=live", body: `{}`},
		"no name":           {path: path("a b"), body: `{}`},
		"event":             {path: path("orders-fulfil"), body: `{}`, headers: []string{"X-Amz-Invocation-Type", "Event"}},
		"wrong type":        {path: path("orders-fulfil"), body: `{}`, headers: []string{"X-Amz-Invocation-Type", "Wish"}},
		"log":               {path: path("orders-fulfil"), body: `{}`, headers: []string{"X-Amz-Log-Type", "Tail"}},
		"context":           {path: path("orders-fulfil"), body: `{}`, headers: []string{"X-Amz-Client-Context", "e30="}},
		"no token":          {path: path("orders-fulfil"), body: `{}`, headers: []string{"Authorization", ""}},
		"wrong token":       {path: path("orders-fulfil"), body: `{}`, headers: []string{"Authorization", "Bearer x"}},
		"told to continue":  {path: path("orders-fulfil"), body: `{}`, headers: []string{"Expect", "100-continue"}},
		"too large":         {path: path("orders-fulfil"), body: `"` + strings.Repeat("x", invoke.MaxSyncPayload) + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			f.invoker.response, f.invoker.err = c.response, c.err
			if c.response.Payload == nil {
				f.invoker.response = invoke.Response{Payload: []byte(`{"ok":true}`), ExecutedVersion: "1"}
			}
			behind := f.listen(f.server.Management())
			http.DefaultClient.CloseIdleConnections() // one that was left to net/http stays there
			started := f.invoker.started
			f.invoker.requests = nil
			var seen []string
			for _, base := range []string{f.management, behind} {
				a := f.send(base, http.MethodPost, c.path, strings.NewReader(c.body), append([]string{"Authorization", token}, c.headers...)...)
				header := maps.Clone(a.header)
				if header.Get("Date") == "" || header.Get("X-Amzn-Requestid") == "" && a.status != http.StatusUnauthorized {
					t.Errorf("the header is %v", header)
				}
				header.Del("Date")
				header.Del("X-Amzn-Requestid")
				request := ""
				for _, r := range f.invoker.requests {
					r.ID = ""
					request = fmt.Sprintf("%+v", r)
				}
				seen = append(seen, fmt.Sprintf("%d %s %v %s", a.status, a.text, header, request))
			}
			if seen[0] != seen[1] {
				t.Errorf("the front answers\n%.500s\nand net/http\n%.500s", seen[0], seen[1])
			}
			if took := f.invoker.started > started; took != c.taken {
				t.Errorf("the front took it: %t", took)
			}
		})
	}
}

func TestNamesAreRememberedWithinBounds(t *testing.T) {
	var c nameCache
	for i := range maxNames + 10 {
		for range 2 {
			name, ok := c.find(fmt.Sprintf("/2015-03-31/functions/shop-%d:live/invocations", i), "")
			if !ok || name != (functionName{fmt.Sprintf("shop-%d", i), "live"}) {
				t.Fatalf("the name is %+v, %t", name, ok)
			}
		}
	}
	if n := len(c.known); n != 10 {
		t.Errorf("%d names are remembered", n)
	}
	if _, ok := c.find("/2015-03-31/functions/a b/invocations", ""); ok || len(c.known) != 10 {
		t.Error("what is no name is remembered")
	}
}
