package open

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Check finds what the runtime's host cannot run: images, runtime identifiers that
// it has no interpreter for, architectures that are not its own, and alarms. It warns
// of what the runtime keeps, but has no counterpart for; see target.Target.
func (c *Client) Check(ctx context.Context, s stack.Stack) (stack.Problems, error) {
	var problems stack.Problems
	for _, name := range s.FunctionNames() {
		found, err := c.checkFunction(ctx, s.Functions[name], fmt.Sprintf("functions[%q]", name))
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	if r := s.Release; r != nil && r.Gate != nil && len(r.Gate.Alarms) > 0 {
		problems = append(problems, stack.Problem{
			Paths:   []string{"release.gate.alarms"},
			Message: "alarms are CloudWatch's, and the open runtime has none; give the gate other conditions, or deploy the stack to AWS",
		})
	}
	if api := s.Trigger.HTTPAPI; api != nil && api.AccessLog != nil {
		problems = append(problems, ignored("access_log", "the open runtime writes no access log; functions' own log lines are kept, and /metrics counts invocations"))
	}
	return problems, nil
}

func (c *Client) checkFunction(ctx context.Context, f stack.Function, path string) (stack.Problems, error) {
	problems := ignoredSettings(f, path)
	if f.Image != "" {
		problems = append(problems, stack.Problem{
			Paths:   []string{path + ".image"},
			Message: "the open runtime runs packages only, no images; give the function a source and a runtime instead, or deploy it to AWS",
		})
	}
	if f.Runtime != "" {
		available, err := c.Runtimes(ctx)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(available, f.Runtime) {
			problems = append(problems, stack.Problem{
				Paths:   []string{path + ".runtime"},
				Message: fmt.Sprintf("%s is not available on the host of the runtime at %s, which has: %s", f.Runtime, c.endpoint, strings.Join(available, ", ")),
			})
		}
	}
	if f.Network != nil && f.Network.Mode == stack.NetworkNone {
		host, err := c.Host(ctx)
		if err != nil {
			return nil, err
		}
		for _, missing := range host.Isolation.Missing {
			if reason, ok := strings.CutPrefix(missing, networkMeasure+": "); ok {
				problems = append(problems, stack.Problem{
					Paths: []string{path + ".network.mode", path + ".network"},
					Message: fmt.Sprintf("the host of the runtime at %s cannot keep a function from its network (%s); "+
						"run the runtime on a host that allows network namespaces, or leave the mode out", c.endpoint, reason),
				})
			}
		}
	}
	if f.Architecture != "" {
		host, err := c.Host(ctx)
		if err != nil {
			return nil, err
		}
		if f.Architecture != host.Architecture {
			problems = append(problems, stack.Problem{
				Paths:   []string{path + ".architecture"},
				Message: fmt.Sprintf("the host of the runtime at %s is %s, not %s; leave the architecture out, or run the runtime on another host", c.endpoint, host.Architecture, f.Architecture),
			})
		}
	}
	return problems, nil
}

// networkMeasure is what the runtime calls it in its report that functions have networks
// of their own.
const networkMeasure = "network namespace per instance"

// ignoredSettings warns of a function's settings that only AWS has.
func ignoredSettings(f stack.Function, path string) stack.Problems {
	var problems stack.Problems
	if f.RoleARN != "" {
		problems = append(problems, ignored(path+".role_arn", "the open runtime has no roles; there the function may do only what its permissions say, and with a role it has none"))
	}
	if f.Network != nil && f.Network.Mode == "" {
		problems = append(problems, ignored(path+".network", "the open runtime has no private networks; there the function reaches what the host does"))
	}
	if f.KMSKeyARN != "" {
		problems = append(problems, ignored(path+".kms_key_arn", "the open runtime has no keys; there the environment lies unencrypted in the runtime's data folder"))
	}
	return problems
}

// ignored is a warning of something that the runtime keeps and does nothing with.
func ignored(path, message string) stack.Problem {
	return stack.Problem{Paths: []string{path}, Message: message + "; this changes nothing on AWS", Warning: true}
}
