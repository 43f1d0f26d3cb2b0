package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/aws-sdk-go-base/v2/endpoints"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Check says what of a valid stack AWS cannot honour; see target.Target. It asks
// nobody: what only AWS can tell, it tells when applying.
func (t *Target) Check(_ context.Context, s stack.Stack) (stack.Problems, error) {
	p := place{partition: "aws", region: first(t.options.Region, "eu-central-1"), account: stack.Account}
	if partition, ok := endpoints.PartitionForRegion(endpoints.DefaultPartitions(), p.region); ok {
		p.partition = partition.ID()
	}
	problems := slices.Concat(p.checkPolicies(s), checkURLs(s))
	for path, arn := range arnsOf(s) {
		if wrong := p.unreachable(arn, t.options.Region != ""); wrong != "" {
			problems = append(problems, stack.Problem{Paths: []string{path}, Message: wrong})
		}
	}
	slices.SortStableFunc(problems, func(a, b stack.Problem) int { return strings.Compare(a.Paths[0], b.Paths[0]) })
	return problems, nil
}

// arnsOf are the ARNs in a stack, by the attributes that hold them.
func arnsOf(s stack.Stack) map[string]string {
	arns := map[string]string{}
	for name, f := range s.Functions {
		path := fmt.Sprintf("functions[%q]", name)
		arns[path+".role_arn"] = f.RoleARN
		arns[path+".kms_key_arn"] = f.KMSKeyARN
		arns[path+".async.on_failure"] = f.Async.OnFailure
		arns[path+".async.on_success"] = f.Async.OnSuccess
		for n, permission := range f.Permissions {
			for m, resource := range permission.Resources {
				arns[fmt.Sprintf("%s.permissions[%d].resources[%d]", path, n, m)] = resource
			}
		}
	}
	if s.Trigger.Schedule != nil {
		for name, schedule := range s.Trigger.Schedule.Schedules {
			arns[fmt.Sprintf("schedules[%q].dead_letter", name)] = schedule.DeadLetter
		}
	}
	maps.DeleteFunc(arns, func(_, arn string) bool { return arn == "" })
	return arns
}

// unreachable says why nothing on AWS has this ARN; "" if something may. The partition
// counts only if it is certain.
func (p place) unreachable(text string, certain bool) string {
	arn, err := stack.ParseARN(text)
	switch {
	case err != nil: // A wildcard, or what the model allows besides.
		return ""
	case arn.Region == stack.Region:
		return fmt.Sprintf("%s is of the open runtime, and this stack is to live on AWS; name its counterpart there", text)
	case certain && !strings.ContainsAny(arn.Partition, "*?") && arn.Partition != p.partition:
		return fmt.Sprintf("%s is of the partition %s, and the region %s is in %s; nothing reaches from one into the other", text, arn.Partition, p.region, p.partition)
	}
	return ""
}
