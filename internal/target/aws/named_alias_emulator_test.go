package aws

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

var betaOfShop = stack.AliasRef{Stack: "shop", Function: "create", Name: "beta"}

// aliasedShop has an HTTP API with one route to "live" and one to "beta", three versions,
// and keeps one.
func aliasedShop(t *testing.T, s *shop, code string) stack.Stack {
	t.Helper()
	shop := s.stack(s.pack(answering(code)))
	f := shop.Functions["create"]
	f.KeepVersions = 1
	shop.Functions["create"] = f
	shop.Trigger.HTTPAPI = &stack.HTTPAPI{Routes: map[string]stack.Route{
		"GET /":     {Function: "create", Auth: "inherit"},
		"GET /beta": {Function: "create", Auth: "inherit", Alias: "beta"},
	}}
	return shop
}

func TestAnAliasOnAWSFromItsFirstWriteToItsLast(t *testing.T) {
	s := openShopOn(t, harness.Ministack)
	d := s.create(aliasedShop(t, s, "one"))
	if r := d.Stack.Trigger.HTTPAPI.Routes; r["GET /beta"].Alias != "beta" || r["GET /"].Alias != "" {
		t.Errorf("the routes are %+v", r)
	}
	_, api, _ := strings.Cut(d.ARN, "123456789012:")
	ctx := t.Context()
	if _, err := s.target.ReadAlias(ctx, betaOfShop); err != target.ErrNotFound {
		t.Errorf("what is not there: %v", err)
	}
	url := &stack.FunctionURL{Auth: "none", InvokeMode: "buffered"}
	made, err := s.target.CreateAlias(ctx, betaOfShop, stack.Alias{Routing: stack.RouteTo(1), URL: url})
	if err != nil || made.State != stack.Ready || made.FunctionURL == "" || made.ARN != "arn:aws:lambda:us-east-1:123456789012:function:shop-create:beta" {
		t.Fatalf("made %+v, %v", made, err)
	}
	if sids := s.sids("beta"); !slices.Equal(sids, []string{"tidegate-api-beta", "tidegate-url-beta", "tidegate-url-invoke-beta"}) {
		t.Errorf("the alias has the statements %q", sids)
	}

	// Deployments leave it, and the version that it points at.
	for _, code := range []string{"two", "three"} {
		d = s.update(aliasedShop(t, s, code))
	}
	var numbers []int
	for _, v := range d.Functions["create"].Versions {
		numbers = append(numbers, v.Number)
	}
	if !slices.Equal(numbers, []int{1, 3}) || d.Functions["create"].Version != 3 {
		t.Errorf("versions %v, live at %d", numbers, d.Functions["create"].Version)
	}
	s.answers(api, "/", "GET / three")
	s.answers(api, "/beta", "GET /beta one")

	// It splits its traffic, and loses its address.
	changed, err := s.target.UpdateAlias(ctx, betaOfShop, stack.Alias{Routing: stack.Routing{1: 90, 3: 10}})
	if err != nil || !maps.Equal(changed.Routing, stack.Routing{1: 90, 3: 10}) || changed.URL != nil || changed.State != stack.Ready {
		t.Errorf("changed to %+v, %v", changed, err)
	}
	if sids := s.sids("beta"); !slices.Equal(sids, []string{"tidegate-api-beta"}) {
		t.Errorf("the alias has the statements %q", sids)
	}
	if again, err := s.target.CreateAlias(ctx, betaOfShop, stack.Alias{Routing: stack.Routing{1: 90, 3: 10}}); err != nil || again.State != stack.Ready {
		t.Errorf("making exactly what is there: %+v, %v", again, err)
	}
	if _, err := s.target.UpdateAlias(ctx, betaOfShop, stack.Alias{Routing: stack.RouteTo(2)}); err == nil || !strings.Contains(err.Error(), "version 2 of function \"create\" of stack \"shop\", which was not published yet or is gone; there are [1 3]") {
		t.Errorf("a version that was pruned: %v", err)
	}

	// What somebody did to it is told, and set right.
	if _, err := s.lambda.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: aws.String("shop-create"), Qualifier: aws.String("beta"), StatementId: aws.String("tidegate-api-beta")}); err != nil {
		t.Fatal(err)
	}
	if found, err := s.target.ReadAlias(ctx, betaOfShop); err != nil || !strings.Contains(found.State, "tidegate-api-beta") {
		t.Errorf("without its permission: %+v, %v", found, err)
	}
	if mended, err := s.target.UpdateAlias(ctx, betaOfShop, stack.Alias{Routing: stack.RouteTo(1)}); err != nil || mended.State != stack.Ready {
		t.Errorf("mended: %+v, %v", mended, err)
	}
	for range 2 {
		if err := s.target.DeleteAlias(ctx, betaOfShop); err != nil {
			t.Errorf("deleting it: %v", err)
		}
	}
	if _, err := s.target.ReadAlias(ctx, betaOfShop); err != target.ErrNotFound {
		t.Errorf("what was deleted: %v", err)
	}
}

func TestAnAliasThatTidegateDidNotMakeIsLeftAlone(t *testing.T) {
	s := openShop(t)
	s.create(s.stack(s.pack(answering("one"))))
	ctx := t.Context()
	make := func(description *string) {
		t.Helper()
		_, err := s.lambda.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: aws.String("shop-create"), Name: aws.String("beta"), FunctionVersion: aws.String("1"), Description: description})
		if err != nil {
			t.Fatal(err)
		}
	}
	make(nil)
	var exists *target.AliasExistsError
	if _, err := s.target.CreateAlias(ctx, betaOfShop, stack.Alias{Routing: stack.RouteTo(1)}); !errors.As(err, &exists) {
		t.Errorf("taking it: %v", err)
	}
	found, err := s.target.ReadAlias(ctx, betaOfShop)
	if err != nil || !strings.Contains(found.State, "does not say that Tidegate made it") {
		t.Errorf("as an import reads it: %+v, %v", found, err)
	}
	if taken, err := s.target.UpdateAlias(ctx, betaOfShop, found.Alias); err != nil || taken.State != stack.Ready {
		t.Errorf("once it was imported: %+v, %v", taken, err)
	}

	// One that an interrupted create left is taken up.
	if err := s.target.DeleteAlias(ctx, betaOfShop); err != nil {
		t.Fatal(err)
	}
	make(aws.String(namedAliasUnfinished))
	if found, err := s.target.ReadAlias(ctx, betaOfShop); err != nil || found.State != "it was not finished" {
		t.Errorf("what is not finished: %+v, %v", found, err)
	}
	if made, err := s.target.CreateAlias(ctx, betaOfShop, stack.Alias{Routing: stack.RouteTo(1)}); err != nil || made.State != stack.Ready {
		t.Errorf("taken up: %+v, %v", made, err)
	}
	if _, err := s.target.CreateAlias(ctx, stack.AliasRef{Stack: "shop", Function: "none", Name: "beta"}, stack.Alias{Routing: stack.RouteTo(1)}); err == nil || !strings.Contains(err.Error(), `no function named "none"`) {
		t.Errorf("an alias of no function: %v", err)
	}
}

// sids of the statements in the policy of an alias, sorted.
func (s *shop) sids(alias string) []string {
	s.t.Helper()
	p := &functionPermissions{i: newInventory(s.session, shapeOf(stack.Stack{Name: "shop"})), function: "create", named: alias}
	statements, err := p.get(s.t.Context(), alias)
	if err != nil {
		s.t.Fatal(err)
	}
	var sids []string
	for _, statement := range statements {
		sids = append(sids, statement.Sid)
	}
	slices.Sort(sids)
	return sids
}
