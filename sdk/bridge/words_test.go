package bridge

import "testing"

func TestSentencesSpeakOfPulumi(t *testing.T) {
	words := NewWords(Provider(t.Context()))
	for said, want := range map[string]string{
		// Names of attributes, resources, data sources and functions.
		`functions["fulfil"].keep_versions is 1 to 100`:           `functions["fulfil"].keepVersions is 1 to 100`,
		"bind it to a tidegate_http_api":                          "bind it to a tidegate.HttpApi",
		"tidegate_releases has them all":                          "tidegate.getReleases has them all",
		"provider::tidegate::next_runs shows what it means":       "tidegate.nextRuns shows what it means",
		"assume_role_with_web_identity and assume_role are roles": "assumeRoleWithWebIdentity and assumeRole are roles",
		"auth.audience is empty":                                  "auth.audiences is empty",
		// Values stay as they are.
		"architecture is x86_64 or arm64":                        "architecture is x86_64 or arm64",
		"strategy is all_at_once, canary, linear or blue_green":  "strategy is all_at_once, canary, linear or blue_green",
		"the queue's URL is http://127.0.0.1:7421/queues/my_own": "the queue's URL is http://127.0.0.1:7421/queues/my_own",
		"the audience waits":                                     "the audience waits",
		// Commands.
		"import it with terraform import tidegate_queue.orders orders": "import it with pulumi import tidegate:index/queue:Queue orders orders",
		"use terraform import tidegate_nothing.orders orders":          "use terraform import tidegate_nothing.orders orders",
		"run Terraform again":                 "run Pulumi again",
		"the next apply goes on":              "the next pulumi up goes on",
		"nothing was changed now: plan again": "nothing was changed now: run pulumi refresh, and pulumi up again",
		// Where something is, as the bridge writes it.
		`[AttributeName("functions").ElementKeyString("a").AttributeName("keep_versions")] Too many`: `functions["a"].keepVersions: Too many`,
		`[AttributeName("consumer").AttributeName("filters").ElementKeyInt(2)] No JSON`:              `consumer.filters[2]: No JSON`,
	} {
		if got := words.Sentence(said); got != want {
			t.Errorf("%s\nbecomes   %s\nshould be %s", said, got, want)
		}
	}
}

func TestNamesOfPulumi(t *testing.T) {
	properties := NewWords(Provider(t.Context())).Properties()
	for attribute, want := range map[string]string{
		"batch_window": "batchWindow", "secrets_wo": "secretsWo", "code_sha256": "codeSha256",
		"max_p95_ratio": "maxP95Ratio", "kms_key_arn": "kmsKeyArn", "audience": "audiences",
	} {
		if got := properties[attribute]; got != want {
			t.Errorf("%s is called %q; it should be %q", attribute, got, want)
		}
	}
	if name, ok := properties["timeouts"]; ok {
		t.Errorf("timeouts is called %q; it should be left out", name)
	}
	for name, want := range map[string]string{"shop": "shop", "api_key": "apiKey", "a__b": "aB"} {
		if got := Camel(name); got != want {
			t.Errorf("%s becomes %s; it should be %s", name, got, want)
		}
	}
}
