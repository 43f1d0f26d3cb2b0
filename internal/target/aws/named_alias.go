package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// A namedAlias is an alias beside "live", with its address and with the permissions on
// it. It is no component of the stack: see target.Aliases. A value serves one operation.
type namedAlias struct {
	i   *inventory
	ref stack.AliasRef
	// have is nil if there is no such alias.
	have        *types.AliasConfiguration
	url         *functionURL
	permissions *functionPermissions
}

// Aliases have no tags: their descriptions say whose they are, and whether who made one
// came to the end.
const (
	namedAliasMark       = "Made by Tidegate"
	namedAliasUnfinished = namedAliasMark + ", not finished yet"
)

// namedAlias looks at an alias, its address and its permissions.
func (s *session) namedAlias(ctx context.Context, ref stack.AliasRef) (*namedAlias, error) {
	i := newInventory(s, shape{name: ref.Stack, kind: stack.KindHTTPAPI, functions: map[string]bool{ref.Function: true}})
	n := &namedAlias{
		i: i, ref: ref,
		url:         &functionURL{i: i, function: ref.Function, alias: ref.Name},
		permissions: &functionPermissions{i: i, function: ref.Function, named: ref.Name},
	}
	err := run(ctx, []task{
		{name: "aliases", do: n.look},
		{name: "url", do: n.url.read},
		{name: "permissions", do: n.permissions.read},
		{name: "api", do: i.api.api.read},
	})
	return n, err
}

// look reads the alias alone.
func (n *namedAlias) look(ctx context.Context) error {
	all := n.function().alias
	if err := all.look(ctx); err != nil {
		return err
	}
	n.have = nil
	if found, ok := all.all[n.ref.Name]; ok {
		n.have = &found
	}
	return nil
}

func (n *namedAlias) function() *functionParts { return n.i.functions[n.ref.Function] }
func (n *namedAlias) fullName() string         { return stack.FullName(n.ref.Stack, n.ref.Function) }

// finished and begun tell whether Tidegate made the alias, to its end or not.
func (n *namedAlias) finished() bool { return aws.ToString(n.have.Description) == namedAliasMark }

func (n *namedAlias) begun() bool { return aws.ToString(n.have.Description) == namedAliasUnfinished }

// want tells the parts what the alias is to be like. The stack's HTTP API may always
// call it: which routes do is the stack's to say.
func (n *namedAlias) want(a stack.Alias) {
	n.url.wish = a.URL
	n.permissions.wish = grants(n.ref.Name, n.i.api.api.id() != "", a.URL)
}

// status is the alias as it is; nil if there is none.
func (n *namedAlias) status() *stack.AliasStatus {
	if n.have == nil {
		return nil
	}
	s := &stack.AliasStatus{Alias: stack.Alias{Routing: routingOf(*n.have)}, ARN: n.i.functionARN(n.fullName(), n.ref.Name)}
	var said remarks
	said.addIf(!n.finished() && !n.begun(), "its description does not say that Tidegate made it")
	said.addIf(n.begun(), "it was not finished")
	if n.url.exists() {
		url := n.url.have.FunctionURL
		s.URL, s.FunctionURL = &url, n.url.have.url
		said.add(n.url.drift())
	}
	n.want(s.Alias)
	said.add(policyDocument{Statements: n.permissions.alias}.differs(policyDocument{Statements: n.permissions.granted()}))
	if s.State = said.String(); s.State == "" {
		s.State = stack.Ready
	}
	return s
}

// apply makes the alias what a says. One that is new is marked as not finished until the
// last step, so that a create that was cut off anywhere is taken up by the next.
func (n *namedAlias) apply(ctx context.Context, a stack.Alias) error {
	if err := n.check(ctx, a.Routing); err != nil {
		return err
	}
	mark := namedAliasUnfinished
	if n.have != nil && n.finished() {
		mark = namedAliasMark
	}
	if err := n.point(ctx, a.Routing, mark); err != nil {
		return err
	}
	n.want(a)
	var err error
	switch {
	case n.url.wanted():
		err = about(n.url, "make", n.url.apply(ctx))
	case n.url.exists():
		err = about(n.url, "remove", n.url.remove(ctx))
	}
	if err != nil {
		return err
	}
	if err := about(n.permissions, "make", n.permissions.apply(ctx)); err != nil {
		return err
	}
	return n.point(ctx, a.Routing, namedAliasMark)
}

// check refuses versions that do not exist: Lambda's answer would be the one that it
// gives for those that it does not know everywhere yet.
func (n *namedAlias) check(ctx context.Context, r stack.Routing) error {
	f := n.function()
	if err := f.function.read(ctx); err != nil {
		return err
	}
	if !f.function.exists() || f.function.foreign() {
		return fmt.Errorf("stack %q has no function named %q", n.ref.Stack, n.ref.Function)
	}
	if err := f.versions.read(ctx); err != nil {
		return err
	}
	for _, number := range slices.Sorted(maps.Keys(r)) {
		if !slices.Contains(f.versions.numbers(), number) {
			return fmt.Errorf("the alias %q cannot point at version %d of function %q of stack %q, which was not published yet or is gone; there are %v",
				n.ref.Name, number, n.ref.Function, n.ref.Stack, f.versions.numbers())
		}
	}
	return nil
}

// point makes the alias, or makes it split its traffic so and say this.
func (n *namedAlias) point(ctx context.Context, r stack.Routing, mark string) error {
	if n.have != nil && maps.Equal(routingOf(*n.have), r) && aws.ToString(n.have.Description) == mark {
		return nil
	}
	main := r.Main()
	version := aws.String(strconv.Itoa(main))
	routing := &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{}}
	for number, percent := range r {
		if number != main {
			routing.AdditionalVersionWeights[strconv.Itoa(number)] = float64(percent) / 100
		}
	}
	return n.function().function.whileBusy(ctx, func(ctx context.Context) error {
		if n.have == nil {
			out, err := n.i.lambda.CreateAlias(ctx, &lambda.CreateAliasInput{
				FunctionName: aws.String(n.fullName()), Name: &n.ref.Name, FunctionVersion: version, RoutingConfig: routing, Description: &mark,
			})
			if says(err, "ResourceConflictException", "already exists") {
				return n.taken(ctx, err)
			}
			if err == nil {
				n.have = &types.AliasConfiguration{FunctionVersion: out.FunctionVersion, RoutingConfig: out.RoutingConfig, Description: out.Description}
			}
			return err
		}
		out, err := n.i.lambda.UpdateAlias(ctx, &lambda.UpdateAliasInput{
			FunctionName: aws.String(n.fullName()), Name: &n.ref.Name, FunctionVersion: version, RoutingConfig: routing, Description: &mark,
		})
		if err == nil {
			n.have = &types.AliasConfiguration{FunctionVersion: out.FunctionVersion, RoutingConfig: out.RoutingConfig, Description: out.Description}
		}
		return err
	})
}

// taken decides what to make of an alias that appeared meanwhile: an earlier attempt
// whose answer was lost has left it unfinished.
func (n *namedAlias) taken(ctx context.Context, err error) error {
	if lookErr := n.look(ctx); lookErr != nil || n.have == nil {
		return err
	}
	if !n.begun() {
		return &target.AliasExistsError{Ref: n.ref}
	}
	return nil
}

// remove deletes the alias with what hangs on it.
func (n *namedAlias) remove(ctx context.Context) error {
	if n.have == nil {
		return nil
	}
	if err := n.permissions.revoke(ctx, func(s policyStatement) bool { return strings.HasPrefix(s.Sid, ownSids) }); err != nil {
		return about(n.permissions, "remove", err)
	}
	if n.url.exists() {
		if err := n.url.remove(ctx); err != nil {
			return about(n.url, "remove", err)
		}
	}
	err := n.function().function.whileBusy(ctx, func(ctx context.Context) error {
		_, err := n.i.lambda.DeleteAlias(ctx, &lambda.DeleteAliasInput{FunctionName: aws.String(n.fullName()), Name: &n.ref.Name})
		return err
	})
	if missing(err) {
		return nil
	}
	return err
}

// ownSids is how the Sids of all statements that Tidegate makes begin.
const ownSids = "tidegate-"
