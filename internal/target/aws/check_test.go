package aws

import (
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
		"a key of any region's partition": {edit: func(f *stack.Function) { f.KMSKeyARN = "arn:aws-cn:kms:cn-north-1:111111111111:key/k" }},
		"too many permissions": {
			edit: func(f *stack.Function) {
				f.Permissions = []stack.Permission{{Actions: []string{"sqs:SendMessage"}, Resources: []string{"arn:aws:sqs:eu-central-1:111111111111:" + strings.Repeat("x", maxRolePolicy)}}}
			},
			path: `functions["fulfil"].permissions`, want: "IAM allows 10240",
		},
	} {
		t.Run(name, func(t *testing.T) {
			target := &Target{options: Options{Region: c.region}}
			problems, err := target.Check(t.Context(), oneFunction(c.edit))
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
	problems, err := (&Target{}).Check(t.Context(), s)
	if err != nil || len(problems) != 1 || problems[0].Paths[0] != `schedules["n"].dead_letter` {
		t.Errorf("Check finds %v, %v", problems, err)
	}
}
