package aws

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A snapshot is what AWS tells of a function as it is ($LATEST), or of one of its
// versions.
type snapshot struct {
	types.FunctionConfiguration
	// image is the URI that was asked for. AWS tells it of $LATEST only.
	image string
}

// snapshotOf takes the configuration out of an answer. Seven calls answer with the
// same fields, in as many types.
func snapshotOf(answer any) *snapshot {
	s := &snapshot{}
	from, to := reflect.ValueOf(answer).Elem(), reflect.ValueOf(&s.FunctionConfiguration).Elem()
	for i := range to.NumField() {
		name := to.Type().Field(i).Name
		if f := from.FieldByName(name); f.IsValid() && f.Type() == to.Field(i).Type() && to.Field(i).CanSet() {
			to.Field(i).Set(f)
		}
	}
	return s
}

// variables of the environment, secrets and all; nil if there are none or they
// cannot be read.
func (s *snapshot) variables() map[string]string {
	if s == nil || s.Environment == nil {
		return nil
	}
	return s.Environment.Variables
}

// unreadable says why AWS could not decrypt the environment; "" if it could.
func (s *snapshot) unreadable() string {
	if s.Environment == nil || s.Environment.Error == nil {
		return ""
	}
	return aws.ToString(s.Environment.Error.Message)
}

// number of a version; 0 of $LATEST.
func (s *snapshot) number() int {
	n, err := strconv.Atoi(aws.ToString(s.Version))
	if err != nil {
		return 0
	}
	return n
}

func (s *snapshot) isImage() bool { return s.PackageType == types.PackageTypeImage }

// lambdaTime is how Lambda writes times.
const lambdaTime = "2006-01-02T15:04:05.000-0700"

// modified is zero if AWS does not say.
func (s *snapshot) modified() time.Time {
	t, err := time.Parse(lambdaTime, aws.ToString(s.LastModified))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// layerARNs in their order.
func (s *snapshot) layerARNs() []string {
	arns := make([]string, 0, len(s.Layers))
	for _, l := range s.Layers {
		arns = append(arns, aws.ToString(l.Arn))
	}
	return arns
}

// A translation turns what AWS tells into the words of the model.
type translation struct {
	// ownRole is the ARN of the role that the target makes for the function.
	ownRole string
	// layers are the contents of layer versions by ARN.
	layers map[string]string
	// secrets are names of variables that are secrets whatever the environment's note
	// says.
	secrets map[string]bool
	// repository and digest, of $LATEST's image, complete what AWS tells of versions.
	repository, digest, image string
}

// config is a snapshot in the words of the model. Where the model has two spellings
// of the same, it is that of like.
func (t translation) config(s *snapshot, like stack.Config) stack.Config {
	note, _ := noteOf(s.variables())
	c := stack.Config{
		Memory:           int(aws.ToInt32(s.MemorySize)),
		Timeout:          stack.Duration(time.Duration(aws.ToInt32(s.Timeout)) * time.Second),
		Environment:      plainVariables(s.variables(), t.secrets),
		SecretsVersion:   note.Version,
		EphemeralStorage: 512,
		Architecture:     architecture(s.Architectures, like.Architecture),
		Layers:           t.contents(s.layerARNs()),
		Tracing:          "pass_through",
		Network:          network(s.VpcConfig, like.Network),
		KMSKeyARN:        aws.ToString(s.KMSKeyArn),
	}
	if s.isImage() {
		c.Image = t.imageOf(s)
		if s.ImageConfigResponse != nil && s.ImageConfigResponse.ImageConfig != nil {
			c.Handler = strings.Join(s.ImageConfigResponse.ImageConfig.Command, " ")
		}
	} else {
		c.CodeSHA256, c.Runtime, c.Handler = aws.ToString(s.CodeSha256), string(s.Runtime), aws.ToString(s.Handler)
	}
	if s.EphemeralStorage != nil {
		c.EphemeralStorage = int(aws.ToInt32(s.EphemeralStorage.Size))
	}
	if s.TracingConfig != nil && s.TracingConfig.Mode == types.TracingModeActive {
		c.Tracing = "active"
	}
	if role := aws.ToString(s.Role); role != t.ownRole {
		c.RoleARN = role
	}
	return c
}

// contents of layers, by their ARNs. A layer that is not the target's stays an ARN,
// which no configuration can want.
func (t translation) contents(arns []string) []string {
	var contents []string
	for _, arn := range arns {
		if content, ok := t.layers[arn]; ok {
			arn = content
		}
		contents = append(contents, arn)
	}
	return contents
}

// imageOf a snapshot. Of versions AWS tells the digest only, so they have $LATEST's
// image if it is the same, and are otherwise taken to be of the same repository.
func (t translation) imageOf(s *snapshot) string {
	switch digest := aws.ToString(s.CodeSha256); {
	case s.image != "":
		return s.image
	case digest == t.digest:
		return t.image
	default:
		return t.repository + "@sha256:" + digest
	}
}

// of completes a translation by what $LATEST tells; latest may be nil.
func (t translation) of(latest *snapshot) translation {
	if latest == nil {
		return t
	}
	t.image, t.digest = latest.image, aws.ToString(latest.CodeSha256)
	t.repository, _, _ = strings.Cut(latest.image, "@")
	if slash := strings.LastIndex(t.repository, "/"); slash >= 0 {
		name, _, _ := strings.Cut(t.repository[slash:], ":")
		t.repository = t.repository[:slash] + name
	}
	return t
}

// architecture as the model has it: nothing and x86_64 are the same on AWS, which
// always says the latter.
func architecture(have []types.Architecture, like string) string {
	if len(have) == 1 && have[0] != types.ArchitectureX8664 {
		return string(have[0])
	}
	if like == string(types.ArchitectureArm64) {
		return string(types.ArchitectureX8664)
	}
	return like
}

// network as the model has it. AWS keeps no order of subnets and groups: they are in
// that of like if they are the same, else sorted.
func network(have *types.VpcConfigResponse, like *stack.Network) *stack.Network {
	if have == nil || len(have.SubnetIds) == 0 {
		return nil
	}
	n := &stack.Network{
		SubnetIDs: slices.Sorted(slices.Values(have.SubnetIds)), SecurityGroupIDs: slices.Sorted(slices.Values(have.SecurityGroupIds)),
		IPv6: aws.ToBool(have.Ipv6AllowedForDualStack),
	}
	if like != nil && slices.Equal(n.SubnetIDs, slices.Sorted(slices.Values(like.SubnetIDs))) {
		n.SubnetIDs = slices.Clone(like.SubnetIDs)
	}
	if like != nil && slices.Equal(n.SecurityGroupIDs, slices.Sorted(slices.Values(like.SecurityGroupIDs))) {
		n.SecurityGroupIDs = slices.Clone(like.SecurityGroupIDs)
	}
	return n
}

// differingAttributes names the attributes in which two configurations differ.
func differingAttributes(a, b stack.Config) []string {
	var names []string
	left, right := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range left.NumField() {
		x, y := left.Field(i), right.Field(i)
		empty := func(v reflect.Value) bool {
			return v.IsZero() || (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0
		}
		if !reflect.DeepEqual(x.Interface(), y.Interface()) && !(empty(x) && empty(y)) {
			name, _, _ := strings.Cut(left.Type().Field(i).Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	return names
}
