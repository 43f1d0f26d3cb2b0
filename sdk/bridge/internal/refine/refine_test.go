package refine

import (
	"reflect"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge"
)

func object(required []string, properties ...string) schema.ComplexTypeSpec {
	o := schema.ObjectTypeSpec{Type: "object", Required: required, Properties: map[string]schema.PropertySpec{}}
	for _, name := range properties {
		o.Properties[name] = schema.PropertySpec{TypeSpec: schema.TypeSpec{Type: "string"}}
	}
	return schema.ComplexTypeSpec{ObjectTypeSpec: o}
}

func reference(token string) schema.PropertySpec {
	return schema.PropertySpec{TypeSpec: schema.TypeSpec{Ref: typeRef + token}}
}

const (
	ofQueue = "tidegate:index/QueueFunctionsUrlCors:QueueFunctionsUrlCors"
	ofStack = "tidegate:index/StackFunctionsUrlCors:StackFunctionsUrlCors"
	cors    = "tidegate:index/Cors:Cors"
)

func TestWhatEveryStackHasIsOneType(t *testing.T) {
	spec := &schema.PackageSpec{
		Provider: &schema.ResourceSpec{},
		Types:    map[string]schema.ComplexTypeSpec{ofQueue: object(nil, "maxAge"), ofStack: object(nil, "maxAge")},
		Resources: map[string]schema.ResourceSpec{
			"queue": {InputProperties: map[string]schema.PropertySpec{"cors": reference(ofQueue)}},
			"stack": {InputProperties: map[string]schema.PropertySpec{"cors": reference(ofStack)}},
		},
	}
	if err := share(spec); err != nil {
		t.Fatal(err)
	}
	if len(spec.Types) != 1 || spec.Types[cors].Properties == nil {
		t.Errorf("the types are %v", spec.Types)
	}
	for name, r := range spec.Resources {
		if ref := r.InputProperties["cors"].Ref; ref != typeRef+cors {
			t.Errorf("the %s's is %s", name, ref)
		}
	}

	spec.Types = map[string]schema.ComplexTypeSpec{ofQueue: object(nil, "maxAge"), ofStack: object(nil, "other")}
	if err := share(spec); err == nil || !strings.Contains(err.Error(), "another type already") {
		t.Errorf("of two types with one name the error is %v", err)
	}
}

func TestWhatOnlyTheTargetKnowsIsNoInput(t *testing.T) {
	const token = "tidegate:index/Thing:Thing"
	spec := &schema.PackageSpec{
		Provider: &schema.ResourceSpec{},
		Types:    map[string]schema.ComplexTypeSpec{token: object([]string{"source"}, "source", "arn")},
		Resources: map[string]schema.ResourceSpec{"queue": {
			InputProperties: map[string]schema.PropertySpec{"thing": reference(token)},
			ObjectTypeSpec:  schema.ObjectTypeSpec{Properties: map[string]schema.PropertySpec{"thing": reference(token)}},
			StateInputs:     &schema.ObjectTypeSpec{Properties: map[string]schema.PropertySpec{"thing": reference(token)}},
		}},
	}
	if err := separate(spec, map[string]sides{token: {computed: []string{"arn"}, always: []string{"arn", "source"}}}); err != nil {
		t.Fatal(err)
	}
	const back = "tidegate:index/DeployedThing:DeployedThing"
	if _, ok := spec.Types[token].Properties["arn"]; ok {
		t.Error("the ARN can be written")
	}
	if !reflect.DeepEqual(spec.Types[back].Required, []string{"arn", "source"}) {
		t.Errorf("what comes back always has %v", spec.Types[back].Required)
	}
	r := spec.Resources["queue"]
	if in, out, state := r.InputProperties["thing"].Ref, r.Properties["thing"].Ref, r.StateInputs.Properties["thing"].Ref; in != typeRef+token || out != typeRef+back || state != typeRef+back {
		t.Errorf("what is written is a %s, what comes back a %s, what is looked up a %s", in, out, state)
	}
}

// A description that still speaks of Terraform stops the generator, as does an edit that
// has nothing left to do.
func TestDescriptionsSpeakOfPulumi(t *testing.T) {
	words := bridge.NewWords(bridge.Provider(t.Context()))
	described := func(extra ...string) *schema.PackageSpec {
		spec := &schema.PackageSpec{Provider: &schema.ResourceSpec{InputProperties: map[string]schema.PropertySpec{}}, Resources: map[string]schema.ResourceSpec{}}
		add := func(description string) {
			spec.Provider.InputProperties[description] = schema.PropertySpec{Description: description}
		}
		for _, e := range edits {
			add("First." + e.from + "Rest.")
		}
		for _, description := range extra {
			add(description)
		}
		return spec
	}
	spec := described("Needs `batch_window`.", "It is <span pulumi-lang-nodejs=\"`x8664`\" pulumi-lang-hcl=\"`x86_64`\">`x8664`</span>.")
	if err := describe(spec, words); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{
		"Needs `batch_window`.": "Needs `batchWindow`.",
		"It is <span pulumi-lang-nodejs=\"`x8664`\" pulumi-lang-hcl=\"`x86_64`\">`x8664`</span>.": "It is `x86_64`.",
	} {
		if got := spec.Provider.InputProperties[from].Description; got != want {
			t.Errorf("%s becomes %s; it should be %s", from, got, want)
		}
	}
	if err := describe(described("Terraform knows."), words); err == nil || !strings.Contains(err.Error(), "Terraform knows.") {
		t.Errorf("of a word of Terraform's the error is %v", err)
	}
	if err := describe(&schema.PackageSpec{Provider: &schema.ResourceSpec{}}, words); err == nil || !strings.Contains(err.Error(), "take its edit out") {
		t.Errorf("of a needless edit the error is %v", err)
	}
}

func TestWhatMayBeMissingIsOptional(t *testing.T) {
	spec := &schema.PackageSpec{Types: map[string]schema.ComplexTypeSpec{}}
	for name, properties := range missing {
		spec.Types["tidegate:index/"+name+":"+name] = object(append([]string{"always"}, properties...), properties...)
	}
	if err := leaveOut(spec); err != nil {
		t.Fatal(err)
	}
	for token, o := range spec.Types {
		if !reflect.DeepEqual(o.Required, []string{"always"}) {
			t.Errorf("%s always has %v", token, o.Required)
		}
	}
	if err := leaveOut(spec); err == nil || !strings.Contains(err.Error(), "no required property") {
		t.Errorf("of a property that is optional already the error is %v", err)
	}
	if err := leaveOut(&schema.PackageSpec{}); err == nil || !strings.Contains(err.Error(), "there is no") {
		t.Errorf("of types that are gone the error is %v", err)
	}
}
