package aws

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// What is set on a function's alias, each with a file of its own: reserved and
// provisioned concurrency, asynchronous settings, the URL and the permissions.
func (f *functionParts) aliasSettings() []component {
	return []component{f.concurrency, f.async, f.provisioned, f.url, f.permissions}
}

// observeAliasSettings reads what is set on the alias of the function "fulfil".
func (m *emulatorAccount) observeAliasSettings(t *testing.T, s stack.Stack, apiID string) *inventory {
	t.Helper()
	i := newInventory(m.session, shapeOf(s))
	if i.api != nil && apiID != "" {
		i.api.api.have = &gatewaytypes.Api{ApiId: &apiID}
	}
	f := i.functions["fulfil"]
	for _, c := range append([]component{f.function}, f.aliasSettings()...) {
		if err := c.read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

// applyAliasSettings makes what is set on the alias what the stack says, as deploy does,
// and checks that what it shows then is what the next read shows.
func (m *emulatorAccount) applyAliasSettings(t *testing.T, i *inventory, s stack.Stack, apiID string) {
	t.Helper()
	i.want(s)
	for _, c := range i.functions["fulfil"].aliasSettings() {
		if c.wanted() {
			if err := c.apply(t.Context()); err != nil {
				t.Fatalf("cannot make the %s: %v", c.subject(), err)
			}
		}
	}
	for _, c := range slices.Backward(i.functions["fulfil"].aliasSettings()) {
		if !c.wanted() && c.exists() {
			if err := c.remove(t.Context()); err != nil {
				t.Fatalf("cannot remove the %s: %v", c.subject(), err)
			}
		}
	}
	if diff := cmp.Diff(viewAliasSettings(i, s), viewAliasSettings(m.observeAliasSettings(t, s, apiID), s)); diff != "" {
		t.Errorf("what was applied is not what is read then (-applied +read):\n%s", diff)
	}
}

// aliasView is what there is to see of what is set on an alias.
type aliasView struct {
	Concurrency stack.Concurrency
	Async       stack.Async
	URL         *stack.FunctionURL
	// HasURL tells whether there is an address; States are the components that are not
	// ready.
	HasURL bool
	States map[string]string
}

func viewAliasSettings(i *inventory, prior stack.Stack) aliasView {
	prior.Functions = maps.Clone(prior.Functions)
	d := &stack.Deployment{Stack: prior, Functions: map[string]stack.FunctionStatus{}}
	for _, c := range i.functions["fulfil"].aliasSettings() {
		if c.exists() {
			c.show(d)
		}
	}
	i.want(d.Stack)
	f := d.Stack.Functions["fulfil"]
	view := aliasView{f.Concurrency, f.Async, f.URL, d.Functions["fulfil"].URL != "", map[string]string{}}
	for _, c := range i.functions["fulfil"].aliasSettings() {
		if is := state(c); is != "" && is != stack.Ready {
			view.States[c.name()[len("functions/fulfil/"):]] = is
		}
	}
	return view
}

// settled is what there is to see if everything is as the stack says.
func settled(s stack.Stack) aliasView {
	f := s.Functions["fulfil"]
	return aliasView{f.Concurrency, f.Async, f.URL, f.URL != nil, map[string]string{}}
}

// apiStack is a stack with an HTTP API that routes to the function "fulfil".
func apiStack(edit func(f *stack.Function)) stack.Stack {
	s := oneFunction(edit)
	s.Trigger = stack.Trigger{HTTPAPI: &stack.HTTPAPI{Routes: map[string]stack.Route{"GET /": {Function: "fulfil"}, "POST /": {Function: "fulfil"}}}}
	return s
}

func TestAliasSettingsAreMadeChangedAndRemoved(t *testing.T) {
	everything := apiStack(func(f *stack.Function) {
		f.Concurrency = stack.Concurrency{Reserved: aws.Int(5), Provisioned: 2}
		f.Async = stack.Async{Retries: 0, MaxAge: seconds(60), OnFailure: "arn:aws:sqs:us-east-1:123456789012:failed", OnSuccess: "arn:aws:lambda:us-east-1:123456789012:function:orders-audit"}
		f.URL = &stack.FunctionURL{Auth: "none", InvokeMode: "buffered", CORS: &stack.CORS{
			AllowOrigins: []string{"https://b.example", "https://a.example"}, AllowMethods: []string{"POST", "GET"}, AllowHeaders: []string{"X-B", "x-a"},
			ExposeHeaders: []string{"date"}, AllowCredentials: true, MaxAge: seconds(600),
		}}
	})
	some := apiStack(func(f *stack.Function) {
		f.Concurrency = stack.Concurrency{Reserved: aws.Int(0)}
		f.Async.Retries = 1
		f.URL = &stack.FunctionURL{Auth: "iam", InvokeMode: "buffered", CORS: &stack.CORS{AllowOrigins: []string{"*"}}}
	})
	less := oneFunction(func(f *stack.Function) { f.URL = &stack.FunctionURL{Auth: "iam", InvokeMode: "buffered"} })
	for kind, stacks := range map[harness.EmulatorKind][]stack.Stack{
		harness.Ministack: {everything, some, less, everything, oneFunction(nil)},
		// Moto has no provisioned concurrency, takes a reserved one of nothing for none, never
		// takes CORS rules from a URL, does not replace asynchronous settings, and forgets the
		// conditions of the permissions that an open URL needs.
		harness.Moto: {
			apiStack(func(f *stack.Function) {
				f.Concurrency.Reserved = aws.Int(7)
				f.Async.Retries = 1
				f.URL = &stack.FunctionURL{Auth: "iam", InvokeMode: "buffered"}
			}),
			apiStack(func(f *stack.Function) {
				f.Concurrency.Reserved = aws.Int(8)
				f.Async.Retries = 1
				f.URL = &stack.FunctionURL{Auth: "iam", InvokeMode: "buffered", CORS: &stack.CORS{AllowOrigins: []string{"*"}, MaxAge: seconds(5)}}
			}),
			oneFunction(nil),
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			m := startEmulator(t, kind)
			m.makeFunction(t, "orders-fulfil")
			m.makeFunction(t, "orders-audit")
			prior := oneFunction(nil)
			for n, s := range stacks {
				i := m.observeAliasSettings(t, prior, "abc123")
				if diff := cmp.Diff(settled(prior), viewAliasSettings(i, prior)); diff != "" {
					t.Errorf("before stack %d the settings are not as they should be (-want +got):\n%s", n, diff)
				}
				i = m.observeAliasSettings(t, s, "abc123")
				m.applyAliasSettings(t, i, s, "abc123")
				if diff := cmp.Diff(settled(s), viewAliasSettings(i, s)); diff != "" {
					t.Errorf("stack %d is not as it should be (-want +got):\n%s", n, diff)
				}
				prior = s
			}
		})
	}
}

func TestDriftOfAliasSettingsIsFoundNamedAndRepaired(t *testing.T) {
	m := startEmulator(t, harness.Ministack)
	m.makeFunction(t, "orders-fulfil")
	s := apiStack(func(f *stack.Function) {
		f.Concurrency = stack.Concurrency{Reserved: aws.Int(5), Provisioned: 2}
		f.Async.Retries = 1
		f.URL = &stack.FunctionURL{Auth: "none", InvokeMode: "buffered", CORS: &stack.CORS{AllowOrigins: []string{"*"}}}
	})
	bare := oneFunction(nil)
	name, live := aws.String("orders-fulfil"), aws.String(stack.AliasLive)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	add := func(sid, principal string, qualifier *string) {
		must(m.lambda.AddPermission(t.Context(), &lambda.AddPermissionInput{
			FunctionName: name, Qualifier: qualifier, StatementId: &sid, Principal: &principal, Action: aws.String("lambda:InvokeFunction"),
		}))
	}
	revoke := func(sid string) {
		must(m.lambda.RemovePermission(t.Context(), &lambda.RemovePermissionInput{FunctionName: name, Qualifier: live, StatementId: &sid}))
	}
	for what, c := range map[string]struct {
		of     stack.Stack
		apiID  string
		change func()
		// edit says what the attributes are then, and states what the components.
		edit   func(f *stack.Function)
		states map[string]string
	}{
		"another reserved concurrency": {
			of: s,
			change: func() {
				must(m.lambda.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: name, ReservedConcurrentExecutions: aws.Int32(9)}))
			},
			edit: func(f *stack.Function) { f.Concurrency.Reserved = aws.Int(9) },
		},
		"no reserved concurrency": {
			of: s,
			change: func() {
				must(m.lambda.DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: name}))
			},
			states: map[string]string{"concurrency": "missing"},
		},
		"a reserved concurrency that nobody asked for": {
			of: bare,
			change: func() {
				must(m.lambda.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: name, ReservedConcurrentExecutions: aws.Int32(0)}))
			},
			edit: func(f *stack.Function) { f.Concurrency.Reserved = aws.Int(0) },
		},
		"another provisioned concurrency": {
			of: s,
			change: func() {
				must(m.lambda.PutProvisionedConcurrencyConfig(t.Context(), &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: name, Qualifier: live, ProvisionedConcurrentExecutions: aws.Int32(1)}))
			},
			edit: func(f *stack.Function) { f.Concurrency.Provisioned = 1 },
		},
		"no provisioned concurrency": {
			of: s,
			change: func() {
				must(m.lambda.DeleteProvisionedConcurrencyConfig(t.Context(), &lambda.DeleteProvisionedConcurrencyConfigInput{FunctionName: name, Qualifier: live}))
			},
			states: map[string]string{"provisioned": "missing"},
		},
		"other retries": {
			of: s,
			change: func() {
				must(m.lambda.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{FunctionName: name, Qualifier: live, MaximumEventAgeInSeconds: aws.Int32(120)}))
			},
			edit: func(f *stack.Function) { f.Async = stack.Async{Retries: 2, MaxAge: seconds(120)} },
		},
		"no asynchronous settings": {
			of: s,
			change: func() {
				must(m.lambda.DeleteFunctionEventInvokeConfig(t.Context(), &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: name, Qualifier: live}))
			},
			states: map[string]string{"async": "missing"},
		},
		"asynchronous settings that nobody needs": {
			of: bare,
			change: func() {
				must(m.lambda.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{FunctionName: name, Qualifier: live, MaximumRetryAttempts: aws.Int32(2)}))
			},
			states: map[string]string{"async": "left over"},
		},
		"another authorization of the URL": {
			of: s,
			change: func() {
				must(m.lambda.UpdateFunctionUrlConfig(t.Context(), &lambda.UpdateFunctionUrlConfigInput{FunctionName: name, Qualifier: live, AuthType: types.FunctionUrlAuthTypeAwsIam}))
			},
			edit: func(f *stack.Function) {
				f.URL = &stack.FunctionURL{Auth: "iam", InvokeMode: "buffered", CORS: f.URL.CORS}
			},
			states: map[string]string{"permissions": "it has a further statement tidegate-url, it has a further statement tidegate-url-invoke"},
		},
		"other CORS of the URL": {
			of: s,
			change: func() {
				must(m.lambda.UpdateFunctionUrlConfig(t.Context(), &lambda.UpdateFunctionUrlConfigInput{
					FunctionName: name, Qualifier: live, Cors: &types.Cors{AllowOrigins: []string{"https://a.example"}, MaxAge: aws.Int32(5)},
				}))
			},
			edit: func(f *stack.Function) {
				f.URL = &stack.FunctionURL{Auth: "none", InvokeMode: "buffered", CORS: &stack.CORS{AllowOrigins: []string{"https://a.example"}, MaxAge: seconds(5)}}
			},
		},
		"a URL that streams": {
			of: s,
			change: func() {
				must(m.lambda.UpdateFunctionUrlConfig(t.Context(), &lambda.UpdateFunctionUrlConfigInput{FunctionName: name, Qualifier: live, InvokeMode: types.InvokeModeResponseStream}))
			},
			edit: func(f *stack.Function) {
				f.URL = &stack.FunctionURL{Auth: f.URL.Auth, InvokeMode: "response_stream", CORS: f.URL.CORS}
			},
		},
		"no URL": {
			of: s,
			change: func() {
				must(m.lambda.DeleteFunctionUrlConfig(t.Context(), &lambda.DeleteFunctionUrlConfigInput{FunctionName: name, Qualifier: live}))
			},
			states: map[string]string{"url": "missing"},
		},
		"a URL that nobody asked for": {
			of: bare,
			change: func() {
				must(m.lambda.CreateFunctionUrlConfig(t.Context(), &lambda.CreateFunctionUrlConfigInput{FunctionName: name, Qualifier: live, AuthType: types.FunctionUrlAuthTypeAwsIam}))
			},
			edit: func(f *stack.Function) { f.URL = &stack.FunctionURL{Auth: "iam", InvokeMode: "buffered"} },
		},
		"a permission that is gone": {
			of: s, change: func() { revoke(sidAPI) }, states: map[string]string{"permissions": "its statement tidegate-api is missing"},
		},
		"all permissions gone": {
			of: s, change: func() { revoke(sidAPI); revoke(sidURL); revoke(sidURLInvoke) }, states: map[string]string{"permissions": "missing"},
		},
		"a permission without its condition": {
			of: s, change: func() { revoke(sidAPI); add(sidAPI, gatewayService, live) }, states: map[string]string{"permissions": "its statement tidegate-api differs"},
		},
		"an API that was made anew": {
			of: s, apiID: "other", change: func() {}, states: map[string]string{"permissions": "its statement tidegate-api differs"},
		},
		"a further permission": {
			of: s, change: func() { add("mine", "s3.amazonaws.com", live) }, states: map[string]string{"permissions": "it has a further statement mine"},
		},
		"a permission that nobody asked for": {
			of: bare, change: func() { add("mine", "s3.amazonaws.com", live) }, states: map[string]string{"permissions": "left over"},
		},
		"a permission on the function itself": {
			of: s, change: func() { add("mine", "s3.amazonaws.com", nil) },
			states: map[string]string{"permissions": "the function itself has the statement mine, which the alias alone should have"},
		},
	} {
		t.Run(what, func(t *testing.T) {
			m.applyAliasSettings(t, m.observeAliasSettings(t, c.of, "abc123"), c.of, "abc123")
			c.change()
			apiID := "abc123"
			if c.apiID != "" {
				apiID = c.apiID
			}
			want := settled(c.of)
			if c.edit != nil {
				f := c.of.Functions["fulfil"]
				c.edit(&f)
				want = settled(stack.Stack{Functions: map[string]stack.Function{"fulfil": f}})
			}
			if c.states["url"] == "missing" {
				want.HasURL = false
			}
			maps.Copy(want.States, c.states)
			i := m.observeAliasSettings(t, c.of, apiID)
			if diff := cmp.Diff(want, viewAliasSettings(i, c.of)); diff != "" {
				t.Errorf("the drift is not as it should be (-want +got):\n%s", diff)
			}
			m.applyAliasSettings(t, i, c.of, apiID)
			if diff := cmp.Diff(settled(c.of), viewAliasSettings(i, c.of)); diff != "" {
				t.Errorf("the drift was not repaired (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefaultsNeedNoAsynchronousSettings(t *testing.T) {
	i := newInventory(china(), shapeOf(oneFunction(nil)))
	i.want(oneFunction(nil))
	if i.functions["fulfil"].async.wanted() {
		t.Error("the defaults want settings")
	}
	for _, edit := range []func(a *stack.Async){
		func(a *stack.Async) { a.Retries = 1 },
		func(a *stack.Async) { a.MaxAge = stack.Duration(time.Hour) },
		func(a *stack.Async) { a.OnFailure = "arn:aws:sqs:us-east-1:123456789012:failed" },
		func(a *stack.Async) { a.OnSuccess = "arn:aws:sqs:us-east-1:123456789012:done" },
	} {
		s := oneFunction(func(f *stack.Function) { edit(&f.Async) })
		i.want(s)
		if !i.functions["fulfil"].async.wanted() {
			t.Errorf("%+v wants no settings", s.Functions["fulfil"].Async)
		}
	}
}
