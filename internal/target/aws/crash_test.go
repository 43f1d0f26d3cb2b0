package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// envVictim has the job of a process that is to be killed: see victim.
const envVictim = "TIDEGATE_TEST_VICTIM"

// A job is an operation on stacks that are alike, on all of them at once.
type job struct {
	Kind string
	// Operation is create, update (which makes of before after) or delete.
	Operation string
	Endpoint  string
	Stacks    []string
	// Again tells that the stacks are as they should be already, more or less.
	Again bool
	// Round is added to the stacks' access keys, so that the proxy can tell the calls of
	// a process that was killed from those of the next.
	Round string
}

// victim does a job, until it is killed.
func victim(text string) (exitCode int) {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, result := range j.do(context.Background()) {
		if result.err != nil {
			fmt.Fprintln(os.Stderr, result.err)
			exitCode = 1
		}
	}
	return exitCode
}

// crashTarget is a target as the provider makes it. Each stack has one of its own, whose
// access key begins with the stack's name: so the proxy knows whose calls are whose.
func crashTarget(endpoint, key string) (*Target, error) {
	return New(context.Background(), Options{Region: acctest.Region, AccessKey: key, SecretKey: "test", Endpoint: endpoint, pace: quickPace})
}

type result struct {
	d   *stack.Deployment
	err error
}

// do returns what became of each stack.
func (j job) do(ctx context.Context) map[string]result {
	results := map[string]result{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, name := range j.Stacks {
		group.Go(func() {
			var r result
			t, err := crashTarget(j.Endpoint, name+j.Round)
			if r.err = err; err == nil {
				r.d, r.err = j.one(ctx, t, name)
			}
			mu.Lock()
			defer mu.Unlock()
			results[name] = r
		})
	}
	group.Wait()
	return results
}

func (j job) one(ctx context.Context, t *Target, name string) (*stack.Deployment, error) {
	before, after := crashStack(j.Kind, false, name), crashStack(j.Kind, true, name)
	switch wish := j.wish(name); {
	case j.Operation == "delete":
		return nil, t.Delete(ctx, name)
	case j.Again:
		return t.Update(ctx, target.Deploy{Stack: wish, Prior: wish, Packages: crashPackages})
	case j.Operation == "create":
		return t.Create(ctx, target.Deploy{Stack: before, Packages: crashPackages})
	}
	return t.Update(ctx, target.Deploy{Stack: after, Prior: before, Packages: crashPackages})
}

// wish is the stack after the job; a stack without functions if it deletes.
func (j job) wish(name string) stack.Stack {
	if j.Operation == "delete" {
		return stack.Stack{Name: name}
	}
	return crashStack(j.Kind, j.Operation == "update", name)
}

// crashNames are the stacks' names: "crash00" is the one that nothing happens to.
var crashNames = regexp.MustCompile(`crash\d\d`)

const undisturbed = "crash00"

var credential = regexp.MustCompile(`Credential=([^/]+)/`)

// accessKey is the one that a request is signed with.
func accessKey(r *awswire.Request) string {
	if found := credential.FindStringSubmatch(r.Header.Get("Authorization")); found != nil {
		return found[1]
	}
	return ""
}

// A course is what an operation on a stack does if nobody disturbs it.
type course struct {
	// looks are the calls before the first that changes something, steps those from there.
	looks, steps []acctest.Point
	// things that there are afterwards.
	things []string
}

// A crash is an account in which stacks of one kind are disturbed.
type crash struct {
	*acctest.AWSAccount
	t       *testing.T
	kind    string
	courses map[string]course
	// rounds of killed processes so far.
	rounds int
}

var crashOperations = []string{"create", "update", "delete"}

func openCrash(t *testing.T, kind string) *crash {
	c := &crash{AWSAccount: acctest.StartAWS(t, acctest.Moto), t: t, kind: kind, courses: map[string]course{}}
	for _, operation := range crashOperations {
		c.Proxy.Forget()
		j := c.job(operation, undisturbed)
		if !c.settled(j, j.do(t.Context())) {
			t.FailNow()
		}
		points := acctest.PointsOf(c.Proxy.Requests(), accessKey, undisturbed)
		first := slices.IndexFunc(points, acctest.Point.Changes)
		c.courses[operation] = course{looks: points[:first], steps: points[first:], things: c.Things(crashNames)[undisturbed]}
	}
	return c
}

func (c *crash) job(operation string, stacks ...string) job {
	return job{Kind: c.kind, Operation: operation, Endpoint: c.Proxy.URL, Stacks: stacks}
}

// stacks are names for so many stacks.
func stacks(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("crash%02d", i+1))
	}
	return names
}

// settled checks that a job succeeded: what it told of each stack is what a read tells,
// which is what was wanted.
func (c *crash) settled(j job, results map[string]result) (ok bool) {
	c.t.Helper()
	var group sync.WaitGroup
	for name, r := range results {
		group.Go(func() {
			if r.err != nil {
				c.t.Errorf("%s of %s: %v", j.Operation, name, r.err)
				return
			}
			if j.Operation == "delete" {
				return // Nothing is told, and alike finds what is left.
			}
			for component, is := range c.same(j, name, r.d).Components {
				if is != stack.Ready {
					c.t.Errorf("after the %s of %s its component %s: %s", j.Operation, name, component, is)
				}
			}
		})
	}
	group.Wait()
	return !c.t.Failed()
}

// read returns an empty deployment for a stack that does not exist.
func (c *crash) read(j job, name string) *stack.Deployment {
	t, err := crashTarget(j.Endpoint, "reader")
	if err != nil {
		c.t.Error(err)
		return &stack.Deployment{}
	}
	d, err := t.Read(c.t.Context(), j.wish(name))
	if err != nil {
		if !errors.Is(err, target.ErrNotFound) {
			c.t.Error(err)
		}
		return &stack.Deployment{}
	}
	return d
}

// same checks that what an operation told is what a read tells, and returns that.
func (c *crash) same(j job, name string, told *stack.Deployment) *stack.Deployment {
	c.t.Helper()
	read := c.read(j, name)
	if told == nil {
		told = &stack.Deployment{}
	}
	if diff := cmp.Diff(told, read, cmpopts.EquateEmpty(), cmpopts.IgnoreTypes(time.Time{})); diff != "" {
		c.t.Errorf("what the %s of %s told differs from what a read tells (-told +read):\n%s", j.Operation, name, diff)
	}
	return read
}

// alike checks that there is exactly what there is where nobody disturbed anything.
func (c *crash) alike(j job) (ok bool) {
	c.t.Helper()
	all := c.Things(crashNames)
	for _, name := range j.Stacks {
		if diff := cmp.Diff(c.courses[j.Operation].things, all[name]); diff != "" {
			c.t.Errorf("after the %s of %s there is something else than where nobody disturbs it (-undisturbed +%s):\n%s", j.Operation, name, name, diff)
		}
		delete(all, name)
	}
	if len(all) > 0 {
		c.t.Errorf("after the %s there is more: %q", j.Operation, slices.Collect(maps.Values(all)))
	}
	return !c.t.Failed()
}

// killed does a job in a process that is killed when each stack is at its point.
func (c *crash) killed(operation string, at map[string]acctest.Point) {
	c.t.Helper()
	c.rounds++
	j := c.job(operation, slices.Sorted(maps.Keys(at))...)
	j.Round = fmt.Sprintf("-%d", c.rounds)
	text, err := json.Marshal(j)
	if err != nil {
		c.t.Fatal(err)
	}
	owner := func(r *awswire.Request) string {
		name, its := strings.CutSuffix(accessKey(r), j.Round)
		if !its {
			return ""
		}
		return name
	}
	// What the process has sent may arrive when it is dead.
	var dead atomic.Bool
	c.Proxy.Answer(awswire.On("*").Where(func(r *awswire.Request) bool { return dead.Load() && owner(r) != "" }), awswire.Hangup())
	halt := acctest.HaltAfter(c.Proxy, owner, at)
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), envVictim+"="+string(text))
	var out strings.Builder
	process.Stdout, process.Stderr = &out, &out
	if err := process.Start(); err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = process.Wait() // It fails, for it is killed.
	}()
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Minute)
	defer cancel()
	select {
	case <-halt.All():
	case <-ended:
	case <-ctx.Done():
	}
	if err := halt.Freeze(c.t.Context()); err != nil {
		c.t.Error(err)
	}
	_ = process.Process.Kill()
	<-ended
	dead.Store(true)
	if missed := halt.End(); len(missed) > 0 {
		c.t.Fatalf("the %s was not killed where it should have been: %q; it printed:\n%s", operation, missed, &out)
	}
}

// A process is killed after every call to AWS of a create, an update and a delete that
// may have changed something, and after every look from the first change on. The looks
// before leave AWS as it was, so that the last stands for all.
func TestTheNextOperationFinishesWhatAKilledProcessBegan(t *testing.T) {
	for _, kind := range slices.Sorted(maps.Keys(crashKinds)) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := openCrash(t, kind)
			names := stacks(1 + c.most())
			for _, operation := range crashOperations {
				way := c.courses[operation]
				points := append([]acctest.Point{way.looks[len(way.looks)-1]}, way.steps...)
				at := map[string]acctest.Point{}
				for n, point := range points {
					at[names[n]] = point
				}
				c.killed(operation, at)
				if operation == "create" {
					c.giveUp(names)
				}
				if !c.finish(operation, names) {
					t.FailNow()
				}
				t.Logf("the %s was killed after each of its last %d calls", operation, len(points))
			}
			c.NothingLeft()
		})
	}
}

// most is how many calls any of the operations makes from the first change on.
func (c *crash) most() int {
	most := 0
	for _, each := range c.courses {
		most = max(most, len(each.steps))
	}
	return most
}

// finish does an operation undisturbed, after which the stacks are as any.
func (c *crash) finish(operation string, names []string) (ok bool) {
	c.t.Helper()
	j := c.job(operation, names...)
	return c.settled(j, j.do(c.t.Context())) && c.alike(j)
}

// giveUp deletes every other stack, whose creation need not be gone on with.
func (c *crash) giveUp(names []string) {
	c.t.Helper()
	var given []string
	for n := 0; n < len(names); n += 2 {
		given = append(given, names[n])
	}
	j := c.job("delete", given...)
	c.settled(j, j.do(c.t.Context()))
	all := c.Things(crashNames)
	for _, name := range given {
		if len(all[name]) > 0 {
			c.t.Errorf("the creation of %s was given up, and is left: %q", name, all[name])
		}
	}
}
