package aws

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// A trouble befalls every call of one stack once, and passes.
type trouble struct {
	stack string
	reply awswire.Reply
}

var (
	// lost are answers to what AWS did.
	lost      = trouble{"crash01", awswire.Hangup()}
	broken    = trouble{"crash02", awswire.Error("500 InternalFailure", "Something went wrong.")}
	throttles = trouble{"crash03", awswire.Throttled()}
)

// befall has each stack's trouble happen to each of its calls when it is first made.
func (c *crash) befall() (end func()) {
	var mu sync.Mutex
	known := map[string]bool{}
	first := func(stack string) awswire.Match {
		return awswire.On("*").Where(func(r *awswire.Request) bool {
			if accessKey(r) != stack || stack == throttles.stack && !(acctest.Point{Call: r.Call()}).Changes() {
				return false // For looks there would be too much to wait: the limiter keeps to what it measures.
			}
			mu.Lock()
			defer mu.Unlock()
			call := strings.Join([]string{stack, r.Call(), r.URL.String(), string(r.Body)}, " ")
			before := known[call]
			known[call] = true
			return !before
		})
	}
	remove := []func(){
		c.Proxy.AnswerAfter(first(lost.stack), lost.reply),
		c.Proxy.Answer(first(broken.stack), broken.reply),
		c.Proxy.Answer(first(throttles.stack), throttles.reply),
	}
	return func() {
		for _, r := range remove {
			r()
		}
	}
}

// The answer to every single call is lost after AWS did what it was asked for, or every
// call fails once, or every change is throttled once.
func TestAnOperationGetsOverWhatPasses(t *testing.T) {
	t.Parallel()
	// All kinds at once, since they mostly pause between attempts.
	var group sync.WaitGroup
	for _, kind := range slices.Sorted(maps.Keys(crashKinds)) {
		c := openCrash(t, kind)
		group.Go(func() {
			for _, operation := range crashOperations {
				if !c.getsOver(operation) {
					return
				}
			}
			c.NothingLeft()
		})
	}
	group.Wait()
}

// getsOver does an operation in all troubles. Where the answer to a creation is lost
// that AWS does twice if it is asked twice, the next apply finds what is too much.
func (c *crash) getsOver(operation string) (ok bool) {
	c.t.Helper()
	j := c.job(operation, lost.stack, broken.stack, throttles.stack)
	end := c.befall()
	results := j.do(c.t.Context())
	end()
	if r := results[lost.stack]; r.err == nil {
		again := c.job(operation, lost.stack)
		again.Again = true
		results[lost.stack] = again.do(c.t.Context())[lost.stack]
	}
	return c.settled(j, results) && c.alike(j)
}

// Services by the names that botocore has for them, as the SDK calls them.
var serviceIDs = map[string]string{
	"apigatewayv2": "ApiGatewayV2", "iam": "IAM", "lambda": "Lambda", "logs": "CloudWatch Logs", "scheduler": "Scheduler", "sqs": "SQS", "sts": "STS",
}

// A denial is a call that is denied to somebody.
type denial struct {
	acctest.Point
	// action and resource that AWS names, once the call was made.
	action, resource string
}

// deny has a call denied for each access key. The denials tell what AWS said, after end.
func (c *crash) deny(at map[string]acctest.Point) (denials map[string]*denial, end func()) {
	denials = map[string]*denial{}
	for key, point := range at {
		denials[key] = &denial{Point: point}
	}
	var mu sync.Mutex
	seen := map[string]int{}
	return denials, c.Proxy.Answer(awswire.On("*"), func(r *awswire.Request) *awswire.Answer {
		mu.Lock()
		defer mu.Unlock()
		key := accessKey(r)
		seen[key+r.Call()]++
		d := denials[key]
		if d == nil || d.Point != (acctest.Point{Call: r.Call(), N: seen[key+r.Call()]}) {
			return nil
		}
		d.action = actionsOf(serviceIDs[r.Service], r.Operation)[0]
		d.resource = fmt.Sprintf("arn:aws:%s:us-east-1:123456789012:number-%d-of-%s", r.Service, d.N, key)
		return awswire.AccessDenied(d.action, d.resource)(r)
	})
}

// told checks that an error is one sentence about the denial.
func (d *denial) told(t *testing.T, operation, name string, err error) {
	t.Helper()
	switch {
	case d.action == "":
		t.Errorf("the %s of %s made no call %v", operation, name, d.Point)
	case err == nil:
		t.Errorf("the %s of %s succeeds, though %v is denied", operation, name, d.Point)
	case !strings.HasPrefix(err.Error(), "cannot ") || strings.Count(err.Error(), " lacks the permission "+d.action+" on "+d.resource+"; ") != 1 ||
		strings.Contains(err.Error(), "; moreover, "):
		t.Errorf("%v is denied to the %s of %s, which says: %v", d.Point, operation, name, err)
	}
}

// Every single call of a create, an update and a delete is denied.
func TestWhatIsDeniedIsToldAndWhatExistsIsKept(t *testing.T) {
	for _, kind := range slices.Sorted(maps.Keys(crashKinds)) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := openCrash(t, kind)
			names := stacks(c.most())
			for _, operation := range crashOperations {
				way := c.courses[operation]
				c.deniedLooks(operation, names[0])
				at := map[string]acctest.Point{}
				for n, point := range way.steps {
					at[names[n]] = point
				}
				c.deniedSteps(operation, at)
				if operation == "create" {
					c.giveUp(names)
				}
				j := c.job(operation, names...)
				for name, r := range j.do(t.Context()) {
					if r.err != nil {
						t.Errorf("%s of %s: %v", operation, name, r.err)
					}
				}
				if !c.alike(j) {
					t.FailNow()
				}
				t.Logf("each of the %d calls of the %s was denied", len(way.looks)+len(way.steps), operation)
			}
			c.NothingLeft()
		})
	}
}

// deniedLooks denies each of the calls before the first that changes something, all at
// the same time for one stack, which stays as it is.
func (c *crash) deniedLooks(operation, name string) {
	c.t.Helper()
	at := map[string]acctest.Point{}
	for n, point := range c.courses[operation].looks {
		at[fmt.Sprintf("look%02d", n)] = point
	}
	c.Proxy.Forget()
	denials, end := c.deny(at)
	j := c.job(operation)
	var group sync.WaitGroup
	for key, denial := range denials {
		group.Go(func() {
			t, err := crashTarget(j.Endpoint, key)
			if err != nil {
				c.t.Error(err)
				return
			}
			d, err := j.one(c.t.Context(), t, name)
			denial.told(c.t, operation, name, err)
			if d != nil {
				c.t.Errorf("the %s of %s, which was not begun, tells of %v", operation, name, d)
			}
		})
	}
	group.Wait()
	end()
	for _, r := range c.Proxy.Requests() {
		if (acctest.Point{Call: r.Call()}).Changes() {
			c.t.Errorf("%v is called by the %s of %s, though it could not look at everything", r, operation, name)
		}
	}
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// deniedSteps denies each stack a call, from the first that changes something.
func (c *crash) deniedSteps(operation string, at map[string]acctest.Point) {
	c.t.Helper()
	denials, end := c.deny(at)
	j := c.job(operation, slices.Sorted(maps.Keys(at))...)
	results := j.do(c.t.Context())
	end()
	var group sync.WaitGroup
	for name, r := range results {
		denials[name].told(c.t, operation, name, r.err)
		if operation != "delete" {
			group.Go(func() { c.same(j, name, r.d) })
		}
	}
	group.Wait()
}
