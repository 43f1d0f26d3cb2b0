package awswire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// A bench is a proxy before a backend that counts what reaches it.
type bench struct {
	*Proxy
	t       *testing.T
	reached atomic.Int64
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.reached.Add(1)
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Echo", r.Header.Get("X-Moto-Account-Id"))
		if r.Method == http.MethodHead {
			w.Header().Set("Content-Length", "77")
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"State": "Active", "Length": len(body), "Path": r.URL.EscapedPath()})
	}))
	t.Cleanup(backend.Close)
	proxy, err := Start(Options{Backend: backend.URL, Models: theModels(t), Account: "100000000001"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	b.Proxy = proxy
	return b
}

// An outcome is what a client gets.
type outcome struct {
	status int
	header http.Header
	body   string
}

func (b *bench) send(c call) (outcome, error) {
	b.t.Helper()
	r := c.request(b.t)
	req, err := http.NewRequest(r.Method, b.URL+r.URL.RequestURI(), strings.NewReader(c.body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header = r.Header
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return outcome{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return outcome{resp.StatusCode, resp.Header, string(body)}, err
}

func (b *bench) mustSend(c call) outcome {
	b.t.Helper()
	got, err := b.send(c)
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

var (
	getFunction = call{service: "lambda", method: "GET", uri: functions + "/f%20g"}
	publish     = call{service: "lambda", uri: functions + "/f/versions", body: "{}"}
	createQueue = jsonCall("sqs", "AmazonSQS.CreateQueue", `{"QueueName": "q"}`)
	listRoles   = formCall("iam", "2010-05-08", "Action=ListRoles")
)

func TestAProxyPassesOnAndRecords(t *testing.T) {
	b := newBench(t)
	got := b.mustSend(getFunction)
	if got.status != 200 || got.header.Get("X-Echo") != "100000000001" || !strings.Contains(got.body, "/f%20g") {
		t.Errorf("the answer is %+v", got)
	}
	b.mustSend(publish)
	if head := b.mustSend(call{service: "s3", method: "HEAD", uri: "/shop/key"}); head.header.Get("Content-Length") != "77" {
		t.Errorf("the length of what HEAD asked for is %s", head.header.Get("Content-Length"))
	}
	var calls []string
	for _, r := range b.Requests() {
		calls = append(calls, fmt.Sprintf("%d %s %d", r.Number, r.Call(), r.Status))
	}
	if want := []string{"1 lambda:GetFunction 200", "2 lambda:PublishVersion 200", "3 s3:HeadObject 200"}; !slices.Equal(calls, want) {
		t.Errorf("recorded %q, want %q", calls, want)
	}
	if n := b.Count("lambda:*"); n != 2 {
		t.Errorf("%d calls of Lambda", n)
	}
	if n := b.Count("s3:HeadObject", "lambda:PublishVersion"); n != 2 {
		t.Errorf("%d of two calls", n)
	}
	if problems := b.Problems(); len(problems) != 1 || !strings.HasPrefix(problems[0], "1. lambda:GetFunction (GET /2015-03-31/functions/f%20g): FunctionName: is \"f g\"") {
		t.Errorf("problems are %q", problems)
	}
	b.Forget()
	if problems := b.Problems(); len(problems) != 1 {
		t.Errorf("after Forget, problems are %q", problems)
	}
	if b.mustSend(publish); b.Requests()[0].Number != 1 {
		t.Errorf("after Forget, requests are %v", b.Requests())
	}
}

func TestHooksSeeACallBeforeAndAfterTheEmulator(t *testing.T) {
	b := newBench(t)
	var seen []string
	b.Before(On("*"), func(r *Request) { seen = append(seen, fmt.Sprintf("before %s %d", r.Operation, b.reached.Load())) })
	b.After(On("*"), func(r *Request, a *Answer) {
		seen = append(seen, fmt.Sprintf("after %s %d %d", r.Operation, b.reached.Load(), a.Status))
		a.Status = 202
	})
	if got := b.mustSend(publish); got.status != 202 {
		t.Errorf("the status is %d", got.status)
	}
	if want := []string{"before PublishVersion 0", "after PublishVersion 1 200"}; !slices.Equal(seen, want) {
		t.Errorf("hooks saw %q, want %q", seen, want)
	}
	b.Reset()
	b.mustSend(publish)
	if len(seen) != 2 {
		t.Errorf("after Reset, hooks saw %q", seen)
	}
}

func TestRulesChooseCalls(t *testing.T) {
	b := newBench(t)
	boom := Error("ServiceException", "boom")
	statuses := func(calls ...call) (got []int) {
		for _, c := range calls {
			got = append(got, b.mustSend(c).status)
		}
		b.Reset()
		return got
	}
	check := func(rule string, got, want []int) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: statuses %v, want %v", rule, got, want)
		}
	}
	b.Answer(On("lambda:PublishVersion").Nth(2), boom)
	check("the second", statuses(publish, getFunction, publish, publish), []int{200, 200, 500, 200})
	b.Answer(On("lambda:*").First(2), boom)
	check("the first two", statuses(publish, createQueue, getFunction, publish), []int{500, 200, 500, 200})
	b.Answer(On("*").Where(func(r *Request) bool { return r.Param("QueueName") == "q" }), boom)
	check("with a condition", statuses(publish, createQueue), []int{200, 500})
	remove := b.Answer(On("lambda:*"), boom)
	b.Answer(On("sqs:*"), boom)
	remove()
	check("removed", statuses(publish, createQueue), []int{200, 500})
}

func TestAnswersInPlaceOfTheEmulators(t *testing.T) {
	b := newBench(t)
	b.Answer(On("lambda:PublishVersion").Nth(1), Raw(500, "text/html", "<garbage"))
	b.Answer(On("lambda:PublishVersion").Nth(1), Hangup())
	if got := b.mustSend(publish); got.status != 500 || got.body != "<garbage" {
		t.Errorf("the answer is %+v", got)
	}
	if n := b.reached.Load(); n != 0 {
		t.Errorf("%d calls reached the emulator", n)
	}
	b.Reset()

	b.AnswerAfter(On("lambda:PublishVersion"), Hangup())
	if got, err := b.send(publish); !errors.Is(err, io.EOF) {
		t.Errorf("a closed connection gives %+v, %v", got, err)
	}
	if n, status := b.reached.Load(), b.Requests()[1].Status; n != 1 || status != 0 {
		t.Errorf("%d calls reached the emulator, status %d was recorded", n, status)
	}
	b.Reset()

	b.Filter(On("lambda:GetFunction"), func(_ *Request, a *Answer) {
		if !a.OK() {
			t.Errorf("the status is %d", a.Status)
		}
		a.EditJSON(func(body map[string]any) { body["State"] = "Pending" })
	})
	if got := b.mustSend(getFunction); !strings.Contains(got.body, `"State":"Pending"`) || got.header.Get("Content-Length") != fmt.Sprint(len(got.body)) {
		t.Errorf("the answer is %+v", got)
	}
}

func TestErrorsAreWrittenAsEachServiceWritesThem(t *testing.T) {
	for _, test := range []struct {
		call   call
		reply  Reply
		status int
		header string // name: value
		body   string
	}{
		{publish, Error("ResourceConflictException", "busy"), 409, "X-Amzn-Errortype: ResourceConflictException", `{"Type":"User","message":"busy"}`},
		{publish, Error("ResourceNotFoundException", "gone"), 404, "Content-Type: application/json", `{"Message":"gone","Type":"User"}`},
		{publish, Throttled(), 429, "X-Amzn-Errortype: TooManyRequestsException", `{"Reason":"CallerRateLimitExceeded","Type":"User","message":"Rate exceeded"}`},
		{publish, Error("403 ExpiredTokenException", "old"), 403, "X-Amzn-Errortype: ExpiredTokenException", `{"message":"old"}`},
		{createQueue, Error("QueueDeletedRecently", "wait"), 400, "X-Amzn-Query-Error: AWS.SimpleQueueService.QueueDeletedRecently;Sender", `{"__type":"com.amazonaws.sqs#QueueDeletedRecently","message":"wait"}`},
		{jsonCall("logs", "Logs_20140328.CreateLogGroup", `{"logGroupName": "g"}`), Error("ResourceAlreadyExistsException", "there"), 400, "Content-Type: application/x-amz-json-1.1", `{"__type":"ResourceAlreadyExistsException","message":"there"}`},
		{listRoles, Error("NoSuchEntity", "a < b"), 404, "Content-Type: text/xml", `<Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>a &lt; b</Message></Error>`},
		{listRoles, Error("ServiceFailure", "oops"), 500, "Content-Type: text/xml", `<Type>Receiver</Type><Code>ServiceFailure</Code>`},
		{call{service: "s3", method: "GET", uri: "/shop/key"}, Error("404 NoSuchKey", "gone", Detail{"Key", "key"}), 404, "Content-Type: text/xml", `<Error><Code>NoSuchKey</Code><Message>gone</Message><Key>key</Key>`},
		{formCall("ec2", "2016-11-15", "Action=DescribeVpcs"), Throttled(), 503, "Content-Type: text/xml", `<Response><Errors><Error><Code>RequestLimitExceeded</Code>`},
	} {
		b := newBench(t)
		b.Answer(On("*"), test.reply)
		got := b.mustSend(test.call)
		name, value, _ := strings.Cut(test.header, ": ")
		if got.status != test.status || got.header.Get(name) != value || !strings.Contains(got.body, test.body) {
			t.Errorf("%s:\n%+v\nwant %d, %s, %s", b.Requests()[0].Call(), got, test.status, test.header, test.body)
		}
	}
}

func TestAThrottledServiceRefusesWhatComesTooFast(t *testing.T) {
	b := &bucket{rate: 15, burst: 2, tokens: 2}
	var taken []bool
	for _, after := range []time.Duration{0, 0, 0, 50 * time.Millisecond, 70 * time.Millisecond, 70 * time.Millisecond, time.Hour, time.Hour, time.Hour} {
		taken = append(taken, b.take(time.Time{}.Add(after)))
	}
	if want := []bool{true, true, false, false, true, false, true, true, false}; !slices.Equal(taken, want) {
		t.Errorf("taken %v, want %v", taken, want)
	}

	bench := newBench(t)
	bench.Throttle(On("lambda:*"), 1e-9, 2)
	var statuses []int
	for _, c := range []call{publish, getFunction, createQueue, publish} {
		statuses = append(statuses, bench.mustSend(c).status)
	}
	if want := []int{200, 200, 200, 429}; !slices.Equal(statuses, want) {
		t.Errorf("statuses %v, want %v", statuses, want)
	}
	if n := bench.reached.Load(); n != 3 {
		t.Errorf("%d calls reached the emulator, want 3", n)
	}
}

func TestADelayEndsWithItsCaller(t *testing.T) {
	b := newBench(t)
	b.Delay(On("*"), time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	b.Before(On("*"), func(*Request) { cancel() })
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := http.DefaultClient.Do(req); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	waiting, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	if err := harness.Wait(waiting, "the call to reach the emulator all the same", func() (bool, error) { return b.reached.Load() == 1, nil }); err != nil {
		t.Error(err)
	}
	b.Reset()
	b.Delay(On("*"), time.Millisecond)
	if got := b.mustSend(publish); got.status != 200 {
		t.Errorf("after a delay the status is %d", got.status)
	}
}
