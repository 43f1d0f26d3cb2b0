package aws

import (
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"golang.org/x/sync/errgroup"
)

// A bucketServer accepts calls as Lambda's control plane does: as long as there are
// tokens in its bucket, which fills with rate a second up to burst.
type bucketServer struct {
	rate, burst float64

	mu                  sync.Mutex
	tokens              float64
	filled              time.Time
	accepted, throttled int
}

func (s *bucketServer) Do(r *http.Request) (*http.Response, error) {
	const latency = 30 * time.Millisecond
	timer := time.NewTimer(latency)
	<-timer.C
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.filled.IsZero() {
		s.tokens = s.burst
	} else {
		s.tokens = math.Min(s.burst, s.tokens+now.Sub(s.filled).Seconds()*s.rate)
	}
	s.filled = now
	answer := &http.Response{Proto: "HTTP/1.1", StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}
	if s.tokens < 1 {
		s.throttled++
		answer.StatusCode = http.StatusTooManyRequests
		answer.Header.Set("X-Amzn-Errortype", "TooManyRequestsException")
		answer.Body = io.NopCloser(strings.NewReader(`{"Reason":"CallerRateLimitExceeded","message":"Rate exceeded"}`))
		return answer, nil
	}
	s.tokens--
	s.accepted++
	return answer, nil
}

// call makes that many calls with a client of its own, at most together at a time,
// and returns how many failed and how long all took.
func (s *bucketServer) call(t *testing.T, retryer aws.Retryer, calls, together int) (failed int, took time.Duration) {
	client := lambda.NewFromConfig(aws.Config{
		Region: "eu-central-1", HTTPClient: s, Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""),
		Retryer: func() aws.Retryer { return retryer },
	})
	var group errgroup.Group
	group.SetLimit(together)
	var mu sync.Mutex
	begun := time.Now()
	for range calls {
		group.Go(func() error {
			_, err := client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")})
			if err != nil {
				mu.Lock()
				failed++
				mu.Unlock()
				t.Log(err)
			}
			return nil
		})
	}
	_ = group.Wait()
	return failed, time.Since(begun)
}

func TestCallsGoNearlyAsFastAsTheServiceAllows(t *testing.T) {
	for name, c := range map[string]struct {
		rate, burst     float64
		calls, together int
	}{
		"a plan of many stacks":     {rate: 15, burst: 15, calls: 300, together: 300},
		"an apply of ten stacks":    {rate: 15, burst: 15, calls: 300, together: 100},
		"a service with more room":  {rate: 50, burst: 50, calls: 1000, together: 300},
		"a service with less room":  {rate: 5, burst: 10, calls: 150, together: 150},
		"a service without a burst": {rate: 15, burst: 1, calls: 300, together: 300},
		"a service with much room":  {rate: 200, burst: 200, calls: 3000, together: 500},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &bucketServer{rate: c.rate, burst: c.burst}
				failed, took := s.call(t, newRetryer(0), c.calls, c.together)
				if failed > 0 {
					t.Errorf("%d of %d calls failed", failed, c.calls)
				}
				ideal := (float64(c.calls) - c.burst) / c.rate
				t.Logf("took %.2f of the ideal %.1f s, %d throttled", took.Seconds()/ideal, ideal, s.throttled)
				if took.Seconds() > 1.3*ideal {
					t.Errorf("took %v, where %.1f s would do", took, ideal)
				}
			})
		})
	}
}
