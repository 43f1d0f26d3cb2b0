package aws

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

func TestAFunctionIsMadeChangedRolledBackAndRemoved(t *testing.T) {
	s := openShop(t)
	one, two := s.pack("one"), s.pack("two")

	d := s.create(s.stack(one))
	status := d.Functions["create"]
	if status.Version != 1 || status.ARN != "arn:aws:lambda:us-east-1:123456789012:function:shop-create" || status.AliasARN != status.ARN+":live" {
		t.Errorf("after the create: %+v", status)
	}

	d = s.update(s.stack(two))
	if status := d.Functions["create"]; status.Version != 2 || len(status.Versions) != 2 {
		t.Errorf("after new code: %+v", status)
	}
	d = s.update(s.stack(two, func(f *stack.Function) { f.Memory, f.Environment = 256, map[string]string{"A": "b"} }))
	if status := d.Functions["create"]; status.Version != 3 {
		t.Errorf("after new settings: %+v", status)
	}
	d = s.update(s.stack(one))
	if status := d.Functions["create"]; status.Version != 1 || len(status.Versions) != 3 {
		t.Errorf("going back to former code and settings: %+v", status)
	}

	if err := s.target.Delete(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	left, err := s.lambda.ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
	if err != nil || len(left.Functions) > 0 {
		t.Errorf("left: %v, %v", left.Functions, err)
	}
	if _, err := s.target.Read(t.Context(), stack.Stack{Name: "shop"}); err != target.ErrNotFound {
		t.Errorf("reading it then: %v", err)
	}
}

// Moto forgets these on an update.
func TestMinistackKeepsWhatMotoForgets(t *testing.T) {
	s := openShopOn(t, harness.Ministack)
	one, two, layer := s.pack("one"), s.pack("two"), s.pack("layer")
	s.create(s.stack(one))
	d := s.update(s.stack(two, func(f *stack.Function) {
		f.Memory, f.Layers, f.Tracing, f.EphemeralStorage = 256, []string{layer}, "active", 1024
	}))
	if v := d.Functions["create"].Version; v != 2 {
		t.Errorf("after all of it changed, version %d is live", v)
	}
	if d = s.update(s.stack(one)); d.Functions["create"].Version != 1 {
		t.Errorf("after going back, version %d is live", d.Functions["create"].Version)
	}
	if err := s.target.Delete(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.target.Read(t.Context(), stack.Stack{Name: "shop"}); err != target.ErrNotFound {
		t.Errorf("reading it then: %v", err)
	}
}

// Moto neither changes a function's image settings nor its architecture.
func TestMinistackChangesWhatMotoKeeps(t *testing.T) {
	s := openShopOn(t, harness.Ministack)
	one := s.pack("one")
	with := func(edit func(f *stack.Function)) stack.Stack { return s.stack(one, edit) }
	s.create(with(func(f *stack.Function) { f.Architecture = "x86_64" }))
	if d := s.update(with(func(f *stack.Function) { f.Architecture = "arm64" })); d.Functions["create"].Version != 2 {
		t.Errorf("with another architecture: %+v", d.Functions["create"])
	}
	network := &stack.Network{SubnetIDs: []string{"subnet-b", "subnet-a"}, SecurityGroupIDs: []string{"sg-1"}}
	s.update(with(func(f *stack.Function) {
		f.Architecture, f.Network, f.KMSKeyARN = "arm64", network, "arn:aws:kms:us-east-1:123456789012:key/x"
	}))
	if d := s.update(with(func(*stack.Function) {})); d.Functions["create"].Version != 1 {
		t.Errorf("back at what AWS makes by default: %+v", d.Functions["create"])
	}
	if d := s.update(with(func(f *stack.Function) { f.Architecture = "arm64" })); d.Functions["create"].Version != 2 {
		t.Errorf("going back to another architecture: %+v", d.Functions["create"])
	}
}

func TestAnImageIsDeployedAndCannotBecomeAPackage(t *testing.T) {
	s := openShopOn(t, harness.Ministack)
	image := func(digit, handler string) stack.Stack {
		return s.stack("", func(f *stack.Function) {
			f.Image, f.Runtime, f.Handler = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:"+strings.Repeat(digit, 64), "", handler
		})
	}
	s.create(image("a", ""))
	if d := s.update(image("b", "app.handler")); d.Functions["create"].Version != 2 {
		t.Errorf("another image: %+v", d.Functions["create"])
	}
	_, err := s.tryUpdate(s.stack(s.pack("one")))
	if err == nil || !strings.Contains(err.Error(), "give the function another name in the stack") {
		t.Errorf("a package: %v", err)
	}
}

// shopCreate is the full name of the function that the tests change by hand.
var shopCreate = aws.String("shop-create")

func TestLayersArePublishedByContentAndGoWithTheVersionsThatUseThem(t *testing.T) {
	s := openShop(t)
	code, one, two := s.pack("code"), s.pack("layer one"), s.pack("layer two")
	with := func(keep int, layers ...string) stack.Stack {
		return s.stack(code, func(f *stack.Function) { f.Layers, f.KeepVersions = layers, keep })
	}
	layers := func() int {
		t.Helper()
		out, err := s.lambda.ListLayerVersions(t.Context(), &lambda.ListLayerVersionsInput{LayerName: shopCreate})
		if err != nil {
			if missing(err) {
				return 0
			}
			t.Fatal(err)
		}
		return len(out.LayerVersions)
	}
	s.create(with(9, one, two))
	if n := layers(); n != 2 {
		t.Fatalf("there are %d layer versions", n)
	}
	if d := s.update(with(9, two, one)); d.Functions["create"].Version != 2 || layers() != 2 {
		t.Errorf("in another order: version %d, %d layer versions", d.Functions["create"].Version, layers())
	}
	if d := s.update(with(9, one)); d.Functions["create"].Version != 3 || layers() != 2 {
		t.Errorf("with one: version %d, %d layer versions", d.Functions["create"].Version, layers())
	}
	d := s.update(with(1))
	if versions := d.Functions["create"].Versions; len(versions) != 1 || layers() != 0 {
		t.Errorf("without any: versions %v, %d layer versions", versions, layers())
	}
	if err := s.target.Delete(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if n := layers(); n != 0 {
		t.Errorf("after the removal there are %d layer versions", n)
	}
}

func TestALayerOfSomebodyElseIsDrift(t *testing.T) {
	s := openShop(t)
	one := s.pack("layer")
	want := s.stack(s.pack("code"), func(f *stack.Function) { f.Layers = []string{one} })
	s.create(want)
	foreign, err := s.lambda.PublishLayerVersion(t.Context(), &lambda.PublishLayerVersionInput{
		LayerName: aws.String("theirs"), Content: &types.LayerVersionContentInput{ZipFile: packageOf(t, "theirs", 0)},
	})
	if err != nil {
		t.Fatal(err)
	}
	now, err := s.lambda.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: shopCreate})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.lambda.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: shopCreate, Layers: []string{*now.Layers[0].Arn, *foreign.LayerVersionArn},
	}); err != nil {
		t.Fatal(err)
	}
	if is := s.is(want, "function"); is != "it has layers of others: "+*foreign.LayerVersionArn {
		t.Errorf("with a layer of others: %q", is)
	}
	s.update(want)
}

func TestOldVersionsGoUnlessAnAliasKeepsThem(t *testing.T) {
	s := openShop(t)
	keep := func(text string, n int) stack.Stack {
		return s.stack(s.pack(text), func(f *stack.Function) { f.KeepVersions = n })
	}
	s.create(keep("one", 2))
	if _, err := s.lambda.CreateAlias(t.Context(), &lambda.CreateAliasInput{
		FunctionName: shopCreate, Name: aws.String("theirs"), FunctionVersion: aws.String("1"),
	}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"two", "three", "four"} {
		s.update(keep(text, 2))
	}
	if got := numbers(s.read(keep("four", 2))); !cmp.Equal(got, []int{1, 3, 4}) {
		t.Errorf("kept: %v", got)
	}
	s.update(keep("three", 1))
	if got := numbers(s.read(keep("three", 1))); !cmp.Equal(got, []int{1, 3, 4}) {
		t.Errorf("kept when the released one is not the newest: %v", got)
	}
}

func numbers(d *stack.Deployment) []int {
	var numbers []int
	for _, v := range d.Functions["create"].Versions {
		numbers = append(numbers, v.Number)
	}
	return numbers
}

func TestWhatWasChangedByHandIsNamedAndRepaired(t *testing.T) {
	configure := func(edit func(in *lambda.UpdateFunctionConfigurationInput)) func(*shop) error {
		return func(s *shop) error {
			in := &lambda.UpdateFunctionConfigurationInput{FunctionName: shopCreate}
			edit(in)
			_, err := s.lambda.UpdateFunctionConfiguration(s.t.Context(), in)
			return err
		}
	}
	point := func(version string, weights map[string]float64) func(*shop) error {
		return func(s *shop) error {
			_, err := s.lambda.UpdateAlias(s.t.Context(), &lambda.UpdateAliasInput{
				FunctionName: shopCreate, Name: aws.String("live"), FunctionVersion: aws.String(version),
				RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights},
			})
			return err
		}
	}
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:shop-create"
	s := openShop(t)
	s.create(s.stack(s.pack("one")))
	want := s.stack(s.pack("two"))
	s.update(want)
	for _, test := range []struct {
		what, component, is string
		hand                func(*shop) error
	}{
		{"the description", "function", "its description was changed", configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Description = aws.String("mine") })},
		{"the memory", "versions", "the function was changed since and not released", configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.MemorySize = aws.Int32(512) })},
		{"a tag", "function", "its tag team differs", func(s *shop) error {
			_, err := s.lambda.TagResource(s.t.Context(), &lambda.TagResourceInput{Resource: aws.String(arn), Tags: map[string]string{"team": "other"}})
			return err
		}},
		{"the code", "versions", "the function was changed since and not released", func(s *shop) error {
			_, err := s.lambda.UpdateFunctionCode(s.t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: shopCreate, ZipFile: packageOf(s.t, "hand", 0)})
			return err
		}},
		{"where the alias points", "alias", "points at version 1, but version 2 was released", point("1", nil)},
		{"the alias's weights", "alias", "splits 25 % to version 1 and 75 % to version 2", point("2", map[string]float64{"1": 0.25})},
		{"the alias", "alias", "missing", func(s *shop) error {
			_, err := s.lambda.DeleteAlias(s.t.Context(), &lambda.DeleteAliasInput{FunctionName: shopCreate, Name: aws.String("live")})
			return err
		}},
		{"the function", "function", "missing", func(s *shop) error {
			_, err := s.lambda.DeleteFunction(s.t.Context(), &lambda.DeleteFunctionInput{FunctionName: shopCreate})
			return err
		}},
	} {
		t.Run(test.what, func(t *testing.T) {
			s := s.in(t)
			if err := test.hand(s); err != nil {
				t.Fatal(err)
			}
			if is := s.is(want, test.component); is != test.is {
				t.Errorf("the component %s is %q, not %q", test.component, is, test.is)
			}
			s.update(want)
		})
	}
}

func TestAFunctionOfSomebodyElseIsLeftAlone(t *testing.T) {
	s := openShop(t)
	want := s.stack(s.pack("one"))
	s.create(want)
	if _, err := s.lambda.UntagResource(t.Context(), &lambda.UntagResourceInput{
		Resource: aws.String("arn:aws:lambda:us-east-1:123456789012:function:shop-create"), TagKeys: []string{tagStack},
	}); err != nil {
		t.Fatal(err)
	}
	_, err := s.tryUpdate(s.stack(s.pack("two")))
	if err == nil || !strings.Contains(err.Error(), `there is a function "shop-create" already`) {
		t.Errorf("an update: %v", err)
	}
	if d, err := s.target.Read(t.Context(), want); err != nil || d.Components["functions/create/function"] != stateForeign {
		t.Errorf("a read: %v, %v", d, err)
	}
}
