package aws

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// A fuse lets so many calls through and ends its operation with the last of them. Those
// that are on their way then still arrive, before the operation is over.
type fuse struct {
	left atomic.Int64
	blow context.CancelFunc
}

func (f *fuse) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer, err := http.DefaultTransport.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	if f.left.Add(-1) == 0 {
		f.blow()
	}
	return answer, err
}

// cutOff does an operation whose connection to AWS ends after so many calls, and tells
// whether it was over before.
func (s *shop) cutOff(calls int, do func(ctx context.Context, t *Target) error) bool {
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	f := &fuse{blow: cancel}
	f.left.Store(int64(calls))
	config := aws.Config{
		Region: s.session.region, BaseEndpoint: s.lambda.Options().BaseEndpoint, Credentials: s.lambda.Options().Credentials,
		HTTPClient: caller{&http.Client{Transport: f}},
	}
	fused := &session{place: s.session.place, clients: s.session.clients, pace: s.session.pace, endpoints: s.session.endpoints}
	fused.lambda, fused.iam, fused.logs = lambda.NewFromConfig(config), iam.NewFromConfig(config), cloudwatchlogs.NewFromConfig(config)
	return do(ctx, connectedTo(fused)) == nil
}

func TestWhatWasCutOffAfterAnyCallIsTakenUpByTheNextApply(t *testing.T) {
	s := openShop(t)
	one, two, layerOne, layerTwo := s.pack("one"), s.pack("two"), s.pack("layer one"), s.pack("layer two")
	created, updated, removed := false, false, false
	for calls := 1; !created || !updated || !removed; calls++ {
		name := fmt.Sprintf("shop%d", calls)
		named := func(want stack.Stack) stack.Stack {
			want.Name = name
			return want
		}
		before := named(s.stack(one, func(f *stack.Function) {
			f.Layers, f.SecretsVersion, f.Secrets = []string{layerOne}, "1", map[string]string{"PASSWORD": "correct-horse"}
		}))
		after := named(s.stack(two, func(f *stack.Function) { f.Memory, f.Layers, f.KeepVersions = 256, []string{layerTwo}, 1 }))

		created = s.cutOff(calls, func(ctx context.Context, t *Target) error {
			_, err := t.Create(ctx, target.Deploy{Stack: before, Packages: s.packages})
			return err
		}) || created
		if calls%2 == 0 {
			// It need not be taken up; it may be given up.
			if err := s.target.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			s.empty()
		}
		s.create(before)
		updated = s.cutOff(calls, func(ctx context.Context, t *Target) error {
			_, err := t.Update(ctx, target.Deploy{Stack: after, Prior: before, Packages: s.packages})
			return err
		}) || updated
		d := s.update(after)
		if n := len(d.Functions["create"].Versions); n != 1 {
			t.Errorf("after an update cut off after %d calls there are %d versions", calls, n)
		}
		removed = s.cutOff(calls, func(ctx context.Context, t *Target) error { return t.Delete(ctx, name) }) || removed
		if err := s.target.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("an operation was cut off after %d calls", calls)
		}
	}
	s.empty()
}

// empty checks that nothing of any stack is left.
func (s *shop) empty() {
	s.t.Helper()
	functions, err := s.lambda.ListFunctions(s.t.Context(), &lambda.ListFunctionsInput{})
	if err != nil || len(functions.Functions) > 0 {
		s.t.Errorf("functions left: %v, %v", functions, err)
	}
	layers, err := s.lambda.ListLayers(s.t.Context(), &lambda.ListLayersInput{})
	if err != nil || len(layers.Layers) > 0 {
		s.t.Errorf("layers left: %v, %v", layers, err)
	}
	roles, err := s.iam.ListRoles(s.t.Context(), &iam.ListRolesInput{})
	if err != nil || len(roles.Roles) > 0 {
		s.t.Errorf("roles left: %v, %v", roles, err)
	}
	groups, err := s.session.listLogGroups(s.t.Context(), "/")
	if err != nil || len(groups) > 0 {
		s.t.Errorf("log groups left: %v, %v", groups, err)
	}
}
