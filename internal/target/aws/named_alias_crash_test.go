package aws

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// An alias that is made, changed or removed by somebody who is killed after any call is
// what it should be after the next attempt; and what is said to be ready in between is.
func TestAnAliasThatWasCutOffAfterAnyCallIsFinishedByTheNextApply(t *testing.T) {
	s := openShopOn(t, harness.Ministack)
	versions := func(code string) stack.Stack {
		shop := aliasedShop(t, s, code)
		f := shop.Functions["create"]
		f.KeepVersions = 2
		shop.Functions["create"] = f
		return shop
	}
	s.create(versions("one"))
	s.update(versions("two"))
	open := &stack.Alias{Routing: stack.RouteTo(1), URL: &stack.FunctionURL{Auth: "none", InvokeMode: "buffered", CORS: &stack.CORS{AllowOrigins: []string{"https://shop.example.org"}}}}
	signed := &stack.Alias{Routing: stack.Routing{1: 90, 2: 10}, URL: &stack.FunctionURL{Auth: "iam", InvokeMode: "buffered"}}
	plain := &stack.Alias{Routing: stack.RouteTo(2)}
	for _, c := range []struct {
		name          string
		before, after *stack.Alias
	}{
		{"made", nil, open},
		{"closed", open, signed},
		{"opened", plain, open},
		{"without its address", open, plain},
		{"removed", open, nil},
	} {
		cut := 0
		for over := false; !over; cut++ {
			if err := s.putBeta(t.Context(), s.target, nil, c.before); err != nil {
				t.Fatal(err)
			}
			over = s.cutOff(cut+1, func(ctx context.Context, on *Target) error { return s.putBeta(ctx, on, c.before, c.after) })
			s.betaIsReadyIfItSaysSo()
			again := c.after
			if c.before == nil && cut%2 == 0 {
				again = nil // It need not be taken up; it may be given up.
			}
			if err := s.putBeta(t.Context(), s.target, c.before, again); err != nil {
				t.Errorf("again: %v", err)
			}
			s.betaIs(again)
			if t.Failed() {
				t.Fatalf("it was to be %s, and cut off after %d calls", c.name, cut+1)
			}
			if err := s.putBeta(t.Context(), s.target, again, nil); err != nil {
				t.Fatal(err)
			}
		}
		if cut < 8 {
			t.Errorf("%s it takes only %d calls", c.name, cut)
		}
	}
}

// putBeta makes of the alias, which was as before when that was last seen, what after says;
// nil is none.
func (s *shop) putBeta(ctx context.Context, on *Target, before, after *stack.Alias) (err error) {
	switch {
	case after == nil:
		return on.DeleteAlias(ctx, betaOfShop)
	case before == nil:
		_, err = on.CreateAlias(ctx, betaOfShop, *after)
	default:
		_, err = on.UpdateAlias(ctx, betaOfShop, *after)
	}
	return err
}

// betaIs checks that the alias, and all that hangs on it, is what it should be.
func (s *shop) betaIs(want *stack.Alias) {
	s.t.Helper()
	found, err := s.target.ReadAlias(s.t.Context(), betaOfShop)
	switch {
	case want == nil && errors.Is(err, target.ErrNotFound):
		s.hangsOnBeta(nil)
	case err != nil || want == nil || found.State != stack.Ready || !reflect.DeepEqual(found.Alias, want.WithDefaults()):
		s.t.Errorf("the alias is %+v (%v), want %+v", found, err, want)
	default:
		s.hangsOnBeta(want)
	}
}

// betaIsReadyIfItSaysSo checks what hangs on an alias that is told to be ready.
func (s *shop) betaIsReadyIfItSaysSo() {
	s.t.Helper()
	found, err := s.target.ReadAlias(s.t.Context(), betaOfShop)
	if err != nil && !errors.Is(err, target.ErrNotFound) {
		s.t.Error(err)
	}
	if err == nil && found.State == stack.Ready {
		s.hangsOnBeta(&found.Alias)
	}
}

// hangsOnBeta checks the statements of the alias, and whether it has an address.
func (s *shop) hangsOnBeta(a *stack.Alias) {
	s.t.Helper()
	var want []string
	if a != nil {
		want = append(want, "tidegate-api-beta")
	}
	if a != nil && a.URL != nil && a.URL.Auth == "none" {
		want = append(want, "tidegate-url-beta", "tidegate-url-invoke-beta")
	}
	if sids := s.sids("beta"); !slices.Equal(sids, want) {
		s.t.Errorf("the statements are %q, want %q", sids, want)
	}
	_, err := s.lambda.GetFunctionUrlConfig(s.t.Context(), &lambda.GetFunctionUrlConfigInput{FunctionName: aws.String("shop-create"), Qualifier: aws.String("beta")})
	if has, wanted := err == nil, a != nil && a.URL != nil; has != wanted {
		s.t.Errorf("that it has an address is %t (%v), want %t", has, err, wanted)
	}
}

// A raced has something happen just before an alias is made.
type raced struct {
	lambdaAPI
	before func(in *lambda.CreateAliasInput)
}

func (l *raced) CreateAlias(ctx context.Context, in *lambda.CreateAliasInput, o ...func(*lambda.Options)) (*lambda.CreateAliasOutput, error) {
	l.before(in)
	out, err := l.lambdaAPI.CreateAlias(ctx, in, o...)
	if hasCode(err, "ConflictException") { // So does moto call it.
		return nil, &types.ResourceConflictException{Message: aws.String("Alias already exists: " + *in.FunctionName + ":" + *in.Name)}
	}
	return out, err
}

// The answer to the making of an alias is lost, and it is asked for again; or somebody
// else is faster.
func TestAnAliasThatAppearsWhileItIsMadeIsTakenUpOnlyIfItIsTidegates(t *testing.T) {
	s := openShop(t)
	s.create(s.stack(s.pack(answering("one"))))
	through := s.session.lambda
	want := stack.Alias{Routing: stack.RouteTo(1)}
	make := func(before func(in *lambda.CreateAliasInput)) (*stack.AliasStatus, error) {
		s.session.lambda = &raced{through, before}
		return s.target.CreateAlias(t.Context(), betaOfShop, want)
	}
	made, err := make(func(in *lambda.CreateAliasInput) {
		if _, err := through.CreateAlias(t.Context(), in); err != nil {
			t.Error(err)
		}
	})
	if err != nil || made.State != stack.Ready || !maps.Equal(made.Routing, want.Routing) {
		t.Errorf("after a lost answer: %+v, %v", made, err)
	}
	if err := s.target.DeleteAlias(t.Context(), betaOfShop); err != nil {
		t.Fatal(err)
	}
	_, err = make(func(in *lambda.CreateAliasInput) {
		others := *in
		others.Description = aws.String("mine")
		if _, err := through.CreateAlias(t.Context(), &others); err != nil {
			t.Error(err)
		}
	})
	if !errors.As(err, new(*target.AliasExistsError)) {
		t.Errorf("where somebody was faster: %v", err)
	}
	found, err := s.lambda.GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: aws.String("shop-create"), Name: aws.String("beta")})
	if err != nil || aws.ToString(found.Description) != "mine" {
		t.Errorf("the other's alias is %+v, %v", found, err)
	}
}
