package plugin

import (
	"encoding/json"
	"testing"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/reservedkeys"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	rplugin "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// What is kept for Terraform's state says no longer what is null, and all else as before.
func TestNullsAreNotKept(t *testing.T) {
	replace := func(raw any) any { return map[string]any{"replace": map[string]any{"raw": raw}} }
	type m = map[string]any
	properties := resource.NewPropertyMapFromMap(m{
		"tags":      m{"a": "b"},
		"functions": m{"greet": m{"memory": 128, "handler": "greet", "permissions": []any{m{"actions": "read"}}}},
	})
	properties["functions"] = resource.MakeSecret(properties["functions"])
	var d tfbridge.RawStateDelta
	text, err := json.Marshal(m{"obj": m{"ps": m{
		"tags": m{"map": m{}}, "roleArn": replace(nil), "revision": replace("7"),
		"functions": m{"map": m{"el": m{"greet": m{"obj": m{
			"renamed": m{"permissions": "rights"},
			"ps": m{
				"url": replace(nil), "handler": replace(nil), "logs": replace(m{"days": 1}),
				"permissions": m{"arr": m{"el": m{"0": m{"obj": m{"ps": m{"resource": replace(nil)}}}}}},
			},
		}}}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	properties[reservedkeys.RawStateDelta] = d.Marshal()

	options := rplugin.MarshalOptions{KeepSecrets: true}
	marshalled, err := rplugin.MarshalProperties(properties, options)
	if err != nil {
		t.Fatal(err)
	}
	withoutNulls(marshalled)
	kept, err := rplugin.UnmarshalProperties(marshalled, options)
	if err != nil {
		t.Fatal(err)
	}
	slim, err := tfbridge.UnmarshalRawStateDelta(kept[reservedkeys.RawStateDelta])
	if err != nil {
		t.Fatal(err)
	}
	state, err := slim.Recover(resource.NewObjectProperty(kept))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"functions":{"greet":{"handler":null,"logs":{"days":1},"memory":128,"rights":[{"actions":"read"}]}},"revision":"7","tags":{"a":"b"}}`
	var got any
	if err := json.Unmarshal(state, &got); err != nil {
		t.Fatal(err)
	}
	if sorted, _ := json.Marshal(got); string(sorted) != want {
		t.Errorf("the state is %s, want %s", sorted, want)
	}
	if delta := kept[reservedkeys.RawStateDelta].ObjectValue()["obj"].ObjectValue()["ps"].ObjectValue(); !delta["revision"].IsSecret() {
		t.Errorf("what is not null is no secret any more: %v", delta["revision"])
	}
}
