package plugin

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge"
)

// What `pulumi config set`, a program or the environment has got wrong in the provider's
// configuration is named, and no value is quoted, for it may be secret.
func TestBadSettingsAreNamed(t *testing.T) {
	info := bridge.Provider(t.Context())
	for _, bad := range []struct {
		settings map[string]any
		says     string
	}{
		{map[string]any{"open": `{"endpont": "sesame"}`}, "`open.endpont` is not a property of the provider: `open` has endpoint, token"},
		{map[string]any{"open": map[string]any{"endpont": "sesame"}}, "`open.endpont` is not a property"},
		{map[string]any{"open": "http://sesame"}, "`open` holds properties: give them one by one, as by `pulumi config set --path tidegate:open.endpoint VALUE`"},
		{map[string]any{"aws": `{"max_retries": 3}`}, "`aws.max_retries` is not a property"},
		{map[string]any{"aws": `{"maxRetries": "sesame"}`}, "`aws.maxRetries` is a number"},
		{map[string]any{"aws": `{"region": ["sesame"]}`}, "`aws.region` is text"},
		{map[string]any{"aws": `{"defaultTags": "sesame"}`}, "`aws.defaultTags` holds values by their names"},
		{map[string]any{"aws": `{"assumeRole": {"rolearn": "sesame"}}`}, "`aws.assumeRole.rolearn` is not a property"},
	} {
		failures := badSettings(info, settingsOf(t, bad.settings))
		if len(failures) != 1 || !strings.Contains(failures[0].GetReason(), bad.says) || strings.Contains(failures[0].GetReason(), "sesame") {
			t.Errorf("of %v it says %v; it should say %q", bad.settings, failures, bad.says)
		}
	}
	for _, good := range []map[string]any{
		{},
		{"target": "aws", "aws": `{"region": "eu-central-1", "maxRetries": 3, "defaultTags": {"team": 3}}`},
		{"aws": `{"maxRetries": "3"}`},
		{"open": ""},
		{"open": map[string]any{"endpoint": "http://127.0.0.1:7420"}},
		{"open": `{"token": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "sesame"}}`},
		// What is an outermost property, the bridge knows.
		{"version": "1.2.3"},
	} {
		if failures := badSettings(info, settingsOf(t, good)); len(failures) > 0 {
			t.Errorf("of %v it says %v", good, failures)
		}
	}
}

func settingsOf(t *testing.T, values map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(values)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A plan that failed is told of without the frame that the bridge puts around its errors.
func TestErrorsOfAPlanAreSentences(t *testing.T) {
	for framed, want := range map[string]string{
		"1 error occurred:\n\t* : Cannot check it: It is not there. - \n\n":  "Cannot check it: It is not there.",
		"2 errors occurred:\n\t* : One thing. - \n\t* : And another. - \n\n": "One thing.\nAnd another.",
		"Cannot reach the runtime": "Cannot reach the runtime",
	} {
		if got := unlisted(framed); got != want {
			t.Errorf("%q becomes %q; it should be %q", framed, got, want)
		}
	}
}
