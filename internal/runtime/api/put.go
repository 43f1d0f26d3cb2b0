package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/deploy"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// putStack checks a stack whole, then makes it what is deployed.
func (s *Server) putStack(ctx context.Context, in *putStackInput) (*store.Record, error) {
	wanted := in.value
	if wanted.Name == "" {
		wanted.Name = in.Stack
	}
	if wanted.Name != in.Stack {
		return nil, invalid(stack.Problems{{
			Paths:   []string{"name"},
			Message: fmt.Sprintf("is %q, but the request is for stack %q", wanted.Name, in.Stack),
		}})
	}
	if _, err := person(in.By); err != nil {
		return nil, err
	}
	sizes, err := s.check(ctx, wanted.WithDefaults())
	if err != nil {
		return nil, err
	}
	return s.change(ctx, in.Stack, joining{in.Precondition}, func(old *store.Record) (*store.Record, error) {
		next, published, err := deploy.Deploy(old, wanted, in.By, s.Now().UTC(), func(sha string) int64 { return sizes[sha] })
		if err != nil {
			return nil, s.underWayProblem(err)
		}
		switch {
		case deploy.UnderWay(old): // It is joined.
		case in.Creation == "":
			next.Creation = stack.CreationFinished
		case old == nil || old.Deleted:
			next.Creation = stack.CreationUnfinished
		}
		for _, p := range published {
			s.Log.InfoContext(ctx, "publishing", "stack", in.Stack, "function", p.Function, "version", p.Version)
		}
		if deploy.UnderWay(next) && !deploy.UnderWay(old) {
			s.Log.InfoContext(ctx, "a release begins", "stack", in.Stack, "release", next.Release.ID, "policy", next.Release.Policy.String())
		}
		return next, nil
	})
}

// putFunction checks a stack with the changed function in it, then changes the
// function.
func (s *Server) putFunction(ctx context.Context, in *putFunctionInput) (*store.Record, error) {
	return s.changeFunction(ctx, &in.FunctionChange, func(old *store.Record) (*store.Record, error) {
		next, err := deploy.UpdateFunction(old, in.Function, in.value)
		if err != nil {
			return nil, err
		}
		_, err = s.check(ctx, stack.Stack{
			Name:      next.Stack.Name,
			Functions: map[string]stack.Function{in.Function: next.Stack.Functions[in.Function]},
		})
		return next, err
	})
}

// check says everything that is wrong with a stack, and changes nothing. It
// returns the sizes of the packages that the stack names, by their CodeSHA256.
func (s *Server) check(ctx context.Context, wanted stack.Stack) (map[string]int64, error) {
	problems := append(wanted.Validate().Errors(), s.checkHost(wanted)...)
	if len(problems) > 0 {
		return nil, invalid(problems)
	}
	sizes, err := s.checkPackages(ctx, wanted)
	if err != nil {
		return nil, err
	}
	problems, err = s.checkHandlers(ctx, wanted)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, invalid(problems)
	}
	return sizes, nil
}

// checkHost says what this host cannot run.
func (s *Server) checkHost(wanted stack.Stack) stack.Problems {
	var problems stack.Problems
	if r := wanted.Release; r != nil && r.Gate != nil && len(r.Gate.Alarms) > 0 {
		problems = append(problems, stack.Problem{
			Paths: []string{"release.gate.alarms"},
			Message: "names alarms of CloudWatch, which this runtime knows nothing of; leave it out, and give the gate limits " +
				"(max_error_rate, max_p95_ratio, max_throttle_rate), which the runtime measures itself",
		})
	}
	for _, name := range wanted.FunctionNames() {
		f := wanted.Functions[name]
		attribute := func(a string) []string { return []string{fmt.Sprintf("functions[%q].%s", name, a)} }
		if f.Image != "" {
			problems = append(problems, stack.Problem{
				Paths:   attribute("image"),
				Message: "is an image, and this runtime runs packages only; send a package, with a code_sha256 and a runtime",
			})
			continue
		}
		if err := s.Runtimes.Check(f.Runtime); err != nil {
			problems = append(problems, stack.Problem{Paths: attribute("runtime"), Message: err.Error()})
		}
		if f.Architecture != "" && f.Architecture != s.Host.Architecture {
			problems = append(problems, stack.Problem{
				Paths:   attribute("architecture"),
				Message: fmt.Sprintf("is %s, but this host is %s; leave it out, or run the runtime on another host", f.Architecture, s.Host.Architecture),
			})
		}
	}
	return problems
}

// checkPackages says which packages were not uploaded.
func (s *Server) checkPackages(ctx context.Context, wanted stack.Stack) (map[string]int64, error) {
	sizes := map[string]int64{}
	var missing []ProblemItem
	look := func(sha, attribute string) error {
		if _, known := sizes[sha]; known {
			return nil
		}
		has, err := s.Store.HasPackage(ctx, sha)
		if err != nil {
			return s.internal(ctx, "look for a package", err)
		}
		if !has {
			missing = append(missing, ProblemItem{Location: attribute, Message: fmt.Sprintf("package %s was not uploaded", sha)})
			return nil
		}
		if sizes[sha], err = s.Store.PackageSize(ctx, sha); err != nil {
			return s.internal(ctx, "look for a package", err)
		}
		return nil
	}
	for _, name := range wanted.FunctionNames() {
		f := wanted.Functions[name]
		if err := look(f.CodeSHA256, fmt.Sprintf("functions[%q].code_sha256", name)); err != nil {
			return nil, err
		}
		for i, layer := range f.Layers {
			if err := look(layer, fmt.Sprintf("functions[%q].layers[%d]", name, i)); err != nil {
				return nil, err
			}
		}
	}
	if len(missing) > 0 {
		return nil, withItems(http.StatusFailedDependency, "the stack cannot be deployed", missing)
	}
	return sizes, nil
}
