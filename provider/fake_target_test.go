package provider

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// fakeTarget keeps stacks in memory, with the rules of target.Target. Tests change
// what it keeps behind Terraform's back and make it fail where the open runtime
// could not be made to.
type fakeTarget struct {
	mu     sync.Mutex
	stacks map[string]*stack.Deployment
	// sent are the deployments that were asked for.
	sent []target.Deploy
	// fail, if not nil, is what the next write ends with, after it was done.
	fail error
	// unreachable, if not nil, is why creates end before they begin.
	unreachable error
	// deleted counts deletions.
	deleted int
	// lacks, if not empty, names a component that the next write leaves out.
	lacks string
	// roles tells that the target makes roles, as AWS does.
	roles bool
	// revision counts writes.
	revision int
}

var _ target.Target = (*fakeTarget)(nil)

type (
	providerFactories = map[string]func() (tfprotov6.ProviderServer, error)
	testContext       = context.Context
	terraformState    = terraform.State
)

// factories runs the provider in this process, with the fake as its target.
func (f *fakeTarget) factories() providerFactories { return factoriesOf(f) }

func factoriesOf(f target.Target) providerFactories {
	p := &fakeProvider{tidegate{version: "test", packages: newPackages(), earlier: newEarlierPlans()}, f}
	return providerFactories{"tidegate": providerserver.NewProtocol6WithError(p)}
}

type fakeProvider struct {
	tidegate
	target target.Target
}

func (p *fakeProvider) Configure(_ context.Context, _ provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	data := &providerData{target: p.target, packages: p.packages, earlier: p.earlier, handover: newHandover()}
	resp.ResourceData, resp.DataSourceData = data, data
}

func (f *fakeTarget) Name() string { return "fake" }

func (f *fakeTarget) Check(context.Context, stack.Stack) (stack.Problems, error) { return nil, nil }

func (f *fakeTarget) Components(s stack.Stack) []string { return s.Components() }

func (f *fakeTarget) Read(_ context.Context, prior stack.Stack) (*stack.Deployment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, ok := f.stacks[prior.Name]
	if !ok {
		return nil, target.ErrNotFound
	}
	return d, nil
}

func (f *fakeTarget) List(context.Context) ([]*stack.Deployment, error) { return nil, nil }

func (f *fakeTarget) ListReleases(context.Context, string) ([]release.Release, error) {
	return nil, nil
}

func (f *fakeTarget) Steer(_ context.Context, name string, _ release.Command, _ string) (release.Release, error) {
	return release.Release{}, &target.NoReleaseError{Name: name}
}

func (f *fakeTarget) Rollback(_ context.Context, name, _, _ string) (release.Release, error) {
	return release.Release{}, &target.NoReleaseError{Name: name}
}

func (f *fakeTarget) Create(_ context.Context, d target.Deploy) (*stack.Deployment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unreachable != nil {
		return nil, f.unreachable
	}
	if old, ok := f.stacks[d.Stack.Name]; ok && old.Creation == stack.CreationFinished {
		return nil, &target.ExistsError{Kind: old.Stack.Trigger.Kind(), Name: d.Stack.Name}
	}
	made, err := f.deploy(d)
	if err != nil {
		made.Creation = stack.CreationUnfinished
	}
	return made, err
}

func (f *fakeTarget) Update(_ context.Context, d target.Deploy) (*stack.Deployment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old, ok := f.stacks[d.Stack.Name]
	switch {
	case !ok:
		return nil, target.ErrNotFound
	case d.Revision != "" && d.Revision != old.Revision:
		return nil, &target.ConflictError{Name: d.Stack.Name}
	}
	return f.deploy(d)
}

func (f *fakeTarget) Delete(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.stacks, name)
	f.deleted++
	return nil
}

// deploy publishes what is new and makes it live.
func (f *fakeTarget) deploy(d target.Deploy) (*stack.Deployment, error) {
	f.sent = append(f.sent, d)
	f.revision++
	name := d.Stack.Name
	next := &stack.Deployment{
		Stack:      withoutSecrets(d.Stack),
		Revision:   strconv.Itoa(f.revision),
		ReleaseID:  d.Stack.ReleaseID(),
		Creation:   stack.CreationFinished,
		Functions:  map[string]stack.FunctionStatus{},
		Components: map[string]string{},
	}
	for _, component := range d.Stack.Components() {
		next.Components[component] = stack.Ready
	}
	if f.lacks != "" {
		next.Components[f.lacks], f.lacks = "missing", ""
	}
	if q := d.Stack.Trigger.Queue; q != nil {
		next.ARN, next.URL = stack.QueueARN(name, q.FIFO), "http://fake/queues/"+name
		if q.DeadLetter != nil {
			next.DeadLetterARN = stack.DeadLetterARN(name, q.FIFO)
		}
	}
	for function, config := range d.Stack.Functions {
		var versions []stack.Version
		if old := f.stacks[name]; old != nil {
			versions = old.Functions[function].Versions
		}
		status := publish(name, function, config, versions)
		if f.roles {
			status.RoleARN = cmp.Or(config.RoleARN, madeRole(name, function))
		}
		next.Functions[function] = status
	}
	if f.stacks == nil {
		f.stacks = map[string]*stack.Deployment{}
	}
	f.stacks[name] = next
	err := f.fail
	f.fail = nil
	return next, err
}

// madeRole is the role that the fake makes for a function.
func madeRole(name, function string) string {
	return "arn:aws:iam::123456789012:role" + stack.OwnRolePath + name + "/" + function
}

func publish(name, function string, f stack.Function, versions []stack.Version) stack.FunctionStatus {
	live := 0
	for _, v := range versions {
		if v.Hash == f.Hash() {
			live = v.Number
		}
	}
	if live == 0 {
		live = len(versions) + 1
		versions = append(versions[:len(versions):len(versions)], stack.Version{Number: live, Hash: f.Hash(), Config: f.Config, Created: time.Unix(0, 0)})
	}
	s := stack.FunctionStatus{
		ARN:      stack.FunctionARN(name, function),
		AliasARN: stack.AliasARN(name, function),
		LogGroup: stack.LogGroup(name, function),
		Version:  live,
		Routing:  stack.RouteTo(live),
		Versions: versions,
	}
	if f.URL != nil {
		s.URL = "http://fake/functions/" + name + "/" + function
	}
	return s
}

func withoutSecrets(s stack.Stack) stack.Stack {
	s.Functions = maps.Clone(s.Functions)
	for name, f := range s.Functions {
		f.Secrets = nil
		s.Functions[name] = f
	}
	return s
}

// behind changes a stack behind Terraform's back.
func (f *fakeTarget) behind(t *testing.T, name string, change func(d *stack.Deployment)) func() {
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		old, ok := f.stacks[name]
		if !ok {
			t.Errorf("there is no stack %q to change", name)
			return
		}
		d := *old
		d.Stack.Functions, d.Functions, d.Components = maps.Clone(d.Stack.Functions), maps.Clone(d.Functions), maps.Clone(d.Components)
		change(&d)
		f.revision++
		d.Revision = strconv.Itoa(f.revision)
		f.stacks[name] = &d
	}
}

// lastSent is the last deployment that was asked for.
func (f *fakeTarget) lastSent(t *testing.T) target.Deploy {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.sent) == 0 {
		t.Fatal("nothing was deployed")
	}
	return f.sent[len(f.sent)-1]
}

func (f *fakeTarget) String() string { return fmt.Sprint(f.stacks) }
