package aws

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// settings are all of a function that UpdateFunctionConfiguration can change, in one
// spelling.
type settings struct {
	// runtime and handler of a package, or command of an image.
	runtime, handler, command string
	memory, timeout, storage  int32 // MB, s, MB
	active                    bool  // tracing
	role, key                 string
	environment               map[string]string
	layers                    string // ARNs with spaces between them
	subnets, groups           string // ids, sorted, with spaces between them
	ipv6                      bool
	others                    otherSettings
}

// otherSettings are those that the model does not have. Stacks have their standard
// values, and whatever else is there was added by somebody by hand.
type otherSettings struct {
	description, deadLetters, fileSystems, snapStart, entryPoint, folder, logGroup, logFormat string
}

// settingsOf a configuration as it should be. Role and layers are ARNs.
func (f *function) settingsOf(c stack.Config, role string, layers []string, environment map[string]string) settings {
	s := settings{
		runtime: c.Runtime, handler: c.Handler,
		memory: int32(c.Memory), timeout: int32(time.Duration(c.Timeout) / time.Second), storage: int32(c.EphemeralStorage),
		active: c.Tracing == "active", role: role, key: c.KMSKeyARN,
		environment: environment, layers: strings.Join(layers, " "), others: f.standard(),
	}
	if c.Image != "" {
		s.runtime, s.handler, s.command = "", "", c.Handler
	}
	if c.Network != nil {
		s.subnets, s.groups, s.ipv6 = sortedWords(c.Network.SubnetIDs), sortedWords(c.Network.SecurityGroupIDs), c.Network.IPv6
	}
	return s
}

// settingsNow are a function's settings as AWS has them.
func (f *function) settingsNow(have *snapshot) settings {
	s := settings{
		runtime: string(have.Runtime), handler: aws.ToString(have.Handler),
		memory: aws.ToInt32(have.MemorySize), timeout: aws.ToInt32(have.Timeout), storage: 512,
		role: aws.ToString(have.Role), key: aws.ToString(have.KMSKeyArn),
		environment: map[string]string{}, layers: strings.Join(have.layerARNs(), " "), others: f.others(have),
	}
	maps.Copy(s.environment, have.variables())
	if have.isImage() {
		s.runtime, s.handler = "", ""
	}
	if image := have.ImageConfigResponse; image != nil && image.ImageConfig != nil {
		s.command = strings.Join(image.ImageConfig.Command, " ")
	}
	if have.EphemeralStorage != nil {
		s.storage = aws.ToInt32(have.EphemeralStorage.Size)
	}
	if have.TracingConfig != nil {
		s.active = have.TracingConfig.Mode == types.TracingModeActive
	}
	if vpc := have.VpcConfig; vpc != nil && len(vpc.SubnetIds) > 0 {
		s.subnets, s.groups, s.ipv6 = sortedWords(vpc.SubnetIds), sortedWords(vpc.SecurityGroupIds), aws.ToBool(vpc.Ipv6AllowedForDualStack)
	}
	return s
}

func (s settings) equal(t settings) bool {
	same := maps.Equal(s.environment, t.environment)
	s.environment, t.environment = nil, nil
	return same && s.flat() == t.flat()
}

// flat is all but the environment, which does not compare.
func (s settings) flat() any {
	type rest struct {
		texts  [8]string
		sizes  [3]int32
		flags  [2]bool
		others otherSettings
	}
	return rest{
		[...]string{s.runtime, s.handler, s.command, s.role, s.key, s.layers, s.subnets, s.groups},
		[...]int32{s.memory, s.timeout, s.storage},
		[...]bool{s.active, s.ipv6},
		s.others,
	}
}

// standard are the other settings that stacks' functions have.
func (f *function) standard() otherSettings {
	return otherSettings{
		description: "Function " + f.function + " of the Tidegate stack " + f.i.name,
		snapStart:   string(types.SnapStartApplyOnNone),
		logGroup:    functionLogGroup(f.i.name, f.function),
		logFormat:   string(types.LogFormatText),
	}
}

// others are what AWS tells; where it is silent, the standard.
func (f *function) others(have *snapshot) otherSettings {
	o := f.standard()
	o.description = aws.ToString(have.Description)
	if have.DeadLetterConfig != nil {
		o.deadLetters = aws.ToString(have.DeadLetterConfig.TargetArn)
	}
	var mounts []string
	for _, m := range have.FileSystemConfigs {
		mounts = append(mounts, aws.ToString(m.Arn)+"="+aws.ToString(m.LocalMountPath))
	}
	o.fileSystems = sortedWords(mounts)
	if have.SnapStart != nil && have.SnapStart.ApplyOn != "" {
		o.snapStart = string(have.SnapStart.ApplyOn)
	}
	if image := have.ImageConfigResponse; image != nil && image.ImageConfig != nil {
		o.entryPoint, o.folder = strings.Join(image.ImageConfig.EntryPoint, " "), aws.ToString(image.ImageConfig.WorkingDirectory)
	}
	if logs := have.LoggingConfig; logs != nil {
		if group := aws.ToString(logs.LogGroup); group != "" {
			o.logGroup = group
		}
		if logs.LogFormat != "" {
			o.logFormat = string(logs.LogFormat)
		}
	}
	return o
}

// differences names, for people, what of the other settings is not standard.
func (o otherSettings) differences(standard otherSettings) []string {
	var words []string
	for _, d := range []struct{ is, should, what string }{
		{o.description, standard.description, "its description was changed"},
		{o.deadLetters, standard.deadLetters, "it has a dead-letter target of its own"},
		{o.fileSystems, standard.fileSystems, "it has a file system mounted"},
		{o.snapStart, standard.snapStart, "SnapStart was switched on"},
		{o.entryPoint, standard.entryPoint, "the image's entry point was replaced"},
		{o.folder, standard.folder, "the image's working folder was replaced"},
		{o.logGroup, standard.logGroup, "it logs to " + o.logGroup},
		{o.logFormat, standard.logFormat, "it logs in the format " + o.logFormat},
	} {
		if d.is != d.should {
			words = append(words, d.what)
		}
	}
	return words
}

// update is the one call that makes a function's settings these. What AWS may not
// offer everywhere is named only if it has to be changed.
func (f *function) update(want, have settings) *lambda.UpdateFunctionConfigurationInput {
	in := &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String(f.fullName()), Description: aws.String(want.others.description),
		MemorySize: aws.Int32(want.memory), Timeout: aws.Int32(want.timeout),
		EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(want.storage)},
		Role:             aws.String(want.role),
		Environment:      &types.Environment{Variables: want.environment},
		TracingConfig:    tracing(want.active),
	}
	if want.runtime != "" {
		in.Runtime, in.Handler = types.Runtime(want.runtime), aws.String(want.handler)
		if want.layers != have.layers {
			in.Layers = append([]string{}, strings.Fields(want.layers)...)
		}
	} else if want.command != have.command || want.others.entryPoint != have.others.entryPoint || want.others.folder != have.others.folder {
		in.ImageConfig = imageConfig(want.command)
	}
	if want.key != have.key {
		in.KMSKeyArn = aws.String(want.key)
	}
	if want.subnets != have.subnets || want.groups != have.groups || want.ipv6 != have.ipv6 {
		in.VpcConfig = vpcConfig(want)
	}
	if have.others.deadLetters != "" {
		in.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: aws.String("")}
	}
	if have.others.fileSystems != "" {
		in.FileSystemConfigs = []types.FileSystemConfig{}
	}
	if have.others.snapStart != want.others.snapStart {
		in.SnapStart = &types.SnapStart{ApplyOn: types.SnapStartApplyOn(want.others.snapStart)}
	}
	if have.others.logGroup != want.others.logGroup || have.others.logFormat != want.others.logFormat {
		in.LoggingConfig = &types.LoggingConfig{LogFormat: types.LogFormat(want.others.logFormat), LogGroup: aws.String(want.others.logGroup)}
	}
	return in
}

func tracing(active bool) *types.TracingConfig {
	if active {
		return &types.TracingConfig{Mode: types.TracingModeActive}
	}
	return &types.TracingConfig{Mode: types.TracingModePassThrough}
}

// vpcConfig without subnets takes a function out of its network.
func vpcConfig(s settings) *types.VpcConfig {
	return &types.VpcConfig{
		SubnetIds: append([]string{}, strings.Fields(s.subnets)...), SecurityGroupIds: append([]string{}, strings.Fields(s.groups)...),
		Ipv6AllowedForDualStack: aws.Bool(s.ipv6),
	}
}

// imageConfig without a command leaves the image its own.
func imageConfig(command string) *types.ImageConfig {
	if command == "" {
		return &types.ImageConfig{}
	}
	return &types.ImageConfig{Command: []string{command}}
}

func sortedWords(words []string) string {
	return strings.Join(slices.Sorted(slices.Values(words)), " ")
}
