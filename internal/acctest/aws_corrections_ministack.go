package acctest

import (
	"net/url"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// addressAPI gives HTTP APIs the addresses at which their stages $default answer.
func addressAPI(_ *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	answer, err := ask(r)
	if err != nil || !answer.OK() {
		return answer, err
	}
	address := func(api map[string]any) {
		at, _ := api["apiEndpoint"].(string)
		if id, host, found := strings.Cut(strings.TrimPrefix(at, "http://"), ".execute-api."); found {
			emulator := harness.Emulator{URL: (&url.URL{Scheme: "http", Host: host}).String()}
			api["apiEndpoint"] = emulator.HTTPAPI(id, "$default")
		}
	}
	answer.EditJSON(func(body map[string]any) {
		address(body)
		items, _ := body["items"].([]any)
		for _, item := range items {
			if api, ok := item.(map[string]any); ok {
				address(api)
			}
		}
	})
	return answer, nil
}
