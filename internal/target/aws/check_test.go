package aws

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestCheckFindsWhatIsOfNoUseOnAWS(t *testing.T) {
	for name, c := range map[string]struct {
		region string
		edit   func(f *stack.Function)
		path   string
		want   string
	}{
		"nothing":                        {edit: func(*stack.Function) {}},
		"a destination of the open kind": {edit: func(f *stack.Function) { f.Async.OnFailure = stack.QueueARN("lost", false) }, path: `functions["fulfil"].async.on_failure`, want: "is of the open runtime, and this stack is to live on AWS"},
		"a permission of the open kind": {
			edit: func(f *stack.Function) {
				f.Permissions = []stack.Permission{{Actions: []string{"sqs:SendMessage"}, Resources: []string{"*", stack.QueueARN("orders", false)}}}
			},
			path: `functions["fulfil"].permissions[0].resources[1]`, want: "is of the open runtime",
		},
		"a key of another partition": {
			region: "cn-north-1", edit: func(f *stack.Function) { f.KMSKeyARN = "arn:aws:kms:eu-central-1:111111111111:key/k" },
			path: `functions["fulfil"].kms_key_arn`, want: "is of the partition aws, and the region cn-north-1 is in aws-cn",
		},
		"a note of secrets that makes the environment too large": {
			edit: func(f *stack.Function) {
				f.Environment, f.Secrets, f.SecretsVersion = map[string]string{"BIG": strings.Repeat("x", 4000)}, map[string]string{"KEY": strings.Repeat("y", 50)}, "1"
			},
			path: `functions["fulfil"].environment`, want: "Tidegate's note of the secrets' names have 4130 bytes as JSON, and Lambda allows 4096",
		},
		"no network": {
			edit: func(f *stack.Function) { f.Network = &stack.Network{Mode: stack.NetworkNone} },
			path: `functions["fulfil"].network.mode`, want: "Lambda runs no function without a network",
		},
		"too many permissions": {
			edit: func(f *stack.Function) {
				f.Permissions = []stack.Permission{{Actions: []string{"sqs:SendMessage"}, Resources: []string{"arn:aws:sqs:eu-central-1:111111111111:" + strings.Repeat("x", maxRolePolicy)}}}
			},
			path: `functions["fulfil"].permissions`, want: "IAM allows 10240",
		},
	} {
		t.Run(name, func(t *testing.T) {
			session := &session{place: place{partition: "aws", region: "eu-central-1", account: "111111111111"}}
			if c.region != "" {
				session.place = china().place
			}
			problems, err := connectedTo(session).Check(t.Context(), oneFunction(c.edit))
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if len(problems) > 0 {
					t.Errorf("Check finds %v", problems)
				}
				return
			}
			if len(problems) != 1 || problems[0].Paths[0] != c.path || !strings.Contains(problems[0].Message, c.want) {
				t.Errorf("Check finds %v, want %s at %s", problems, c.want, c.path)
			}
		})
	}
}

func TestCheckFindsDeadLettersOfTheOpenRuntime(t *testing.T) {
	s := stack.Stack{Name: "nightly", Trigger: stack.Trigger{Schedule: &stack.Schedule{Schedules: map[string]stack.ScheduleItem{"n": {DeadLetter: stack.QueueARN("lost", false)}}}}}
	problems, err := connectedTo(&session{}).Check(t.Context(), s)
	if err != nil || len(problems) != 1 || problems[0].Paths[0] != `schedules["n"].dead_letter` {
		t.Errorf("Check finds %v, %v", problems, err)
	}
}

func TestCheckCountsTheProvidersTagsWithTheStacks(t *testing.T) {
	tags := func(n int, prefix string) map[string]string {
		all := map[string]string{}
		for i := range n {
			all[fmt.Sprint(prefix, i)] = "x"
		}
		return all
	}
	for name, c := range map[string]struct {
		provider, stack map[string]string
		want            string
	}{
		"as many as there can be":               {provider: tags(20, "p"), stack: tags(25, "s")},
		"the same ones":                         {provider: tags(45, "s"), stack: tags(45, "s")},
		"one too many":                          {provider: tags(20, "p"), stack: tags(26, "s"), want: "there are 46 tags, with those of the provider's default_tags; there can be 45"},
		"ones that IAM cannot tell apart":       {provider: map[string]string{"Team": "x"}, stack: map[string]string{"team": "y"}, want: `the tags "Team" and "team" differ in case alone`},
		"ones that replace those of a provider": {provider: map[string]string{"team": "x"}, stack: map[string]string{"team": "y"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := oneFunction(func(*stack.Function) {})
			s.Tags = c.stack
			problems, err := connectedTo(&session{defaultTags: c.provider}).Check(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if len(problems) > 0 {
					t.Errorf("Check finds %v", problems)
				}
				return
			}
			if len(problems) != 1 || problems[0].Paths[0] != "tags" || !strings.Contains(problems[0].Message, c.want) {
				t.Errorf("Check finds %v, want %s", problems, c.want)
			}
		})
	}
}

func TestCheckFailsForWhoeverAWSDoesNotLetIn(t *testing.T) {
	why := errors.New("the credentials have expired")
	refused := connectedTo(nil)
	refused.failed = why
	if _, err := refused.Check(t.Context(), oneFunction(func(*stack.Function) {})); !errors.Is(err, why) {
		t.Errorf("Check says %v, want %v", err, why)
	}
}
