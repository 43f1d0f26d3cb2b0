package aws

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// maxTags is what a stack's and the provider's tags may be together: AWS allows fifty
// on one thing, and the marker has four of Tidegate's own.
const maxTags = 45

// Check says what of a valid stack AWS cannot honour; see target.Target. It connects, so
// that whoever AWS does not let in learns so while planning, also of a stack that there
// is nothing to read of yet. What else only AWS can tell, it tells when applying.
func (t *Target) Check(ctx context.Context, s stack.Stack) (stack.Problems, error) {
	session, err := t.session(ctx)
	if err != nil {
		return nil, err
	}
	problems := slices.Concat(session.checkPolicies(s), checkURLs(s), checkNetworks(s), session.checkTags(s), checkEnvironments(s))
	missing, err := session.checkAlarms(ctx, s)
	if err != nil {
		return nil, explain(err)
	}
	problems = append(problems, missing...)
	for path, arn := range arnsOf(s) {
		if wrong := session.unreachable(arn); wrong != "" {
			problems = append(problems, stack.Problem{Paths: []string{path}, Message: wrong})
		}
	}
	slices.SortStableFunc(problems, func(a, b stack.Problem) int { return strings.Compare(a.Paths[0], b.Paths[0]) })
	return problems, nil
}

// checkAlarms finds alarms of a release's gate that do not exist.
func (s *session) checkAlarms(ctx context.Context, of stack.Stack) (stack.Problems, error) {
	if of.Release == nil || of.Release.Gate == nil || len(of.Release.Gate.Alarms) == 0 {
		return nil, nil
	}
	states, err := s.alarms(ctx, of.Release.Gate.Alarms)
	if err != nil {
		return nil, err
	}
	var problems stack.Problems
	for n, name := range of.Release.Gate.Alarms {
		if _, ok := states[name]; !ok {
			problems = append(problems, stack.Problem{
				Paths:   []string{fmt.Sprintf("release.gate.alarms[%d]", n), "release.gate.alarms"},
				Message: fmt.Sprintf("there is no CloudWatch alarm %q in this account and region; correct its name, or make it first", name),
			})
		}
	}
	return problems, nil
}

// checkTags finds tags that are good in themselves and not together with the provider's.
func (s *session) checkTags(of stack.Stack) stack.Problems {
	all := maps.Clone(s.defaultTags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, of.Tags)
	problems := stack.DistinctTags("tags", all)
	if len(all) > maxTags {
		problems = append(problems, stack.Problem{
			Paths: []string{"tags"},
			Message: fmt.Sprintf("there are %d tags, with those of the provider's default_tags; there can be %d, "+
				"since AWS allows 50 and Tidegate adds its own", len(all), maxTags),
		})
	}
	return problems
}

// checkNetworks finds functions that are to have no network: Lambda gives every one a
// network.
func checkNetworks(s stack.Stack) stack.Problems {
	var problems stack.Problems
	for _, name := range s.FunctionNames() {
		if n := s.Functions[name].Network; n != nil && n.Mode == stack.NetworkNone {
			path := fmt.Sprintf("functions[%q].network", name)
			problems = append(problems, stack.Problem{
				Paths: []string{path + ".mode", path},
				Message: "Lambda runs no function without a network; put it into subnets without a way out, with a security group " +
					"that lets nothing out, or deploy it to the open runtime",
			})
		}
	}
	return problems
}

// checkEnvironments finds functions whose variables are more than Lambda takes only with
// the one that Tidegate adds.
func checkEnvironments(s stack.Stack) stack.Problems {
	var problems stack.Problems
	for _, name := range s.FunctionNames() {
		f, path := s.Functions[name], fmt.Sprintf("functions[%q]", name)
		if err := checkEnvironment(joinEnvironment(f.Environment, f.Secrets, f.SecretsVersion)); err != nil {
			problems = append(problems, stack.Problem{
				Paths:   []string{path + ".environment", path + ".secrets_wo", path + ".secrets_version"},
				Message: err.Error(),
			})
		}
	}
	return problems
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

// unreachable says why nothing on AWS has this ARN; "" if something may.
func (p place) unreachable(text string) string {
	arn, err := stack.ParseARN(text)
	switch {
	case err != nil: // A wildcard, or what the model allows besides.
		return ""
	case arn.Region == stack.Region:
		return fmt.Sprintf("%s is of the open runtime, and this stack is to live on AWS; name its counterpart there", text)
	case !strings.ContainsAny(arn.Partition, "*?") && arn.Partition != p.partition:
		return fmt.Sprintf("%s is of the partition %s, and the region %s is in %s; nothing reaches from one into the other", text, arn.Partition, p.region, p.partition)
	}
	return ""
}
