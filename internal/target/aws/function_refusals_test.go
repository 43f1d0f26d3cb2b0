package aws

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// refusal is what Lambda answers to a parameter that it does not take.
func refusal(message string) error {
	return &smithy.GenericAPIError{Code: "InvalidParameterValueException", Message: message}
}

// unknown is what Lambda answers about a version that it does not know.
var unknown = &smithy.GenericAPIError{Code: "ResourceNotFoundException", Message: "Function not found: arn:aws:lambda:us-east-1:123456789012:function:shop-create:2"}

// https://github.com/serverless/serverless/issues/8313
func TestCodeThatMovesIntoALayerLeavesTheFunctionFirst(t *testing.T) {
	tooLarge := refusal("Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is 263669938 bytes.")
	updated := answer[lambda.UpdateFunctionConfigurationOutput](t, onCreate, "create_response", func(out *lambda.UpdateFunctionConfigurationOutput) {
		out.State, out.MemorySize = types.StateActive, aws.Int32(256)
	})
	smaller := answer[lambda.UpdateFunctionCodeOutput](t, onCreate, "create_response", func(out *lambda.UpdateFunctionCodeOutput) { out.State = types.StateActive })
	f, p, _ := against(t, map[string][]any{"UpdateFunctionConfiguration": {tooLarge, updated}, "UpdateFunctionCode": {smaller}}, larger)
	f.have(t)
	f.function.have.CodeSha256 = aws.String("of the code that was large")
	if err := f.function.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"UpdateFunctionConfiguration", "UpdateFunctionCode", "UpdateFunctionConfiguration"}; !cmp.Equal(p.calls, want) {
		t.Errorf("calls: %v", p.calls)
	}
	// Where the code is what it should be, nothing helps.
	f, p, _ = against(t, map[string][]any{"UpdateFunctionConfiguration": {tooLarge, tooLarge}}, larger)
	f.have(t)
	if err := f.function.apply(t.Context()); !errors.Is(err, tooLarge) {
		t.Errorf("%v after %v", err, p.calls)
	}
}

func TestWhatARoleLacksIsNamed(t *testing.T) {
	mayNot := refusal("The provided execution role does not have permissions to call PutTraceSegments on XRAY")
	f, p, _ := against(t, map[string][]any{"CreateFunction": times(patience, mayNot)}, func(f *stack.Function) {
		f.RoleARN, f.Tracing = "arn:aws:iam::123456789012:role/mine", "active"
	})
	err := f.function.apply(t.Context())
	if want := "the role arn:aws:iam::123456789012:role/mine may not do what the function needs; allow it xray:PutTraceSegments"; err == nil || err.Error() != want {
		t.Errorf("%v after %v", err, p.calls)
	}
}

func TestAKeyIsTriedAgainOnlyWhileItDoesNotKnowTheRole(t *testing.T) {
	const grant = "Lambda was unable to configure access to your environment variables because the KMS key is invalid for CreateGrant. " +
		"Please check your KMS key settings. KMS Exception: "
	made := answer[lambda.CreateFunctionOutput](t, onCreate, "create_response", func(out *lambda.CreateFunctionOutput) { out.State = types.StateActive })
	f, _, _ := against(t, map[string][]any{"CreateFunction": {refusal(grant + "InvalidArnException KMS Message: ARN does not refer to a valid principal"), made}})
	if err := f.function.apply(t.Context()); err != nil {
		t.Error(err)
	}
	denied := refusal(grant + "AccessDeniedException KMS Message: User: arn:aws:iam::123456789012:user/u is not authorized to perform: kms:CreateGrant")
	f, p, _ := against(t, map[string][]any{"CreateFunction": {denied}})
	if err := f.function.apply(t.Context()); !errors.Is(err, denied) || len(p.calls) != 1 {
		t.Errorf("%v after %v", err, p.calls)
	}
}

func TestTagsMakeRoomForOthersAndAreKnownAtOnce(t *testing.T) {
	updated := answer[lambda.UpdateFunctionConfigurationOutput](t, "TestLambdaFunction::test_vpc_config", "update_vpcconfig_update_response")
	behind := active(t) // With the tags that were.
	behind.Configuration.MemorySize, behind.Tags = aws.Int32(256), map[string]string{tagStack: "shop", "old": "x"}
	f, p, _ := against(t, map[string][]any{
		"UntagResource": {&lambda.UntagResourceOutput{}}, "TagResource": {&lambda.TagResourceOutput{}},
		"UpdateFunctionConfiguration": {updated}, "GetFunction": {behind},
	}, larger)
	f.have(t)
	f.function.have.tags = map[string]string{tagStack: "shop", "old": "x"}
	if err := f.function.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"UntagResource", "TagResource", "UpdateFunctionConfiguration", "GetFunction"}; !cmp.Equal(p.calls, want) {
		t.Errorf("calls: %v", p.calls)
	}
	if is := f.function.drift(); is != "" {
		t.Errorf("afterwards a plan says: %s", is)
	}
}

func TestRevisionsThatShowLateAreWaitedFor(t *testing.T) {
	changed := recordedError(t, "function.json", "TestLambdaVersions::test_publish_with_wrong_revisionid", "publish_wrong_revisionid_exc")
	now := active(t)
	now.Configuration.MemorySize = aws.Int32(256)
	f, p := published(t, map[string][]any{"PublishVersion": {changed, changed, changed, two(t)}, "GetFunction": {now, now, now}})
	if err := f.versions.apply(t.Context()); err != nil || f.versions.number != 2 {
		t.Fatalf("version %d, %v after %v", f.versions.number, err, p.calls)
	}
	one := &lambda.ListAliasesOutput{Aliases: []types.AliasConfiguration{f.alias.all["live"]}}
	moved := &lambda.UpdateAliasOutput{Name: aws.String("live"), FunctionVersion: aws.String("2")}
	p.answers = map[string][]any{"UpdateAlias": {changed, changed, moved}, "ListAliases": {one, one}}
	if err := f.alias.apply(t.Context()); err != nil || f.alias.routing().Main() != 2 {
		t.Errorf("the alias: %v after %v", err, p.calls)
	}
}

func TestAVersionThatLambdaDoesNotKnowEverywhereYetIsWaitedFor(t *testing.T) {
	pending := two(t)
	pending.State = types.StatePending
	ready := answer[lambda.GetFunctionOutput](t, onCreate, "get_function_version_result", func(out *lambda.GetFunctionOutput) {
		out.Configuration.Version, out.Configuration.MemorySize = aws.String("2"), aws.Int32(256)
	})
	f, p := published(t, map[string][]any{
		"PublishVersion": {pending}, "GetFunction:2": {unknown, ready},
		"UpdateAlias": {unknown, &lambda.UpdateAliasOutput{Name: aws.String("live"), FunctionVersion: aws.String("2")}},
	})
	if err := f.versions.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.alias.apply(t.Context()); err != nil {
		t.Errorf("%v after %v", err, p.calls)
	}
}

func TestAnEnvironmentThatCannotBeReadIsNotSomebodyElsesChange(t *testing.T) {
	f, p := published(t, nil)
	f.function.have.Environment = &types.EnvironmentResponse{Error: &types.EnvironmentError{
		ErrorCode: aws.String("AccessDeniedException"), Message: aws.String("Lambda was unable to decrypt your environment variables"),
	}}
	err := f.versions.apply(t.Context())
	const want = "nobody can tell whether the function is what is wanted, since its environment cannot be decrypted " +
		"(Lambda was unable to decrypt your environment variables); allow kms:Decrypt on its key to whoever runs Terraform, and apply again"
	if err == nil || err.Error() != want {
		t.Errorf("%v after %v", err, p.calls)
	}
}

func TestAnImageThatLambdaMayNotReadIsNotTheUsersLack(t *testing.T) {
	denied := &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "Lambda does not have permission to access the ECR image. Check the ECR permissions."}
	f, _, _ := against(t, map[string][]any{"CreateFunction": {denied}}, func(f *stack.Function) {
		f.CodeSHA256, f.Runtime, f.Handler, f.Image = "", "", "", "999999999999.dkr.ecr.us-east-1.amazonaws.com/shop:1"
	})
	err := f.function.apply(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "Lambda may not read the image 999999999999.dkr.ecr.us-east-1.amazonaws.com/shop:1; allow lambda.amazonaws.com") {
		t.Error(err)
	}
}

func TestAFunctionWhoseCreationFailedIsNotBusy(t *testing.T) {
	failed := &smithy.GenericAPIError{Code: "ResourceConflictException", Message: "The operation cannot be performed at this time. The function is currently in the following state: Failed"}
	f, p, _ := against(t, map[string][]any{"UpdateFunctionConfiguration": {failed}}, larger)
	f.have(t)
	if err := f.function.apply(t.Context()); !errors.Is(err, failed) || len(p.calls) != 1 {
		t.Errorf("%v after %v", err, p.calls)
	}
}

// An emptyIAM answers everything with nothing.
type emptyIAM struct{ iamAPI }

func (emptyIAM) GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	return &iam.GetRoleOutput{}, nil
}

func (emptyIAM) CreateRole(context.Context, *iam.CreateRoleInput, ...func(*iam.Options)) (*iam.CreateRoleOutput, error) {
	return &iam.CreateRoleOutput{}, nil
}

func (emptyIAM) ListAttachedRolePolicies(context.Context, *iam.ListAttachedRolePoliciesInput, ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error) {
	return &iam.ListAttachedRolePoliciesOutput{}, nil
}

func (emptyIAM) ListRolePolicies(context.Context, *iam.ListRolePoliciesInput, ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error) {
	return &iam.ListRolePoliciesOutput{}, nil
}

func TestAnAnswerWithoutARoleIsAnError(t *testing.T) {
	f, _, _ := against(t, nil)
	f.role.i.iam = emptyIAM{}
	for what, err := range map[string]error{"reading": f.role.read(t.Context()), "making": f.role.apply(t.Context())} {
		if err == nil || !strings.Contains(err.Error(), "is the endpoint really IAM's?") {
			t.Errorf("%s it says %v", what, err)
		}
	}
}
