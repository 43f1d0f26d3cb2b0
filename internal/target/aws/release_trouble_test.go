package aws

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A pagedCloudWatch answers with these pages, one after the other.
type pagedCloudWatch struct {
	cloudwatchAPI
	pages []*cloudwatch.GetMetricDataOutput
}

func (c *pagedCloudWatch) GetMetricData(context.Context, *cloudwatch.GetMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	page := c.pages[0]
	c.pages = c.pages[1:]
	if len(c.pages) > 0 {
		page.NextToken = aws.String("more")
	}
	return page, nil
}

// What CloudWatch does not tell is no zero.
func TestMetricsThatAreNotAllThereAreAnError(t *testing.T) {
	part := func(status cwtypes.StatusCode, values ...float64) *cloudwatch.GetMetricDataOutput {
		r := cwtypes.MetricDataResult{Id: aws.String("c0_0"), StatusCode: status, Values: values}
		for n := range values {
			r.Timestamps = append(r.Timestamps, noon.Add(time.Duration(n)*time.Minute))
		}
		return &cloudwatch.GetMetricDataOutput{MetricDataResults: []cwtypes.MetricDataResult{r}}
	}
	for name, c := range map[string]struct {
		pages []*cloudwatch.GetMetricDataOutput
		says  string
	}{
		"all":               {[]*cloudwatch.GetMetricDataOutput{part(cwtypes.StatusCodeComplete, 1, 2)}, ""},
		"none":              {[]*cloudwatch.GetMetricDataOutput{part(cwtypes.StatusCodeComplete)}, ""},
		"the rest later":    {[]*cloudwatch.GetMetricDataOutput{part(cwtypes.StatusCodePartialData, 1), part(cwtypes.StatusCodeComplete, 2)}, ""},
		"never the rest":    {[]*cloudwatch.GetMetricDataOutput{part(cwtypes.StatusCodePartialData, 1)}, "has them not all (PartialData)"},
		"an error of its":   {[]*cloudwatch.GetMetricDataOutput{part(cwtypes.StatusCodeInternalError)}, "has them not all (InternalError)"},
		"another account's": {[]*cloudwatch.GetMetricDataOutput{part(cwtypes.StatusCodeForbidden)}, "has them not all (Forbidden)"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newPlace(nil)
			s.cloudwatch = &pagedCloudWatch{pages: c.pages}
			_, err := (&gauge{s, "shop"}).versions(t.Context(), canaryOf(noon), noon)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("it says %v, want %q", err, c.says)
			}
		})
	}
}

func TestFailuresThatAreNoInvocationsCount(t *testing.T) {
	c := counted(map[string]map[time.Time]float64{"c0_1": {noon: 3}}, "c0")
	if c != (release.Counts{Invocations: 3, Errors: 3}) {
		t.Errorf("three errors and no invocation are %+v", c)
	}
}

func TestAStepIsJudgedWhenItsSlowestInvocationsHaveEnded(t *testing.T) {
	s, _ := newPlace(nil)
	_, i := oneGroup(s)
	d := &driver{rollout: i.newRollout(canaryOf(noon), noDigest)}
	for timeout, want := range map[int32]time.Duration{3: 0, 59: 0, 90: time.Minute, 240: 4 * time.Minute, 900: 5 * time.Minute} {
		i.functions["create"].versions.have = map[int]*snapshot{2: {FunctionConfiguration: types.FunctionConfiguration{Timeout: &timeout}}}
		if is := d.slowest(); is != want {
			t.Errorf("with a timeout of %d seconds it waits %s longer, want %s", timeout, is, want)
		}
	}
}

// lambdaAt is a session whose Lambda is a server that answers so.
func lambdaAt(t *testing.T, answer http.HandlerFunc) *session {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	s, _ := newPlace(nil)
	s.pace = quickPace
	s.lambda = lambda.New(lambda.Options{
		Region: "eu-central-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		Retryer: newRetryerAt(quickPace, 0), HTTPClient: caller{awshttp.NewBuildableClient()},
	})
	return s
}

func TestAHookIsNotRunAgainThatMayBeRunning(t *testing.T) {
	refusal := func(w http.ResponseWriter, status int, code, message string) {
		w.Header().Set("X-Amzn-Errortype", code)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"Message":"` + message + `"}`))
	}
	for name, c := range map[string]struct {
		first func(w http.ResponseWriter)
		calls int32
		says  string
	}{
		"no answer": {func(w http.ResponseWriter) {
			connection, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_ = connection.(*net.TCPConn).SetLinger(0)
			_ = connection.Close()
		}, 1, "could not be invoked"},
		"a proxy's answer":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusGatewayTimeout) }, 1, "could not be invoked"},
		"no place":           {func(w http.ResponseWriter) { refusal(w, 429, "TooManyRequestsException", "Rate Exceeded.") }, 2, ""},
		"an error of Lambda": {func(w http.ResponseWriter) { refusal(w, 500, "ServiceException", "oh") }, 2, ""},
		"a version in the making": {func(w http.ResponseWriter) {
			refusal(w, 409, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Pending")
		}, 2, ""},
		"an image not fetched yet": {func(w http.ResponseWriter) { refusal(w, 409, "CodeArtifactUserPendingException", "wait") }, 2, ""},
		"a snapshot not taken yet": {func(w http.ResponseWriter) { refusal(w, 409, "SnapStartNotReadyException", "wait") }, 2, ""},
		"a version put away":       {func(w http.ResponseWriter) { refusal(w, 409, "ResourceNotReadyException", "inactive") }, 2, ""},
		"no permission":            {func(w http.ResponseWriter) { refusal(w, 403, "AccessDeniedException", "no") }, 1, "could not be invoked"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			s := lambdaAt(t, func(w http.ResponseWriter, _ *http.Request) {
				if calls.Add(1) == 1 {
					c.first(w)
					return
				}
				_, _ = w.Write([]byte(`"fine"`))
			})
			err := s.invoke(t.Context(), "shop-smoke", 1, []byte("{}"))
			if calls.Load() != c.calls || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("after %d invocations it says %v; want %d and %q", calls.Load(), err, c.calls, c.says)
			}
		})
	}
}

// A pickyLogs takes no line whose time is wrong.
type pickyLogs struct{ *fakeLogs }

func (l pickyLogs) PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	return &cloudwatchlogs.PutLogEventsOutput{RejectedLogEventsInfo: &logstypes.RejectedLogEventsInfo{TooNewLogEventStartIndex: aws.Int32(0)}}, nil
}

func TestALineThatIsNotTakenIsAnError(t *testing.T) {
	s, logs := newPlace(map[string]*logGroupFacts{"/tidegate/shop": {}})
	s.logs = pickyLogs{logs}
	_, i := oneGroup(s)
	if err := i.write(t.Context(), streamReleases, newEntry(canaryOf(noon), noDigest)); err == nil || !strings.Contains(err.Error(), "set the clock of this machine") {
		t.Errorf("it says %v", err)
	}
}

// The clock of the machine that ended the release before was ahead, so its line is newer.
func TestAReleaseIsFoundBehindNewerLinesOfAnOlderOne(t *testing.T) {
	now, before := canaryOf(noon), canaryOf(noon.Add(-time.Minute))
	ended, err := before.Promote("ada@laptop", noon.Add(-time.Second))
	if err != nil {
		t.Fatal(err)
	}
	i := journalOf(t, before, now, ended)
	if found, err := i.recall(t.Context(), noteOf1(now)); err != nil || found == nil || found.Policy.Strategy != stack.Canary {
		t.Errorf("it is %+v, %v", found, err)
	}
}
