package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	rplugin "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// What a program of a language without types gets wrong is named, and no value is quoted, for
// it may be secret.
func TestBadInputsAreNamed(t *testing.T) {
	schema, err := os.ReadFile(filepath.Join("..", "..", "cmd", "pulumi-resource-tidegate", "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	types, err := newTypes(schema)
	if err != nil {
		t.Fatal(err)
	}
	type m = map[string]any
	functions := m{"greet": m{"source": "./greet", "runtime": "python3.13", "handler": "app.handler"}}
	greet := func(name string, value any) m {
		return m{"name": "orders", "functions": m{"greet": m{"runtime": "python3.13", name: value}}}
	}
	for _, bad := range []struct {
		inputs m
		says   string
	}{
		{m{"name": "orders"}, "`functions` is missing"},
		{m{"name": "orders", "functions": []any{functions}}, "`functions` is a map, not a list"},
		{m{"name": "orders", "functions": m{"greet": "sesame"}}, "`functions.greet` is an object of properties, not text"},
		{greet("memory", "sesame"), "`functions.greet.memory` is a number, not text"},
		{greet("memory", 128.5), "`functions.greet.memory` is a whole number"},
		{greet("memorySize", 128), "`functions.greet.memorySize` is not a property: there are architecture, "},
		{greet("memory_size", 128), "`functions.greet.memory_size` is not a property"},
		{greet("timeout", m{"seconds": "sesame"}), "`functions.greet.timeout` is text, not a map"},
		{greet("layers", "sesame"), "`functions.greet.layers` is a list, not text"},
		{greet("environment", m{"KEY": []any{"sesame"}}), "`functions.greet.environment.KEY` is text, not a list"},
		{greet("environment", resource.MakeSecret(resource.NewProperty("sesame"))), "`functions.greet.environment` is a map, not text"},
		{m{"name": "orders", "functions": functions, "fifo": "sesame"}, "`fifo` is either true or false, not text"},
		{m{"name": "orders", "functions": functions, "consumer": m{"batchSize": 5}}, "`consumer.function` is missing"},
		{m{"name": "orders", "functions": functions, "visibilityTimout": "sesame"}, "`visibilityTimout` is not a property"},
	} {
		failures := failuresOf(t, types, bad.inputs)
		if len(failures) != 1 || !strings.Contains(failures[0], bad.says) || strings.Contains(failures[0], "sesame") {
			t.Errorf("of %v it says %q; it should say %q", bad.inputs, failures, bad.says)
		}
	}
	for _, good := range []m{
		{"name": "orders", "functions": functions},
		{"name": resource.MakeComputed(resource.NewProperty("")), "functions": resource.MakeOutput(resource.NewProperty(""))},
		{"name": resource.MakeSecret(resource.NewProperty("orders")), "functions": functions, "fifo": "true", "consumer": nil},
		{"__defaults": []any{}, "name": "orders", "functions": functions},
		greet("memory", "256"),
		greet("environment", m{"COUNT": 3, "DEBUG": true}),
	} {
		if failures := failuresOf(t, types, good); len(failures) > 0 {
			t.Errorf("of %v it says %q", good, failures)
		}
	}
	arguments, err := rplugin.MarshalProperties(resource.NewPropertyMapFromMap(m{"stack": "sesame"}), rplugin.MarshalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	failures, err := types.function("tidegate:index/getStack:getStack", arguments)
	if err != nil || len(failures) != 2 || failures[0].GetReason() != "`name` is missing" {
		t.Errorf("of arguments it says %v, %v", failures, err)
	}
}

func failuresOf(t *testing.T, types *types, inputs map[string]any) []string {
	t.Helper()
	values, err := rplugin.MarshalProperties(resource.NewPropertyMapFromMap(inputs), rplugin.MarshalOptions{
		KeepUnknowns: true, KeepSecrets: true, KeepOutputValues: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	failures, err := types.resource("urn:pulumi:dev::shop::tidegate:index/queue:Queue::orders", values)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, f := range failures {
		reasons = append(reasons, f.GetReason())
	}
	return reasons
}
