package aws

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestCORSOfAURLIsKeptAsItIsSpelledIfThatSaysTheSame(t *testing.T) {
	prior := &stack.CORS{AllowOrigins: []string{"https://b.example", "https://a.example"}, AllowHeaders: []string{"X-Trace", "date"}}
	for name, c := range map[string]struct{ have, want *stack.CORS }{
		"the same":        {&stack.CORS{AllowOrigins: []string{"https://a.example", "https://b.example"}, AllowHeaders: []string{"date", "x-trace"}}, prior},
		"another origin":  {&stack.CORS{AllowOrigins: []string{"https://a.example"}, AllowHeaders: []string{"date", "x-trace"}}, nil},
		"another age":     {&stack.CORS{AllowOrigins: prior.AllowOrigins, AllowHeaders: prior.AllowHeaders, MaxAge: seconds(5)}, nil},
		"with cookies":    {&stack.CORS{AllowOrigins: prior.AllowOrigins, AllowHeaders: prior.AllowHeaders, AllowCredentials: true}, nil},
		"further methods": {&stack.CORS{AllowOrigins: prior.AllowOrigins, AllowHeaders: prior.AllowHeaders, AllowMethods: []string{"GET"}}, nil},
		"exposed headers": {&stack.CORS{AllowOrigins: prior.AllowOrigins, AllowHeaders: prior.AllowHeaders, ExposeHeaders: []string{"date"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := oneFunction(func(f *stack.Function) { f.URL = &stack.FunctionURL{Auth: "iam", InvokeMode: "buffered", CORS: prior} })
			i := newInventory(china(), shapeOf(s))
			u := i.functions["fulfil"].url
			u.have = &functionURLFacts{FunctionURL: stack.FunctionURL{Auth: "iam", InvokeMode: "buffered", CORS: c.have}}
			d := &stack.Deployment{Stack: s, Functions: map[string]stack.FunctionStatus{}}
			u.show(d)
			want := c.want
			if want == nil {
				want = c.have
			}
			if diff := cmp.Diff(want, d.Stack.Functions["fulfil"].URL.CORS); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCORSOfAURLWithTooMuchIsAProblem(t *testing.T) {
	with := func(cors stack.CORS) stack.Stack {
		return oneFunction(func(f *stack.Function) { f.URL = &stack.FunctionURL{CORS: &cors} })
	}
	many := make([]string, maxURLList+1)
	for attribute, cors := range map[string]stack.CORS{
		"allow_origins":  {AllowOrigins: many},
		"allow_methods":  {AllowMethods: many[:maxURLMethods+1]},
		"allow_headers":  {AllowHeaders: many},
		"expose_headers": {ExposeHeaders: many},
	} {
		problems := checkURLs(with(cors))
		if len(problems) != 1 || problems[0].Paths[0] != `functions["fulfil"].url.cors.`+attribute {
			t.Errorf("too much in %s is %v", attribute, problems)
		}
	}
	enough := stack.CORS{AllowOrigins: many[1:], AllowMethods: many[:maxURLMethods], AllowHeaders: many[1:], ExposeHeaders: many[1:]}
	if problems := checkURLs(with(enough)); len(problems) > 0 {
		t.Errorf("what fits is %v", problems)
	}
}
