package aws

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

var recordedCode = testPackage("recorded")

// answer decodes what AWS answered about a function of the stack "shop".
func answer[Out any](t *testing.T, testCase, step string, edit ...func(*Out)) *Out {
	t.Helper()
	var text json.RawMessage
	recorded(t, "function.json", testCase, step, &text)
	s := strings.NewReplacer(
		"<function-name:1>", "shop-create", "<partition>", "aws", "<region>", "us-east-1", "111111111111", "123456789012",
		"arn:<partition>:iam::111111111111:role/<resource:1>", newFunctionAt(t).function.ownRole(),
		"<code-sha256:1>", recordedCode.sha(),
		`"Description": ""`, `"Description": "Function create of the Tidegate stack shop"`,
	).Replace(string(text))
	out := new(Out)
	if err := json.Unmarshal([]byte(s), out); err != nil {
		t.Fatal(err)
	}
	for _, e := range edit {
		e(out)
	}
	return out
}

const onCreate = "TestLambdaVersions::test_publish_version_on_create"

// newFunctionAt is the function "create" of the stack "shop" in an inventory that
// nobody has read.
func newFunctionAt(*testing.T) *functionParts {
	s := &session{place: place{partition: "aws", domain: "amazonaws.com", region: "us-east-1", account: "123456789012"}, pace: quickPace}
	i := newInventory(s, shape{name: "shop", kind: stack.KindNone, functions: map[string]bool{"create": true}})
	i.packages = map[string]target.Package{recordedCode.sha(): recordedCode}
	return i.functions["create"]
}

// against prepares the function to be made as recorded, by a Lambda that answers so.
func against(t *testing.T, answers map[string][]any, edit ...func(f *stack.Function)) (*functionParts, *playback, stack.Stack) {
	t.Helper()
	f := newFunctionAt(t)
	p := &playback{t: t, answers: answers}
	f.function.i.lambda = p
	f.function.i.iam = trusting{policy: trustLambda}
	fn := stack.NewFunction()
	fn.CodeSHA256, fn.Runtime, fn.Handler = recordedCode.sha(), "python3.12", "index.handler"
	for _, e := range edit {
		e(&fn)
	}
	s := stack.Stack{Name: "shop", Functions: map[string]stack.Function{"create": fn}}
	f.function.i.want(s)
	return f, p, s
}

// released applies the function, its versions and its alias.
func (f *functionParts) released(ctx context.Context) error {
	for _, c := range []component{f.function, f.versions, f.alias} {
		if err := about(c, "make", c.apply(ctx)); err != nil {
			return err
		}
	}
	return nil
}

func active(t *testing.T) *lambda.GetFunctionOutput {
	return answer[lambda.GetFunctionOutput](t, onCreate, "get_function_result", func(out *lambda.GetFunctionOutput) {
		out.Tags = map[string]string{tagStack: "shop", tagFunction: "create", tagKeepVersions: "10"}
	})
}

func liveAlias(version string) *lambda.CreateAliasOutput {
	return &lambda.CreateAliasOutput{Name: aws.String("live"), FunctionVersion: aws.String(version), RevisionId: aws.String("alias-1")}
}

func TestACreateWaitsUntilTheFunctionAndItsFirstVersionAreActive(t *testing.T) {
	pending := answer[lambda.CreateFunctionOutput](t, onCreate, "create_response")
	still := active(t)
	still.Configuration.State = types.StatePending
	f, p, s := against(t, map[string][]any{
		"CreateFunction": {pending},
		"GetFunction":    {still, active(t)},
		"GetFunction:1":  {answer[lambda.GetFunctionOutput](t, onCreate, "get_function_version_result")},
		"CreateAlias":    {liveAlias("1")},
	})
	if err := f.released(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"CreateFunction", "GetFunction", "GetFunction", "GetFunction:1", "CreateAlias"}; !cmp.Equal(p.calls, want) {
		t.Errorf("calls: %v", p.calls)
	}
	d := &stack.Deployment{Stack: s, Functions: map[string]stack.FunctionStatus{}}
	for _, c := range []component{f.function, f.versions, f.alias} {
		if is := state(c); is != stack.Ready {
			t.Errorf("%s: %s", c.name(), is)
		}
		c.show(d)
	}
	if got := d.Stack.Functions["create"].Hash(); got != s.Functions["create"].Hash() || d.Functions["create"].Versions[0].Hash != got {
		t.Errorf("what was made is not what was wanted: %s", cmp.Diff(s.Functions["create"], d.Stack.Functions["create"]))
	}
}

// notAssumed is what Lambda answers while it does not know a role yet.
var notAssumed = &smithy.GenericAPIError{Code: "InvalidParameterValueException", Message: "The role defined for the function cannot be assumed by Lambda."}

// times is the same answer that often.
func times(n int, answer any) []any { return slices.Repeat([]any{answer}, n) }

func TestARoleThatLambdaDoesNotKnowYetIsWaitedFor(t *testing.T) {
	made := answer[lambda.CreateFunctionOutput](t, onCreate, "create_response", func(out *lambda.CreateFunctionOutput) { out.State = types.StateActive })
	f, p, _ := against(t, map[string][]any{"CreateFunction": {notAssumed, notAssumed, notAssumed, notAssumed, made}})
	if err := f.function.apply(t.Context()); err != nil || len(p.calls) != 5 {
		t.Errorf("%v after %v", err, p.calls)
	}
}

func TestARoleWhoseTrustPolicyIsWrongFailsAtOnce(t *testing.T) {
	const own = "arn:aws:iam::123456789012:role/team/mine"
	f, p, _ := against(t, map[string][]any{"CreateFunction": times(patience, notAssumed)}, func(f *stack.Function) { f.RoleARN = own })
	f.function.i.iam = trusting{policy: trustEC2}
	err := f.function.apply(t.Context())
	const want = "the role " + own + " cannot be assumed by Lambda: its trust policy does not allow the service lambda.amazonaws.com the action sts:AssumeRole; " +
		"add that to the trust policy"
	if err == nil || err.Error() != want || len(p.calls) != patience {
		t.Errorf("%v after %v", err, p.calls)
	}
}

func TestARoleThatMayNotUseANetworkFailsAtOnceUnlessItIsTheTargetsOwn(t *testing.T) {
	mayNot := &smithy.GenericAPIError{
		Code: "InvalidParameterValueException", Message: "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
	}
	network := func(f *stack.Function) {
		f.Network = &stack.Network{SubnetIDs: []string{"subnet-0"}, SecurityGroupIDs: []string{"sg-0"}}
	}
	f, p, _ := against(t, map[string][]any{"CreateFunction": times(patience, mayNot)}, network, func(f *stack.Function) { f.RoleARN = "arn:aws:iam::123456789012:role/mine" })
	err := f.function.apply(t.Context())
	if err == nil || !strings.Contains(err.Error(), "ec2:CreateNetworkInterface") || !strings.Contains(err.Error(), "role/mine") || len(p.calls) != patience {
		t.Errorf("%v after %v", err, p.calls)
	}

	made := answer[lambda.CreateFunctionOutput](t, onCreate, "create_response", func(out *lambda.CreateFunctionOutput) { out.State = types.StateActive })
	f, p, _ = against(t, map[string][]any{"CreateFunction": {mayNot, mayNot, mayNot, made}}, network)
	if err := f.function.apply(t.Context()); err != nil || len(p.calls) != 4 {
		t.Errorf("%v after %v", err, p.calls)
	}
}

func TestAFunctionThatExistsAfterALostAnswerIsTakenOver(t *testing.T) {
	exists := &smithy.GenericAPIError{Code: "ResourceConflictException", Message: "Function already exist: shop-create"}
	list := answer[lambda.ListVersionsByFunctionOutput](t, onCreate, "list_versions_result")
	f, _, _ := against(t, map[string][]any{
		"CreateFunction": {exists}, "GetFunction": {active(t)}, "ListVersionsByFunction": {list},
		"GetFunction:1": {answer[lambda.GetFunctionOutput](t, onCreate, "get_function_version_result")}, "CreateAlias": {liveAlias("1")},
	})
	if err := f.released(t.Context()); err != nil {
		t.Error(err)
	}

	theirs := active(t)
	theirs.Tags = nil
	f, _, _ = against(t, map[string][]any{"CreateFunction": {exists}, "GetFunction": {theirs}})
	if err := f.function.apply(t.Context()); !errors.As(err, new(*foreignError)) {
		t.Errorf("one of somebody else's: %v", err)
	}
}

// have puts the function as recorded into the inventory, with version 1 live.
func (f *functionParts) have(t *testing.T) {
	t.Helper()
	out := active(t)
	f.function.have = &functionFacts{snapshot: &snapshot{FunctionConfiguration: *out.Configuration}, tags: out.Tags}
	one := answer[lambda.GetFunctionOutput](t, onCreate, "get_function_version_result")
	f.versions.have = map[int]*snapshot{1: {FunctionConfiguration: *one.Configuration}}
	f.alias.all = map[string]types.AliasConfiguration{"live": {Name: aws.String("live"), FunctionVersion: aws.String("1"), RevisionId: aws.String("alias-1")}}
}

// larger wants another memory than was recorded.
func larger(f *stack.Function) { f.Memory = 256 }

func TestAnUpdateWaitsForAnEarlierOneForTheQueueAndForItself(t *testing.T) {
	conflict := recordedError(t, "function.json", "TestLambdaFunction::test_lambda_concurrent_config_updates", "update-during-in-progress-update-exc")
	updated := answer[lambda.UpdateFunctionConfigurationOutput](t, "TestLambdaFunction::test_vpc_config", "update_vpcconfig_update_response")
	settled := active(t)
	settled.Configuration.MemorySize = aws.Int32(256)
	queueIsBehind := &types.InvalidParameterValueException{Message: aws.String("Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds")}
	f, p, _ := against(t, map[string][]any{"UpdateFunctionConfiguration": {conflict, queueIsBehind, updated}, "GetFunction": {settled}}, larger)
	f.have(t)
	if err := f.function.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"UpdateFunctionConfiguration", "UpdateFunctionConfiguration", "UpdateFunctionConfiguration", "GetFunction"}; !cmp.Equal(p.calls, want) {
		t.Errorf("calls: %v", p.calls)
	}
}

// published is a function that was made larger and is to be published.
func published(t *testing.T, answers map[string][]any) (*functionParts, *playback) {
	t.Helper()
	f, p, _ := against(t, answers, larger)
	f.have(t)
	f.function.have.MemorySize = aws.Int32(256)
	return f, p
}

// two is what AWS answers when it made version 2.
func two(t *testing.T) *lambda.PublishVersionOutput {
	return answer[lambda.PublishVersionOutput](t, onCreate, "repeated_publish_response", func(out *lambda.PublishVersionOutput) {
		out.Version, out.MemorySize = aws.String("2"), aws.Int32(256)
	})
}

func TestARevisionThatChangedByItselfIsNoReasonNotToPublish(t *testing.T) {
	changed := recordedError(t, "function.json", "TestLambdaVersions::test_publish_with_wrong_revisionid", "publish_wrong_revisionid_exc")
	now := active(t)
	now.Configuration.MemorySize, now.Configuration.RevisionId = aws.Int32(256), aws.String("newer")
	f, p := published(t, map[string][]any{"PublishVersion": {changed, two(t)}, "GetFunction": {now}})
	if err := f.versions.apply(t.Context()); err != nil || f.versions.number != 2 {
		t.Fatalf("version %d, %v", f.versions.number, err)
	}
	if in := p.inputs[2].(*lambda.PublishVersionInput); aws.ToString(in.RevisionId) != "newer" || aws.ToString(in.CodeSha256) != recordedCode.sha() {
		t.Errorf("published %+v", in)
	}
}

func TestWhatSomebodyElseChangedInTheMeantimeIsNotPublished(t *testing.T) {
	for _, step := range [][2]string{
		{"TestLambdaVersions::test_publish_with_wrong_revisionid", "publish_wrong_revisionid_exc"},
		{"TestLambdaVersions::test_publish_with_wrong_sha256", "publish_wrong_sha256_exc"},
	} {
		now := active(t)
		now.Configuration.MemorySize = aws.Int32(512)
		f, p := published(t, map[string][]any{"PublishVersion": {recordedError(t, "function.json", step[0], step[1])}, "GetFunction": {now}})
		if err := f.versions.apply(t.Context()); err == nil || !strings.Contains(err.Error(), "somebody else is changing it") {
			t.Errorf("%s: %v after %v", step[1], err, p.calls)
		}
	}
}

func TestPublishingMayGiveBackTheLatestVersion(t *testing.T) {
	f, _ := published(t, map[string][]any{"PublishVersion": {
		answer[lambda.PublishVersionOutput](t, onCreate, "repeated_publish_response", func(out *lambda.PublishVersionOutput) { out.MemorySize = aws.Int32(256) }),
	}})
	if err := f.versions.apply(t.Context()); err != nil || f.versions.number != 1 || len(f.versions.have) != 1 {
		t.Errorf("version %d of %d, %v", f.versions.number, len(f.versions.have), err)
	}
}

func TestAVersionThatFailsIsDeletedSoThatTheNextApplyMakesAnother(t *testing.T) {
	pending := two(t)
	pending.State = types.StatePending
	failed := answer[lambda.GetFunctionOutput](t, onCreate, "get_function_version_result", func(out *lambda.GetFunctionOutput) {
		out.Configuration.State, out.Configuration.StateReasonCode = types.StateFailed, types.StateReasonCodeSubnetOutOfIPAddresses
		out.Configuration.StateReason, out.Configuration.Version = aws.String("The subnet is full."), aws.String("2")
	})
	f, p := published(t, map[string][]any{"PublishVersion": {pending}, "GetFunction:2": {failed}, "DeleteFunction:2": {&lambda.DeleteFunctionOutput{}}})
	err := f.versions.apply(t.Context())
	if err == nil || err.Error() != "version 2: AWS could not make it ready: The subnet is full. (SubnetOutOfIPAddresses); it was deleted" {
		t.Errorf("%v after %v", err, p.calls)
	}
}

func TestAFunctionWhoseCreationFailedIsMadeAgain(t *testing.T) {
	pending := answer[lambda.CreateFunctionOutput](t, onCreate, "create_response")
	failed := active(t)
	failed.Configuration.State, failed.Configuration.StateReasonCode = types.StateFailed, types.StateReasonCodeInvalidSubnet
	failed.Configuration.StateReason = aws.String("The subnet is gone.")
	f, p, _ := against(t, map[string][]any{
		"CreateFunction": {pending, answer[lambda.CreateFunctionOutput](t, onCreate, "create_response")}, "GetFunction": {failed, active(t)},
		"DeleteFunction": {&lambda.DeleteFunctionOutput{}},
	})
	err := f.function.apply(t.Context())
	if err == nil || err.Error() != "AWS could not make it ready: The subnet is gone. (InvalidSubnet)" {
		t.Fatal(err)
	}
	if is := f.function.drift(); is != err.Error() {
		t.Errorf("a plan says: %q", is)
	}
	if err := f.function.apply(t.Context()); err != nil || p.calls[2] != "DeleteFunction" {
		t.Errorf("%v after %v", err, p.calls)
	}
}

func TestAnAliasIsMovedUnlessSomebodyElseMovedIt(t *testing.T) {
	changed := recordedError(t, "function.json", "TestLambdaVersions::test_publish_with_wrong_revisionid", "publish_wrong_revisionid_exc")
	at := func(version, revision string) *lambda.ListAliasesOutput {
		return &lambda.ListAliasesOutput{Aliases: []types.AliasConfiguration{{Name: aws.String("live"), FunctionVersion: aws.String(version), RevisionId: aws.String(revision)}}}
	}
	moved := &lambda.UpdateAliasOutput{Name: aws.String("live"), FunctionVersion: aws.String("2"), RevisionId: aws.String("alias-3")}

	f, p := published(t, map[string][]any{"UpdateAlias": {changed, moved}, "ListAliases": {at("1", "alias-2")}})
	f.versions.number = 2
	if err := f.alias.apply(t.Context()); err != nil || aws.ToString(p.inputs[2].(*lambda.UpdateAliasInput).RevisionId) != "alias-2" {
		t.Errorf("after a revision that changed by itself: %v", err)
	}
	f, _ = published(t, map[string][]any{"UpdateAlias": {changed}, "ListAliases": {at("7", "alias-2")}})
	f.versions.number = 2
	if err := f.alias.apply(t.Context()); err == nil || !strings.Contains(err.Error(), "somebody else moved it") {
		t.Errorf("after somebody else's move: %v", err)
	}
	exists := recordedError(t, "function.json", "TestLambdaAlias::test_notfound_and_invalid_routingconfigs", "routing_config_exc_already_exist")
	f, _ = published(t, map[string][]any{"CreateAlias": {exists}, "ListAliases": {at("2", "alias-2")}})
	f.versions.number, f.alias.all = 2, nil
	if err := f.alias.apply(t.Context()); err != nil {
		t.Errorf("after a lost answer: %v", err)
	}
}

func TestTheLimitOfTheEnvironmentIsToldWithoutItsContent(t *testing.T) {
	f, _, _ := against(t, nil, func(f *stack.Function) {
		f.Environment = map[string]string{"LARGE": strings.Repeat("x", 4060)}
		f.SecretsVersion, f.Secrets = "1", map[string]string{"PASSWORD": "correct-horse"}
	})
	f.function.i.secrets = map[string]map[string]string{"create": {"PASSWORD": "correct-horse"}}
	if err := f.function.apply(t.Context()); err == nil || strings.Contains(err.Error(), "horse") || !strings.Contains(err.Error(), "Lambda allows 4096") {
		t.Error(err)
	}
	// Should Lambda count otherwise, its words are not passed on as they are.
	err := redacted(&smithy.GenericAPIError{Code: "InvalidParameterValueException", Message: `String measured: {"PASSWORD":"correct\"horse","FLAG":"1"}, 1 too many; correct"horse is bad`},
		map[string]string{"PASSWORD": `correct"horse`, "FLAG": "1"})
	if got := err.Error(); got != `api error InvalidParameterValueException: String measured: {"PASSWORD":(secret),"FLAG":(secret)}, 1 too many; (secret) is bad` {
		t.Error(got)
	}
}

func TestFormsThatAWSAnswersWith(t *testing.T) {
	gone := answer[lambda.GetFunctionOutput](t, "TestLambdaFunction::test_vpc_config", "delete_vpcconfig_get_function_response")
	if n := network(gone.Configuration.VpcConfig, nil); n != nil {
		t.Errorf("a function out of its network is in %+v", n)
	}
	in := answer[lambda.GetFunctionOutput](t, "TestLambdaFunction::test_vpc_config", "get_function_response")
	if n := network(in.Configuration.VpcConfig, nil); !cmp.Equal(n, &stack.Network{SubnetIDs: []string{"<subnet_id_1>"}, SecurityGroupIDs: []string{"<security_group_id_1>"}}) {
		t.Errorf("a function in a network is in %+v", n)
	}

	f := newFunctionAt(t).function
	jsonLogs := answer[lambda.GetFunctionOutput](t, "TestLoggingConfig::test_function_advanced_logging_configuration", "get_function_response")
	if got := f.others(&snapshot{FunctionConfiguration: *jsonLogs.Configuration}).differences(f.standard()); !cmp.Equal(got, []string{"it logs in the format JSON"}) {
		t.Errorf("another log format: %q", got)
	}

	image := answer[lambda.GetFunctionOutput](t, "TestLambdaImages::test_lambda_image_and_image_config_crud", "get-function-code-with-config-response")
	latest := &snapshot{FunctionConfiguration: *image.Configuration, image: aws.ToString(image.Code.ImageUri)}
	c := translation{}.of(latest).config(latest, stack.Config{})
	if c.Image != "<repo_uri>:latest" || c.CodeSHA256 != "" || c.Runtime != "" || c.Handler != "-c echo test" {
		t.Errorf("an image: %+v", c)
	}
	if got := f.others(latest).differences(f.standard()); !cmp.Equal(got, []string{"the image's entry point was replaced", "the image's working folder was replaced"}) {
		t.Errorf("an image with settings of its own: %q", got)
	}

	weighted := answer[types.AliasConfiguration](t, "TestLambdaAlias::test_alias_lifecycle", "get_alias_1_1")
	if got := routingOf(*weighted); !cmp.Equal(got, stack.Routing{1: 80, 2: 20}) {
		t.Errorf("a weighted alias: %v", got)
	}
}

func TestTheVersionToBeReleasedIsKeptBeforeAnyAliasPointsAtIt(t *testing.T) {
	f, _, _ := against(t, nil, func(f *stack.Function) { f.KeepVersions = 1 })
	f.versions.have = map[int]*snapshot{1: {}, 2: {}, 10: {}}
	if got := f.versions.expendable(1); !cmp.Equal(got, []int{2}) {
		t.Errorf("to be deleted: %v", got)
	}
}
