package aws

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

const recordedParts = "function_parts.json"

// A scriptedLambda answers what AWS answered once, one answer after the other. What it
// has no answer for fails.
type scriptedLambda struct {
	lambdaAPI
	t *testing.T
	// answers by operation: an error or an output. The last one stays.
	answers map[string][]any
	// asked are the operations in their order.
	asked []string
}

func next[T any](s *scriptedLambda, operation string) (*T, error) {
	s.asked = append(s.asked, operation)
	answers := s.answers[operation]
	if len(answers) == 0 {
		s.t.Fatalf("there is no answer to %s", operation)
	}
	answer := answers[0]
	if len(answers) > 1 {
		s.answers[operation] = answers[1:]
	}
	if err, ok := answer.(error); ok {
		return nil, err
	}
	return answer.(*T), nil
}

func (s *scriptedLambda) AddPermission(context.Context, *lambda.AddPermissionInput, ...func(*lambda.Options)) (*lambda.AddPermissionOutput, error) {
	return next[lambda.AddPermissionOutput](s, "AddPermission")
}

func (s *scriptedLambda) RemovePermission(context.Context, *lambda.RemovePermissionInput, ...func(*lambda.Options)) (*lambda.RemovePermissionOutput, error) {
	return next[lambda.RemovePermissionOutput](s, "RemovePermission")
}

func (s *scriptedLambda) GetPolicy(context.Context, *lambda.GetPolicyInput, ...func(*lambda.Options)) (*lambda.GetPolicyOutput, error) {
	return next[lambda.GetPolicyOutput](s, "GetPolicy")
}

func (s *scriptedLambda) PutFunctionConcurrency(context.Context, *lambda.PutFunctionConcurrencyInput, ...func(*lambda.Options)) (*lambda.PutFunctionConcurrencyOutput, error) {
	return next[lambda.PutFunctionConcurrencyOutput](s, "PutFunctionConcurrency")
}

func (s *scriptedLambda) DeleteFunctionConcurrency(context.Context, *lambda.DeleteFunctionConcurrencyInput, ...func(*lambda.Options)) (*lambda.DeleteFunctionConcurrencyOutput, error) {
	return next[lambda.DeleteFunctionConcurrencyOutput](s, "DeleteFunctionConcurrency")
}

func (s *scriptedLambda) GetFunctionEventInvokeConfig(context.Context, *lambda.GetFunctionEventInvokeConfigInput, ...func(*lambda.Options)) (*lambda.GetFunctionEventInvokeConfigOutput, error) {
	return next[lambda.GetFunctionEventInvokeConfigOutput](s, "GetFunctionEventInvokeConfig")
}

func (s *scriptedLambda) PutFunctionEventInvokeConfig(context.Context, *lambda.PutFunctionEventInvokeConfigInput, ...func(*lambda.Options)) (*lambda.PutFunctionEventInvokeConfigOutput, error) {
	return next[lambda.PutFunctionEventInvokeConfigOutput](s, "PutFunctionEventInvokeConfig")
}

func (s *scriptedLambda) PutProvisionedConcurrencyConfig(context.Context, *lambda.PutProvisionedConcurrencyConfigInput, ...func(*lambda.Options)) (*lambda.PutProvisionedConcurrencyConfigOutput, error) {
	return next[lambda.PutProvisionedConcurrencyConfigOutput](s, "PutProvisionedConcurrencyConfig")
}

func (s *scriptedLambda) GetProvisionedConcurrencyConfig(context.Context, *lambda.GetProvisionedConcurrencyConfigInput, ...func(*lambda.Options)) (*lambda.GetProvisionedConcurrencyConfigOutput, error) {
	return next[lambda.GetProvisionedConcurrencyConfigOutput](s, "GetProvisionedConcurrencyConfig")
}

func (s *scriptedLambda) DeleteProvisionedConcurrencyConfig(context.Context, *lambda.DeleteProvisionedConcurrencyConfigInput, ...func(*lambda.Options)) (*lambda.DeleteProvisionedConcurrencyConfigOutput, error) {
	return next[lambda.DeleteProvisionedConcurrencyConfigOutput](s, "DeleteProvisionedConcurrencyConfig")
}

func (s *scriptedLambda) ListAliases(context.Context, *lambda.ListAliasesInput, ...func(*lambda.Options)) (*lambda.ListAliasesOutput, error) {
	return next[lambda.ListAliasesOutput](s, "ListAliases")
}

func (s *scriptedLambda) CreateFunctionUrlConfig(context.Context, *lambda.CreateFunctionUrlConfigInput, ...func(*lambda.Options)) (*lambda.CreateFunctionUrlConfigOutput, error) {
	return next[lambda.CreateFunctionUrlConfigOutput](s, "CreateFunctionUrlConfig")
}

func (s *scriptedLambda) GetFunctionUrlConfig(context.Context, *lambda.GetFunctionUrlConfigInput, ...func(*lambda.Options)) (*lambda.GetFunctionUrlConfigOutput, error) {
	return next[lambda.GetFunctionUrlConfigOutput](s, "GetFunctionUrlConfig")
}

func (s *scriptedLambda) UpdateFunctionUrlConfig(context.Context, *lambda.UpdateFunctionUrlConfigInput, ...func(*lambda.Options)) (*lambda.UpdateFunctionUrlConfigOutput, error) {
	return next[lambda.UpdateFunctionUrlConfigOutput](s, "UpdateFunctionUrlConfig")
}

// unknownOperation is what Lambda answers where it does not have an operation.
var unknownOperation = &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "Unable to determine service/operation name to be authorized"}

func TestWhatARegionDoesNotOfferIsNotThere(t *testing.T) {
	session := china()
	session.lambda = &scriptedLambda{t: t, answers: map[string][]any{
		"GetFunctionUrlConfig": {unknownOperation}, "GetFunctionEventInvokeConfig": {unknownOperation}, "GetProvisionedConcurrencyConfig": {unknownOperation},
	}}
	f := newInventory(session, shapeOf(oneFunction(nil))).functions["fulfil"]
	for _, c := range []component{f.url, f.async, f.provisioned} {
		if err := c.read(t.Context()); err != nil || c.exists() {
			t.Errorf("the %s exists: %v, with the error %v", c.subject(), c.exists(), err)
		}
	}
	denied := &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "User: arn:aws:iam::123456789012:user/u is not authorized to perform: lambda:GetFunctionUrlConfig"}
	session.lambda = &scriptedLambda{t: t, answers: map[string][]any{"GetFunctionUrlConfig": {denied}}}
	if err := f.url.read(t.Context()); !errors.Is(err, denied) {
		t.Errorf("whoever may not look is told %v", err)
	}
}

func TestWhatLambdaRefusesIsTriedAgainOrSaidInPlainWords(t *testing.T) {
	says := func(testCase, step string) error { return recordedError(t, recordedParts, testCase, step) }
	busyNow := says("TestLambdaFunction::test_lambda_concurrent_config_updates", "update-during-in-progress-update-exc")
	// https://github.com/hashicorp/terraform-provider-aws/issues/5154
	atTheSameMoment := &smithy.GenericAPIError{Code: "ResourceConflictException", Message: "The function could not be updated due to a concurrent update operation."}
	// Nobody recorded it; the words are those of the other refusals of destinations.
	notYetAllowed := &smithy.GenericAPIError{
		Code:    "InvalidParameterValueException",
		Message: "The function's execution role does not have permissions to call SendMessage on arn:aws:sqs:us-east-1:123456789012:failed",
	}
	const ready, inProgress, failed = types.ProvisionedConcurrencyStatusEnumReady, types.ProvisionedConcurrencyStatusEnumInProgress, types.ProvisionedConcurrencyStatusEnumFailed
	provided := func(status types.ProvisionedConcurrencyStatusEnum, reason *string) *lambda.GetProvisionedConcurrencyConfigOutput {
		return &lambda.GetProvisionedConcurrencyConfigOutput{RequestedProvisionedConcurrentExecutions: aws.Int32(2), Status: status, StatusReason: reason}
	}
	for name, c := range map[string]struct {
		of      func(f *functionParts) component
		answers map[string][]any
		asked   string
		// err is a part of the error; empty if there is none.
		err string
	}{
		"reserved concurrency during an update": {
			of:      func(f *functionParts) component { return f.concurrency },
			answers: map[string][]any{"PutFunctionConcurrency": {busyNow, busyNow, &lambda.PutFunctionConcurrencyOutput{}}},
			asked:   "PutFunctionConcurrency PutFunctionConcurrency PutFunctionConcurrency",
		},
		"reserved concurrency at the same moment as another change": {
			of:      func(f *functionParts) component { return f.concurrency },
			answers: map[string][]any{"PutFunctionConcurrency": {atTheSameMoment, &lambda.PutFunctionConcurrencyOutput{}}},
			asked:   "PutFunctionConcurrency PutFunctionConcurrency",
		},
		"more reserved than the account can spare": {
			of:      func(f *functionParts) component { return f.concurrency },
			answers: map[string][]any{"PutFunctionConcurrency": {says("TestLambdaReservedConcurrency::test_function_concurrency_limits", "put_function_concurrency_account_limit_exceeded")}},
			asked:   "PutFunctionConcurrency",
			err:     "with 5 instances for this function, fewer than the least would be left in this region for the account's other functions",
		},
		"the same with a number": {
			of: func(f *functionParts) component { return f.concurrency },
			answers: map[string][]any{"PutFunctionConcurrency": {&smithy.GenericAPIError{
				Code: "InvalidParameterValueException", Message: "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
			}}},
			asked: "PutFunctionConcurrency",
			err:   "fewer than 100 would be left",
		},
		"more provisioned than the account has": {
			of:      func(f *functionParts) component { return f.provisioned },
			answers: map[string][]any{"PutProvisionedConcurrencyConfig": {says("TestLambdaProvisionedConcurrency::test_provisioned_concurrency_limits", "put_provisioned_concurrency_account_limit_exceeded")}},
			asked:   "PutProvisionedConcurrencyConfig",
			err:     "2 instances for this function are more than the account has left",
		},
		"more provisioned than the account can spare": {
			of:      func(f *functionParts) component { return f.provisioned },
			answers: map[string][]any{"PutProvisionedConcurrencyConfig": {says("TestLambdaProvisionedConcurrency::test_provisioned_concurrency_limits", "put_provisioned_concurrency_below_unreserved_min_value")}},
			asked:   "PutProvisionedConcurrencyConfig",
			err:     "would be left in this region",
		},
		"a version with provisioned concurrency of its own": {
			of:      func(f *functionParts) component { return f.provisioned },
			answers: map[string][]any{"PutProvisionedConcurrencyConfig": {says("TestLambdaProvisionedConcurrency::test_lambda_provisioned_lifecycle", "put_provisioned_on_alias_versionconflict")}},
			asked:   "PutProvisionedConcurrencyConfig",
			err:     "the version that the alias points at has provisioned concurrency of its own",
		},
		"provisioned concurrency that takes time": {
			of: func(f *functionParts) component { return f.provisioned },
			answers: map[string][]any{
				"PutProvisionedConcurrencyConfig": {&lambda.PutProvisionedConcurrencyConfigOutput{}},
				"GetProvisionedConcurrencyConfig": {provided(inProgress, nil), provided(inProgress, nil), provided(ready, nil)},
			},
			asked: "PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig",
		},
		"provisioned concurrency that fails": {
			of: func(f *functionParts) component { return f.provisioned },
			answers: map[string][]any{
				"PutProvisionedConcurrencyConfig": {&lambda.PutProvisionedConcurrencyConfigOutput{}},
				"GetProvisionedConcurrencyConfig": {provided(failed, aws.String("FUNCTION_ERROR_INIT_FAILURE"))},
			},
			asked: "PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig",
			err:   "its instances could not be started: FUNCTION_ERROR_INIT_FAILURE",
		},
		"a destination that the role may not send to yet": {
			of:      func(f *functionParts) component { return f.async },
			answers: map[string][]any{"PutFunctionEventInvokeConfig": {notYetAllowed, notYetAllowed, &lambda.PutFunctionEventInvokeConfigOutput{}}},
			asked:   "PutFunctionEventInvokeConfig PutFunctionEventInvokeConfig PutFunctionEventInvokeConfig",
		},
		"provisioned concurrency of an alias that Lambda does not know everywhere yet": {
			of: func(f *functionParts) component { return f.provisioned },
			answers: map[string][]any{
				"PutProvisionedConcurrencyConfig": {
					says("TestLambdaProvisionedConcurrency::test_provisioned_concurrency_exceptions", "put_provisioned_qualifier_doesnotexist"), &lambda.PutProvisionedConcurrencyConfigOutput{},
				},
				"GetProvisionedConcurrencyConfig": {
					says("TestLambdaProvisionedConcurrency::test_provisioned_concurrency_exceptions", "get_provisioned_qualifier_doesnotexist"), provided(ready, nil),
				},
			},
			asked: "PutProvisionedConcurrencyConfig PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig",
		},
		"a destination of an alias that Lambda does not know everywhere yet": {
			of: func(f *functionParts) component { return f.async },
			answers: map[string][]any{"PutFunctionEventInvokeConfig": {
				says("TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_exceptions", "put_alias_doesnotexist"), &lambda.PutFunctionEventInvokeConfigOutput{},
			}},
			asked: "PutFunctionEventInvokeConfig PutFunctionEventInvokeConfig",
		},
		"a URL of an alias that Lambda does not know everywhere yet": {
			of: func(f *functionParts) component { return f.url },
			answers: map[string][]any{"CreateFunctionUrlConfig": {
				says("TestLambdaUrl::test_url_config_exceptions", "create_function_url_config_qualifier_alias_doesnotexist"), &lambda.CreateFunctionUrlConfigOutput{},
			}},
			asked: "CreateFunctionUrlConfig CreateFunctionUrlConfig",
		},
		"a URL in a region that has none": {
			of:      func(f *functionParts) component { return f.url },
			answers: map[string][]any{"CreateFunctionUrlConfig": {unknownOperation}},
			asked:   "CreateFunctionUrlConfig",
			err:     "AWS offers no function URLs in the region cn-north-1; leave out url",
		},
		"a URL whose creation got no answer": {
			of: func(f *functionParts) component { return f.url },
			answers: map[string][]any{
				"CreateFunctionUrlConfig": {says("TestLambdaUrl::test_url_config_lifecycle", "failed_duplication")},
				"GetFunctionUrlConfig":    {&lambda.GetFunctionUrlConfigOutput{AuthType: types.FunctionUrlAuthTypeNone, FunctionUrl: aws.String("https://x.lambda-url.us-east-1.on.aws/")}},
			},
			asked: "CreateFunctionUrlConfig GetFunctionUrlConfig",
		},
		"a URL that somebody made meanwhile": {
			of: func(f *functionParts) component { return f.url },
			answers: map[string][]any{
				"CreateFunctionUrlConfig": {says("TestLambdaUrl::test_url_config_lifecycle", "failed_duplication")},
				"GetFunctionUrlConfig":    {&lambda.GetFunctionUrlConfigOutput{AuthType: types.FunctionUrlAuthTypeAwsIam}},
				"UpdateFunctionUrlConfig": {&lambda.UpdateFunctionUrlConfigOutput{}},
			},
			asked: "CreateFunctionUrlConfig GetFunctionUrlConfig UpdateFunctionUrlConfig",
		},
		"permissions for an alias that Lambda does not know yet": {
			of: func(f *functionParts) component { return f.permissions },
			answers: map[string][]any{"AddPermission": {
				says("TestLambdaPermissions::test_permission_exceptions", "add_permission_fn_alias_doesnotexist"), &lambda.AddPermissionOutput{},
			}},
			asked: "AddPermission AddPermission AddPermission",
		},
		"a permission whose creation got no answer": {
			of: func(f *functionParts) component { return f.permissions },
			answers: map[string][]any{
				"AddPermission":    {says("TestLambdaPermissions::test_permission_exceptions", "add_permission_conflicting_statement_id"), &lambda.AddPermissionOutput{}},
				"RemovePermission": {says("TestLambdaPermissions::test_remove_multi_permissions", "remove_permission_exception_nonexisting_sid")},
			},
			asked: "AddPermission RemovePermission AddPermission AddPermission",
		},
	} {
		t.Run(name, func(t *testing.T) {
			script := &scriptedLambda{t: t, answers: c.answers}
			s := oneFunction(func(f *stack.Function) {
				f.Concurrency = stack.Concurrency{Reserved: aws.Int(5), Provisioned: 2}
				f.Async.OnFailure = "arn:aws:sqs:us-east-1:123456789012:failed"
				f.URL = &stack.FunctionURL{Auth: "none", InvokeMode: "buffered"}
			})
			session := china()
			session.lambda = script
			i := newInventory(session, shapeOf(s))
			i.want(s)
			part := c.of(i.functions["fulfil"])
			err := part.apply(t.Context())
			switch {
			case c.err == "" && err != nil:
				t.Errorf("the error is %v", err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("the error is %v, want one with %q", err, c.err)
			case c.err == "" && state(part) != stack.Ready:
				t.Errorf("the component is %q", state(part))
			}
			if got := strings.Join(script.asked, " "); got != c.asked {
				t.Errorf("asked %s\nwant  %s", got, c.asked)
			}
		})
	}
}

func TestFailedProvisionedConcurrencyIsDriftAndTriedAgain(t *testing.T) {
	script := &scriptedLambda{t: t, answers: map[string][]any{
		"GetProvisionedConcurrencyConfig": {
			&lambda.GetProvisionedConcurrencyConfigOutput{RequestedProvisionedConcurrentExecutions: aws.Int32(2), Status: types.ProvisionedConcurrencyStatusEnumFailed},
			&lambda.GetProvisionedConcurrencyConfigOutput{RequestedProvisionedConcurrentExecutions: aws.Int32(2), Status: types.ProvisionedConcurrencyStatusEnumReady},
		},
		"PutProvisionedConcurrencyConfig": {&lambda.PutProvisionedConcurrencyConfigOutput{}},
	}}
	session := china()
	session.lambda = script
	s := oneFunction(func(f *stack.Function) { f.Concurrency.Provisioned = 2 })
	i := newInventory(session, shapeOf(s))
	p := i.functions["fulfil"].provisioned
	if err := p.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.want(s)
	if is, want := state(p), "its instances could not be started: AWS does not say why"; is != want {
		t.Errorf("the component is %q, want %q", is, want)
	}
	if err := p.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if is := state(p); is != stack.Ready {
		t.Errorf("the component is %q", is)
	}
}

func TestWaitingForProvisionedConcurrencyEndsWithTheTimeout(t *testing.T) {
	session := china()
	ctx, cancel := context.WithCancel(t.Context())
	script := &scriptedLambda{t: t, answers: map[string][]any{
		"GetProvisionedConcurrencyConfig": {&lambda.GetProvisionedConcurrencyConfigOutput{Status: types.ProvisionedConcurrencyStatusEnumInProgress}},
		"PutProvisionedConcurrencyConfig": {&lambda.PutProvisionedConcurrencyConfigOutput{}},
	}}
	session.lambda = script
	i := newInventory(session, shapeOf(oneFunction(nil)))
	p := i.functions["fulfil"].provisioned
	p.want(oneFunction(func(f *stack.Function) { f.Concurrency.Provisioned = 2 }))
	cancel()
	if err := p.apply(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), `waiting for the provisioned concurrency of function "orders-fulfil:live"`) {
		t.Errorf("the error is %v", err)
	}
}

// While AWS starts instances of the version that an alias was moved to, it sends the
// traffic to the former one by a weight of its own:
// https://github.com/hashicorp/terraform-provider-aws/pull/48116
func TestProvisionedConcurrencyFollowsTheAlias(t *testing.T) {
	live := func(version string, weights map[string]float64) types.AliasConfiguration {
		return types.AliasConfiguration{Name: aws.String(stack.AliasLive), FunctionVersion: &version, RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights}}
	}
	split, whole := live("2", map[string]float64{"1": 1}), live("2", nil)
	provided := func(instances int32, status types.ProvisionedConcurrencyStatusEnum) *lambda.GetProvisionedConcurrencyConfigOutput {
		return &lambda.GetProvisionedConcurrencyConfigOutput{RequestedProvisionedConcurrentExecutions: &instances, Status: status}
	}
	const ready, inProgress = types.ProvisionedConcurrencyStatusEnumReady, types.ProvisionedConcurrencyStatusEnumInProgress
	weights := &smithy.GenericAPIError{Code: "InvalidParameterValueException", Message: "Alias with weights can not be used with Provisioned Concurrency"}
	for name, c := range map[string]struct {
		have    *provisionedFacts
		wish    int
		moved   types.AliasConfiguration
		answers map[string][]any
		asked   string
	}{
		"as many as before": {
			have: &provisionedFacts{instances: 2}, wish: 2, moved: split,
			answers: map[string][]any{
				"GetProvisionedConcurrencyConfig": {provided(2, inProgress), provided(2, ready)},
				"ListAliases":                     {&lambda.ListAliasesOutput{Aliases: []types.AliasConfiguration{split}}, &lambda.ListAliasesOutput{Aliases: []types.AliasConfiguration{whole}}},
			},
			asked: "GetProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig ListAliases ListAliases",
		},
		"the split shows late": {
			have: &provisionedFacts{instances: 2}, wish: 2, moved: whole,
			answers: map[string][]any{
				"GetProvisionedConcurrencyConfig": {provided(2, ready)},
				"ListAliases":                     {&lambda.ListAliasesOutput{Aliases: []types.AliasConfiguration{whole}}},
			},
			asked: "GetProvisionedConcurrencyConfig ListAliases",
		},
		"another number": {
			have: &provisionedFacts{instances: 1}, wish: 2, moved: split,
			answers: map[string][]any{
				"GetProvisionedConcurrencyConfig": {provided(1, ready), provided(2, ready)},
				"ListAliases":                     {&lambda.ListAliasesOutput{Aliases: []types.AliasConfiguration{whole}}},
				"PutProvisionedConcurrencyConfig": {weights, &lambda.PutProvisionedConcurrencyConfigOutput{}},
			},
			asked: "GetProvisionedConcurrencyConfig ListAliases PutProvisionedConcurrencyConfig PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig",
		},
		"no more": {
			have: &provisionedFacts{instances: 2}, moved: split,
			answers: map[string][]any{
				"DeleteProvisionedConcurrencyConfig": {&lambda.DeleteProvisionedConcurrencyConfigOutput{}},
				"ListAliases":                        {&lambda.ListAliasesOutput{Aliases: []types.AliasConfiguration{whole}}},
			},
			asked: "DeleteProvisionedConcurrencyConfig ListAliases",
		},
		"for the first time": {
			wish: 2, moved: whole,
			answers: map[string][]any{
				"PutProvisionedConcurrencyConfig": {weights, &lambda.PutProvisionedConcurrencyConfigOutput{}},
				"GetProvisionedConcurrencyConfig": {provided(2, ready)},
			},
			asked: "PutProvisionedConcurrencyConfig PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig",
		},
	} {
		t.Run(name, func(t *testing.T) {
			script := &scriptedLambda{t: t, answers: c.answers}
			session := china()
			session.lambda = script
			s := oneFunction(func(f *stack.Function) { f.Concurrency.Provisioned = c.wish })
			i := newInventory(session, shapeOf(s))
			f := i.functions["fulfil"]
			f.provisioned.have = c.have
			f.alias.all = map[string]types.AliasConfiguration{stack.AliasLive: live("1", nil)}
			i.want(s)
			f.alias.all = map[string]types.AliasConfiguration{stack.AliasLive: c.moved}
			do := f.provisioned.apply
			if c.wish == 0 {
				do = f.provisioned.remove
			}
			if err := do(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(script.asked, " "); got != c.asked {
				t.Errorf("asked %s\nwant  %s", got, c.asked)
			}
			if diff := cmp.Diff(stack.RouteTo(2), f.alias.routing()); diff != "" {
				t.Errorf("the alias is not shown whole (-want +got):\n%s", diff)
			}
		})
	}
}

// policyOf is the policy that a recorded answer to GetPolicy has.
func policyOf(t *testing.T, testCase, step string) *lambda.GetPolicyOutput {
	t.Helper()
	var answer struct{ Policy json.RawMessage }
	recorded(t, recordedParts, testCase, step, &answer)
	return &lambda.GetPolicyOutput{Policy: aws.String(string(answer.Policy))}
}

func TestPermissionsOfAnotherResourceAreNotTheAliass(t *testing.T) {
	session := china()
	session.lambda = &scriptedLambda{t: t, answers: map[string][]any{"GetPolicy": {policyOf(t, "TestLambdaPermissions::test_remove_multi_permissions", "policy_after_2_add")}}}
	i := newInventory(session, shapeOf(oneFunction(nil)))
	p := i.functions["fulfil"].permissions
	if err := p.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.exists() {
		t.Errorf("it has %v and %v, which are on something else", p.alias, p.latest)
	}
	session.lambda = &scriptedLambda{t: t, answers: map[string][]any{"GetPolicy": {recordedError(t, recordedParts, "TestLambdaPermissions::test_permission_exceptions", "get_policy_fn_doesnotexist")}}}
	if err := p.read(t.Context()); err != nil || p.exists() {
		t.Errorf("without a policy it exists: %v, with the error %v", p.exists(), err)
	}
}

// What Lambda makes of AddPermission is what a statement is compared with.
func TestStatementsAreExpectedAsLambdaWritesThem(t *testing.T) {
	condition := func(step string) map[string]map[string]policyWords {
		var answer struct{ Statement policyStatement }
		recorded(t, recordedParts, "TestLambdaPermissions::test_add_lambda_permission_fields", step, &answer)
		return answer.Statement.Condition
	}
	var service struct{ Statement policyStatement }
	recorded(t, recordedParts, "TestLambdaPermissions::test_add_lambda_permission_fields", "add_permission_principal_service", &service)
	s := apiStack(func(f *stack.Function) { f.URL = &stack.FunctionURL{Auth: "none", InvokeMode: "buffered"} })
	i := newInventory(china(), shapeOf(s))
	i.want(s)
	got := i.functions["fulfil"].permissions.granted()
	const on = "arn:aws-cn:lambda:cn-north-1:123456789012:function:orders-fulfil:live"
	want := []policyStatement{
		{Sid: sidAPI, Effect: service.Statement.Effect, Principal: principals{"Service": {"apigateway.amazonaws.com"}}, Action: service.Statement.Action, Resource: policyWords{on}},
		{Sid: sidURL, Effect: "Allow", Principal: everybody, Action: policyWords{"lambda:InvokeFunctionUrl"}, Resource: policyWords{on}},
		{Sid: sidURLInvoke, Effect: "Allow", Principal: everybody, Action: policyWords{"lambda:InvokeFunction"}, Resource: policyWords{on}},
	}
	all := condition("add_permission_optional_fields")
	for operator, keys := range all {
		for key := range keys {
			switch key {
			case "AWS:SourceArn":
				want[0].Condition = map[string]map[string]policyWords{operator: {key: {""}}}
			case "lambda:FunctionUrlAuthType":
				want[1].Condition = map[string]map[string]policyWords{operator: {key: {"NONE"}}}
			}
		}
	}
	// https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
	want[2].Condition = map[string]map[string]policyWords{"Bool": {"lambda:InvokedViaFunctionUrl": {"true"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the statements are not as Lambda writes them (-want +got):\n%s", diff)
	}
}
