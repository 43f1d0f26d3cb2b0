package aws

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// A playback is a Lambda that gives the answers it was given, one after the other for
// each kind of call, and notes the calls. An answer is an output or an error.
type playback struct {
	lambdaAPI
	t       *testing.T
	answers map[string][]any
	calls   []string
	inputs  []any
}

func play[Out any](p *playback, call string, in any) (*Out, error) {
	p.calls, p.inputs = append(p.calls, call), append(p.inputs, in)
	if len(p.answers[call]) == 0 {
		p.t.Fatalf("unexpected %s after %v", call, p.calls)
	}
	answer := p.answers[call][0]
	p.answers[call] = p.answers[call][1:]
	if err, ok := answer.(error); ok {
		return nil, err
	}
	return answer.(*Out), nil
}

func (p *playback) CreateFunction(_ context.Context, in *lambda.CreateFunctionInput, _ ...func(*lambda.Options)) (*lambda.CreateFunctionOutput, error) {
	return play[lambda.CreateFunctionOutput](p, "CreateFunction", in)
}

func (p *playback) GetFunction(_ context.Context, in *lambda.GetFunctionInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionOutput, error) {
	return play[lambda.GetFunctionOutput](p, strings.TrimSuffix("GetFunction:"+aws.ToString(in.Qualifier), ":"), in)
}

func (p *playback) UpdateFunctionConfiguration(_ context.Context, in *lambda.UpdateFunctionConfigurationInput, _ ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error) {
	return play[lambda.UpdateFunctionConfigurationOutput](p, "UpdateFunctionConfiguration", in)
}

func (p *playback) UpdateFunctionCode(_ context.Context, in *lambda.UpdateFunctionCodeInput, _ ...func(*lambda.Options)) (*lambda.UpdateFunctionCodeOutput, error) {
	return play[lambda.UpdateFunctionCodeOutput](p, "UpdateFunctionCode", in)
}

func (p *playback) TagResource(_ context.Context, in *lambda.TagResourceInput, _ ...func(*lambda.Options)) (*lambda.TagResourceOutput, error) {
	return play[lambda.TagResourceOutput](p, "TagResource", in)
}

func (p *playback) UntagResource(_ context.Context, in *lambda.UntagResourceInput, _ ...func(*lambda.Options)) (*lambda.UntagResourceOutput, error) {
	return play[lambda.UntagResourceOutput](p, "UntagResource", in)
}

func (p *playback) PublishVersion(_ context.Context, in *lambda.PublishVersionInput, _ ...func(*lambda.Options)) (*lambda.PublishVersionOutput, error) {
	return play[lambda.PublishVersionOutput](p, "PublishVersion", in)
}

func (p *playback) DeleteFunction(_ context.Context, in *lambda.DeleteFunctionInput, _ ...func(*lambda.Options)) (*lambda.DeleteFunctionOutput, error) {
	return play[lambda.DeleteFunctionOutput](p, strings.TrimSuffix("DeleteFunction:"+aws.ToString(in.Qualifier), ":"), in)
}

func (p *playback) ListVersionsByFunction(_ context.Context, in *lambda.ListVersionsByFunctionInput, _ ...func(*lambda.Options)) (*lambda.ListVersionsByFunctionOutput, error) {
	return play[lambda.ListVersionsByFunctionOutput](p, "ListVersionsByFunction", in)
}

func (p *playback) ListAliases(_ context.Context, in *lambda.ListAliasesInput, _ ...func(*lambda.Options)) (*lambda.ListAliasesOutput, error) {
	return play[lambda.ListAliasesOutput](p, "ListAliases", in)
}

func (p *playback) UpdateAlias(_ context.Context, in *lambda.UpdateAliasInput, _ ...func(*lambda.Options)) (*lambda.UpdateAliasOutput, error) {
	return play[lambda.UpdateAliasOutput](p, "UpdateAlias", in)
}

func (p *playback) CreateAlias(_ context.Context, in *lambda.CreateAliasInput, _ ...func(*lambda.Options)) (*lambda.CreateAliasOutput, error) {
	return play[lambda.CreateAliasOutput](p, "CreateAlias", in)
}

// A trusting IAM has one role with this trust policy, which may do nothing.
type trusting struct {
	iamAPI
	policy string
}

func (i trusting) SimulatePrincipalPolicy(context.Context, *iam.SimulatePrincipalPolicyInput, ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	return &iam.SimulatePrincipalPolicyOutput{EvaluationResults: []iamtypes.EvaluationResult{{EvalDecision: iamtypes.PolicyEvaluationDecisionTypeImplicitDeny}}}, nil
}

func (i trusting) GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	return &iam.GetRoleOutput{Role: &iamtypes.Role{AssumeRolePolicyDocument: aws.String(url.PathEscape(i.policy))}}, nil
}

const (
	trustLambda = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}`
	trustEC2    = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}`
)
