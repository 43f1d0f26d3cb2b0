package plugin

import (
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge"
)

func TestNamesOfPythonWithinTheConfigurationAreTaken(t *testing.T) {
	info := bridge.Provider(t.Context())
	for given, want := range map[string]string{
		`{"max_retries":3,"default_tags":{"cost_centre":"x"}}`: `{"defaultTags":{"cost_centre":"x"},"maxRetries":3}`,
		`{"assume_role":{"role_arn":"a"}}`:                     `{"assumeRole":{"roleArn":"a"}}`,
		`{"assume_role_chains":[{"role_arn":"a"}]}`:            `{"assumeRoleChains":[{"roleArn":"a"}]}`,
		`{"no_such_thing":1}`:                                  `{"no_such_thing":1}`,
		`{"maxRetries":3}`:                                     `{"maxRetries":3}`,
		`not JSON`:                                             `not JSON`,
	} {
		config := settingsOf(t, map[string]any{"aws": given})
		nameSettings(info, config)
		if got := config.GetFields()["aws"].GetStringValue(); got != want {
			t.Errorf("%s becomes %s; it should be %s", given, got, want)
		}
	}
}

func TestNamesWithinASecretConfigurationAreTaken(t *testing.T) {
	config := settingsOf(t, map[string]any{"aws": map[string]any{
		"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
		"value":                            `{"access_key":"sesame"}`,
	}})
	nameSettings(bridge.Provider(t.Context()), config)
	if got := config.GetFields()["aws"].GetStructValue().GetFields()["value"]; got.GetStringValue() != `{"accessKey":"sesame"}` {
		t.Errorf("it becomes %v", got)
	}
}

func TestAnOptionalArgumentOfAFunctionIsAListForTheBridge(t *testing.T) {
	one := structpb.NewStringValue("2026-01-31T12:00:00Z")
	for _, c := range []struct {
		given *structpb.Value
		want  int
	}{
		{one, 1},
		{structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{one}}), 1},
		{structpb.NewNullValue(), 0},
		{nil, 0},
	} {
		arguments := map[string]*structpb.Value{}
		if c.given != nil {
			arguments["from"] = c.given
		}
		listed(arguments, "from")
		if got := arguments["from"].GetListValue().GetValues(); len(got) != c.want || c.want == 0 && len(arguments) > 0 {
			t.Errorf("%v becomes %v", c.given, arguments)
		}
	}
}
