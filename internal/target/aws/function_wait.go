package aws

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// pending tells whether AWS is still at work on it.
func (s *snapshot) pending() bool {
	return s.State == types.StatePending || s.LastUpdateStatus == types.LastUpdateStatusInProgress
}

// failed tells whether AWS could not make it.
func (s *snapshot) failed() bool { return s.State == types.StateFailed }

// failure says why AWS could not make or change it; "" if it could.
func (s *snapshot) failure() string {
	switch {
	case s.failed():
		return fmt.Sprintf("AWS could not make it ready: %s (%s)", aws.ToString(s.StateReason), s.StateReasonCode)
	case s.LastUpdateStatus == types.LastUpdateStatusFailed:
		return fmt.Sprintf("AWS could not carry out its last change: %s (%s)", aws.ToString(s.LastUpdateStatusReason), s.LastUpdateStatusReasonCode)
	}
	return ""
}

// A failedError says why AWS could not make or change a function.
type failedError struct{ why string }

func (e *failedError) Error() string { return e.why }

// settle waits until AWS is done with the last change of the function.
func (f *function) settle(ctx context.Context) error {
	err := f.i.pace.wait(ctx, f.subject()+" to become ready", func(ctx context.Context) (bool, error) {
		if !f.have.pending() {
			return true, nil
		}
		have, err := f.get(ctx)
		if have != nil {
			have.tags = f.have.tags // Those that were set a moment ago may not show yet.
			f.have = have
		}
		return err == nil && have != nil && !have.pending(), err
	})
	if err == nil && f.have.failure() != "" {
		err = &failedError{f.have.failure()}
	}
	return err
}

// whileBusy does something again until no earlier change is in its way.
func (f *function) whileBusy(ctx context.Context, do func(ctx context.Context) error) error {
	return f.i.pace.wait(ctx, "AWS to finish an earlier change of the "+f.subject(), func(ctx context.Context) (bool, error) {
		err := do(ctx)
		if busy(err) {
			return false, nil
		}
		return true, err
	})
}

// notYet tells whether AWS answered that the role may not what it needs to: which may
// be so, or Lambda does not know the role yet as IAM has it. A longer timeout of the
// queue's, which the function's own may need, takes up to a minute as well. KMS takes a
// role that it does not know for no ARN; what it denies, it denies whoever deploys.
func notYet(err error) bool {
	const code = "InvalidParameterValueException"
	return tooShort(err) || says(err, code, "cannot be assumed by Lambda") ||
		says(err, code, "execution role does not have permissions") ||
		says(err, code, "KMS key is invalid for CreateGrant") && !says(err, code, "AccessDeniedException") ||
		says(err, code, "throttled by EC2")
}

// patience is how many times an answer of notYet is put down to slowness before the
// role itself is looked at: a few seconds, since IAM may be behind as well with a role
// of the user's own that was made or changed just before.
const patience = 5

// try does a change of the function that may fail because of an earlier one or of a
// role that Lambda does not know yet.
func (f *function) try(ctx context.Context, do func(ctx context.Context) error) error {
	failures := 0
	return f.whileBusy(ctx, func(ctx context.Context) error {
		return f.i.pace.retry(ctx, notYet, func(ctx context.Context) error {
			err := do(ctx)
			if !notYet(err) {
				return err
			}
			if failures++; failures == patience {
				if why := f.diagnose(ctx, err); why != nil {
					return why
				}
			}
			return err
		})
	})
}

// diagnose looks whether the role will never do, and says why; nil means that it may
// be known to Lambda in a while, or that nobody can tell.
func (f *function) diagnose(ctx context.Context, err error) error {
	role := f.wish.config.RoleARN
	own := role == ""
	if own {
		role = f.ownRole()
	}
	const code = "InvalidParameterValueException"
	switch {
	case says(err, code, "cannot be assumed by Lambda"):
		out, err := f.i.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(roleNameOf(role))})
		switch {
		case missing(err) && !own:
			return fmt.Errorf("there is no role %s in this account; create it, or correct role_arn", role)
		case err != nil || out.Role == nil:
			return nil
		}
		trusts, err := trustsLambda(aws.ToString(out.Role.AssumeRolePolicyDocument))
		if err != nil || trusts {
			return nil
		}
		return fmt.Errorf("%s cannot be assumed by Lambda: its trust policy does not allow the service %s the action sts:AssumeRole; "+
			"add that to the trust policy", runsAs(f.wish.config), lambdaService)
	case says(err, code, "execution role does not have permissions") && !own:
		action := lackingAction(err)
		out, err := f.i.iam.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
			PolicySourceArn: aws.String(role), ActionNames: []string{action},
		})
		if err != nil || len(out.EvaluationResults) == 0 || out.EvaluationResults[0].EvalDecision == iamtypes.PolicyEvaluationDecisionTypeAllowed {
			return nil
		}
		if !strings.HasPrefix(action, "ec2:") {
			return fmt.Errorf("the role %s may not do what the function needs; allow it %s", role, action)
		}
		return fmt.Errorf("the role %s may not do what a function in a network needs; "+
			"allow it what AWS's policy AWSLambdaVPCAccessExecutionRole does, such as %s", role, action)
	}
	return nil
}

// deniedToRole is in Lambda's message about what a role may not do: "does not have
// permissions to call PutTraceSegments on XRAY".
var deniedToRole = regexp.MustCompile(`permissions to call (\w+) on (\w+)`)

// lackingAction is what Lambda says that a role may not do, as IAM writes it.
func lackingAction(err error) string {
	found := deniedToRole.FindStringSubmatch(err.Error())
	if found == nil {
		return "ec2:CreateNetworkInterface"
	}
	return strings.ToLower(found[2]) + ":" + found[1]
}
