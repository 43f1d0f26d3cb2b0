package main

import (
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

func TestDescriptionsQuoteNamesAsTheLanguageWritesThem(t *testing.T) {
	const description = "Needs a `batchWindow`, unless `handler` or `notOurs` is set; `tidegate.nextRuns` tells, of a `tidegate.Queue`."
	for _, c := range []struct {
		property func(string) string
		want     string
	}{
		{same, description},
		{python.PyName, "Needs a `batch_window`, unless `handler` or `notOurs` is set; `tidegate.next_runs` tells, of a `tidegate.Queue`."},
	} {
		text := schema.TypeSpec{Type: "string"}
		spec := schema.PackageSpec{
			Name:     "tidegate",
			Provider: &schema.ResourceSpec{},
			Types: map[string]schema.ComplexTypeSpec{"t": {ObjectTypeSpec: schema.ObjectTypeSpec{
				Description: description,
				Properties:  map[string]schema.PropertySpec{"batchWindow": {TypeSpec: text}, "handler": {TypeSpec: text}},
			}}},
			Functions: map[string]schema.FunctionSpec{"tidegate:index/nextRuns:nextRuns": {}},
		}
		inflect(&spec, c.property)
		if got := spec.Types["t"].Description; got != c.want {
			t.Errorf("it says %s\nit should say %s", got, c.want)
		}
	}
}
