package example

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-yaml/pkg/pulumiyaml"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge"
)

// spec is the package's schema, as generated.
func spec(t *testing.T) schema.PackageSpec {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "cmd", "pulumi-resource-tidegate", "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s schema.PackageSpec
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatTerraformSaysIsSaidInPCL(t *testing.T) {
	info := bridge.Provider(t.Context())
	for terraform, want := range map[string]string{
		// Names of properties change, keys of maps do not.
		`resource "tidegate_queue" "a" {
  consumer  = { batch_window = "1s" }
  functions = { dead_letter = { source = "${path.module}/f", environment = { batch_window = "1" } } }
}`: `resource a "tidegate:index/queue:Queue" {
  consumer  = { batchWindow = "1s" }
  functions = { dead_letter = { source = "./f", environment = { batch_window = "1" } } }
}`,
		`output "my_url" {
  value = tidegate_stack.a.functions["x_y"].function_url
}`: `output myUrl {
  value = a.functions["x_y"].functionUrl
}`,
		`data "tidegate_stack" "a" {
  name = "orders"
}`: `a = invoke("tidegate:index/getStack:getStack", {
  name = "orders"
})`,
		`output "hash" {
  value = provider::tidegate::package_hash("x")
}`: `hashResult = invoke("tidegate:index/packageHash:packageHash", "x")
output hash {
  value = hashResult
}`,
		`variable "api_key" {
  sensitive = true
}
resource "tidegate_stack" "a" { # why
  name = jsonencode({ a_b = [var.api_key] }) # what
}`: `config apiKey "string" {
  secret = true
}
resource a "tidegate:index/stack:Stack" { 
  name = toJSON({ a_b = [apiKey] }) 
}`,
	} {
		got, err := pcl(info, []byte(terraform))
		if err != nil || string(got) != want {
			t.Errorf("%s\nbecomes\n%s\nand the error %v; it should be\n%s", terraform, got, err, want)
		}
	}
}

// An example that cannot be translated is an error, not half an example.
func TestWhatIsNotKnownIsAnError(t *testing.T) {
	info := bridge.Provider(t.Context())
	for terraform, says := range map[string]string{
		`module "a" {}`:                                        "block module",
		`resource "aws_vpc" "a" {}`:                            "no resource aws_vpc",
		`data "aws_vpc" "a" {}`:                                "no data source aws_vpc",
		`provider "tidegate" { target = "aws" }`:               "without an alias",
		`output "a" { value = max(1, 2) }`:                     "called max",
		`output "a" { value = local.x }`:                       "begins with local",
		`output "a" { value = provider::tidegate::nothing() }`: "no function nothing",
		`output "a" { value = "${path.module}-${path.cwd}" }`:  "a template",
		`output "a" { value = 1 + 1 }`:                         "BinaryOpExpr",
		`output "a" {`:                                         "Unclosed",
	} {
		if _, err := pcl(info, []byte(terraform)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: the error is %v; it should say %q", terraform, err, says)
		}
	}
}

// The other languages' compilers look at their examples; YAML's are looked at as Pulumi
// would before it runs them.
func TestTheExamplesInYAMLAreWhatTheSchemaSays(t *testing.T) {
	s := spec(t)
	p, diags, err := schema.BindSpec(s, schema.NewNullLoader(), schema.ValidationOptions{})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	descriptions := map[string]string{"provider": s.Provider.Description}
	for token, r := range s.Resources {
		descriptions[token] = r.Description
	}
	for token, f := range s.Functions {
		descriptions[token] = f.Description
	}
	fence := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	for token, description := range descriptions {
		match := fence.FindStringSubmatch(description)
		if match == nil {
			t.Errorf("%s has no example in YAML", token)
			continue
		}
		template, read, err := pulumiyaml.LoadYAMLBytes(token, []byte(match[1]))
		if err != nil || read.HasErrors() {
			t.Errorf("%s: %v, %v", token, err, read)
			continue
		}
		runner, prepared, err := pulumiyaml.PrepareTemplate(template, nil, pulumiyaml.NewPackageLoaderFromSchemaLoader(loader{p}))
		if err != nil || prepared.HasErrors() {
			t.Errorf("%s: %v, %v", token, err, prepared)
			continue
		}
		if _, checked := pulumiyaml.TypeCheck(runner); checked.HasErrors() {
			t.Errorf("%s: %v", token, checked)
		}
	}
}

func TestAnExampleThatIsMissingIsNamed(t *testing.T) {
	s := spec(t)
	if err := Add(&s, bridge.Provider(t.Context()), t.TempDir()); err == nil || !strings.Contains(err.Error(), "provider.tf; write one") {
		t.Errorf("the error is %v", err)
	}
}
