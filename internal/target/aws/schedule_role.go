package aws

import (
	"slices"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// schedulerService is who takes on the role of a stack's schedules.
const schedulerService = "scheduler.amazonaws.com"

// scheduleRoleOf names the role of the schedules as that of a function would be named.
// No function can be called that, for names begin with a small letter.
const scheduleRoleOf = "Schedules"

// newScheduleRole is the role that a stack's schedules invoke functions as. Only they can
// take it on: https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
func newScheduleRole(i *inventory) *role {
	return &role{
		i: i, called: "schedule_role", roleName: i.roleName(i.name, scheduleRoleOf),
		shape: func(s stack.Stack) *roleShape {
			if s.Trigger.Schedule == nil {
				return nil
			}
			return &roleShape{
				trust: trust(schedulerService, map[string]map[string]policyWords{"StringEquals": {
					"aws:SourceAccount": {i.account}, "aws:SourceArn": {i.scheduleGroupARN(i.name)},
				}}),
				tags: i.tags(i.name, s.Tags, nil),
			}
		},
	}
}

// newSchedulePolicy is what the schedules may do.
func newSchedulePolicy(i *inventory, r *role) *rolePolicy {
	return &rolePolicy{i: i, called: "schedule_policy", role: r, statements: i.scheduleStatements}
}

// scheduleStatements let the schedules invoke the functions that they name, by their
// aliases, and send what was given up to its dead letters.
func (p place) scheduleStatements(s stack.Stack) []policyStatement {
	var functions, queues policyWords
	if s.Trigger.Schedule != nil {
		for _, item := range s.Trigger.Schedule.Schedules {
			if item.Function != "" {
				functions = append(functions, p.functionARN(stack.FullName(s.Name, item.Function), stack.AliasLive))
			}
			if item.DeadLetter != "" {
				queues = append(queues, item.DeadLetter)
			}
		}
	}
	var statements []policyStatement
	add := func(sid string, resources policyWords, action string) {
		if len(resources) > 0 {
			slices.Sort(resources)
			statements = append(statements, allow(sid, slices.Compact(resources), action))
		}
	}
	add("Functions", functions, "lambda:InvokeFunction")
	add("DeadLetters", queues, "sqs:SendMessage")
	return statements
}
