package aws

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestAnswersOfAllKindsGiveTheSameConfiguration(t *testing.T) {
	for _, answer := range []any{
		&lambda.CreateFunctionOutput{MemorySize: aws.Int32(256), State: types.StateActive},
		&lambda.UpdateFunctionConfigurationOutput{MemorySize: aws.Int32(256), State: types.StateActive},
		&lambda.UpdateFunctionCodeOutput{MemorySize: aws.Int32(256), State: types.StateActive},
		&lambda.PublishVersionOutput{MemorySize: aws.Int32(256), State: types.StateActive},
	} {
		if s := snapshotOf(answer); aws.ToInt32(s.MemorySize) != 256 || s.State != types.StateActive {
			t.Errorf("%T: %+v", answer, s)
		}
	}
}

func TestNothingAndX8664AreTheSameArchitecture(t *testing.T) {
	x86, arm := []types.Architecture{types.ArchitectureX8664}, []types.Architecture{types.ArchitectureArm64}
	for _, test := range []struct {
		have       []types.Architecture
		like, want string
	}{
		{x86, "", ""},
		{nil, "", ""},
		{x86, "x86_64", "x86_64"},
		{nil, "x86_64", "x86_64"},
		{x86, "arm64", "x86_64"},
		{nil, "arm64", "x86_64"},
		{arm, "", "arm64"},
		{arm, "x86_64", "arm64"},
		{arm, "arm64", "arm64"},
	} {
		if got := architecture(test.have, test.like); got != test.want {
			t.Errorf("%v where %q was written is %q, not %q", test.have, test.like, got, test.want)
		}
	}
}

func TestANetworkIsWrittenInTheUsersOrder(t *testing.T) {
	have := &types.VpcConfigResponse{SubnetIds: []string{"subnet-b", "subnet-a"}, SecurityGroupIds: []string{"sg-2", "sg-1"}}
	like := &stack.Network{SubnetIDs: []string{"subnet-b", "subnet-a"}, SecurityGroupIDs: []string{"sg-1"}}
	want := &stack.Network{SubnetIDs: []string{"subnet-b", "subnet-a"}, SecurityGroupIDs: []string{"sg-1", "sg-2"}}
	if got := network(have, like); !cmp.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if got := network(have, nil); !cmp.Equal(got.SubnetIDs, []string{"subnet-a", "subnet-b"}) {
		t.Errorf("where nobody wrote any: %+v", got)
	}
}

func TestVersionsHaveTheImageOfTheirDigest(t *testing.T) {
	const repository = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/shop"
	image := func(uri, digest string) *snapshot {
		return &snapshot{image: uri, FunctionConfiguration: types.FunctionConfiguration{PackageType: types.PackageTypeImage, CodeSha256: aws.String(digest)}}
	}
	for _, test := range []struct{ latest, want string }{
		{repository + ":one", repository + "@sha256:bbb"},
		{repository + "@sha256:aaa", repository + "@sha256:bbb"},
		{repository, repository + "@sha256:bbb"},
	} {
		of := translation{}.of(image(test.latest, "aaa"))
		if got := of.config(image("", "bbb"), stack.Config{}).Image; got != test.want {
			t.Errorf("beside %s another version has %s", test.latest, got)
		}
		if got := of.config(image("", "aaa"), stack.Config{}).Image; got != test.latest {
			t.Errorf("beside %s the same version has %s", test.latest, got)
		}
	}
}

func TestLayersAndRolesOfOthersKeepTheirARNs(t *testing.T) {
	const ours, theirs = "arn:aws:lambda:us-east-1:123456789012:layer:shop-create:1", "arn:aws:lambda:us-east-1:123456789012:layer:theirs:1"
	of := translation{ownRole: "arn:aws:iam::123456789012:role/tidegate/shop/x", layers: map[string]string{ours: "content"}}
	s := &snapshot{FunctionConfiguration: types.FunctionConfiguration{
		Role: aws.String("arn:aws:iam::123456789012:role/mine"), Layers: []types.Layer{{Arn: aws.String(ours)}, {Arn: aws.String(theirs)}},
	}}
	c := of.config(s, stack.Config{})
	if !cmp.Equal(c.Layers, []string{"content", theirs}) || c.RoleARN != "arn:aws:iam::123456789012:role/mine" {
		t.Errorf("%+v", c)
	}
	s.Role = aws.String(of.ownRole)
	if c := of.config(s, stack.Config{}); c.RoleARN != "" {
		t.Errorf("the role that the target makes is told as %s", c.RoleARN)
	}
}

func TestEverySettingIsToldApartAndSent(t *testing.T) {
	f := newFunctionAt(t).function
	base := func() stack.Config {
		c := stack.NewFunction().Config
		c.Runtime, c.Handler = "python3.13", "app.handler"
		return c
	}
	want := f.settingsOf(base(), "role", nil, map[string]string{})
	for what, edit := range map[string]func(c *stack.Config){
		"memory":            func(c *stack.Config) { c.Memory = 256 },
		"timeout":           func(c *stack.Config) { c.Timeout = seconds(9) },
		"ephemeral storage": func(c *stack.Config) { c.EphemeralStorage = 1024 },
		"runtime":           func(c *stack.Config) { c.Runtime = "python3.12" },
		"handler":           func(c *stack.Config) { c.Handler = "app.other" },
		"tracing":           func(c *stack.Config) { c.Tracing = "active" },
		"key":               func(c *stack.Config) { c.KMSKeyARN = "arn:aws:kms:us-east-1:123456789012:key/x" },
		"network": func(c *stack.Config) {
			c.Network = &stack.Network{SubnetIDs: []string{"subnet-a"}, SecurityGroupIDs: []string{"sg-1"}}
		},
	} {
		c := base()
		edit(&c)
		changed := f.settingsOf(c, "role", nil, map[string]string{})
		if changed.equal(want) {
			t.Errorf("another %s goes unnoticed", what)
		}
		there, back := f.update(changed, want), f.update(want, changed)
		if diff := cmp.Diff(there, back, cmp.AllowUnexported(lambda.UpdateFunctionConfigurationInput{}),
			cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".noSmithyDocumentSerde" }, cmp.Ignore())); diff == "" {
			t.Errorf("another %s is not sent", what)
		}
	}
	if other := f.settingsOf(base(), "other", nil, map[string]string{}); other.equal(want) {
		t.Error("another role goes unnoticed")
	}
	if other := f.settingsOf(base(), "role", []string{"layer"}, map[string]string{}); other.equal(want) || f.update(want, other).Layers == nil {
		t.Error("a layer goes unnoticed, or stays")
	}
	if other := f.settingsOf(base(), "role", nil, map[string]string{"A": "b"}); other.equal(want) {
		t.Error("a variable goes unnoticed")
	}
}

func TestWhatOthersAddedIsNamedAndTakenAway(t *testing.T) {
	f := newFunctionAt(t).function
	mine := f.others(&snapshot{FunctionConfiguration: types.FunctionConfiguration{
		Description:       aws.String("mine"),
		DeadLetterConfig:  &types.DeadLetterConfig{TargetArn: aws.String("arn:aws:sqs:us-east-1:123456789012:dead")},
		FileSystemConfigs: []types.FileSystemConfig{{Arn: aws.String("arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/x"), LocalMountPath: aws.String("/mnt/x")}},
		SnapStart:         &types.SnapStartResponse{ApplyOn: types.SnapStartApplyOnPublishedVersions},
		LoggingConfig:     &types.LoggingConfig{LogGroup: aws.String("/mine"), LogFormat: types.LogFormatJson},
	}})
	want := []string{
		"its description was changed", "it has a dead-letter target of its own", "it has a file system mounted",
		"SnapStart was switched on", "it logs to /mine", "it logs in the format JSON",
	}
	if got := mine.differences(f.standard()); !cmp.Equal(got, want) {
		t.Errorf("named: %q", got)
	}
	in := f.update(settings{runtime: "python3.13", others: f.standard()}, settings{runtime: "python3.13", others: mine})
	if aws.ToString(in.DeadLetterConfig.TargetArn) != "" || in.FileSystemConfigs == nil || len(in.FileSystemConfigs) > 0 ||
		in.SnapStart.ApplyOn != types.SnapStartApplyOnNone || aws.ToString(in.LoggingConfig.LogGroup) != "/aws/lambda/shop-create" {
		t.Errorf("sent: %+v", in)
	}
	if got := f.others(&snapshot{FunctionConfiguration: types.FunctionConfiguration{Description: aws.String(f.standard().description)}}); got != f.standard() {
		t.Errorf("where AWS is silent: %+v", got)
	}
}

func TestWhatDiffersIsNamedAsInTheConfiguration(t *testing.T) {
	a, b := stack.NewFunction().Config, stack.NewFunction().Config
	b.Memory, b.Environment, b.Layers = 512, map[string]string{}, []string{"x"}
	if got := differingAttributes(a, b); !cmp.Equal(got, []string{"memory", "layers"}) {
		t.Errorf("%q", got)
	}
}
