package stack

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of Lambda: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	maxEnvironment = 4096 // bytes, measured as the JSON of the variables
	maxLayers      = 5
)

// logRetentions are the days that CloudWatch Logs can keep; 0 is for ever.
var logRetentions = []int{
	0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
}

func (v *validation) retention(path string, days int) {
	if !slices.Contains(logRetentions, days) {
		v.errorf(at(path), "logs cannot be kept for %d days; CloudWatch Logs knows %v, and 0 for ever", days, logRetentions[1:])
	}
}

func (v *validation) function(s Stack, name string) {
	f, path := s.Functions[name], element("functions", name)
	v.code(f.Config, path)
	v.between(path+".memory", "the memory", f.Memory, 128, 10240, " MB")
	v.seconds(path+".timeout", "the timeout", f.Timeout, Duration(time.Second), Duration(900*time.Second))
	v.between(path+".ephemeral_storage", "the ephemeral storage", f.EphemeralStorage, 512, 10240, " MB")
	if f.Architecture != "" {
		v.oneOf(path+".architecture", "the architecture", f.Architecture, "x86_64", "arm64")
	}
	v.oneOf(path+".tracing", "the tracing", f.Tracing, "pass_through", "active")
	v.environment(f, path)
	for i, p := range f.Permissions {
		v.permission(p, index(path+".permissions", i))
	}
	v.concurrency(f.Concurrency, path+".concurrency")
	v.async(f.Async, FullName(s.Name, name), path+".async")
	v.role(f, path)
	v.network(f.Network, path+".network")
	v.key(f, path)
	v.retention(path+".logs.retention_days", f.Logs.RetentionDays)
	v.functionURL(f.URL, path+".url")
	v.between(path+".keep_versions", "the number of versions to keep", f.KeepVersions, 1, 100, "")
}

// functionURL checks the address of a function or of one of its aliases.
func (v *validation) functionURL(u *FunctionURL, path string) {
	if u == nil {
		return
	}
	v.oneOf(path+".auth", "the authorization of the URL", u.Auth, "none", "iam")
	v.oneOf(path+".invoke_mode", "the mode in which the URL invokes its function", u.InvokeMode, InvokeModeBuffered, InvokeModeStream)
	if u.CORS != nil {
		// Lambda answers preflight requests itself and refuses OPTIONS here.
		v.cors(u.CORS, path+".cors", corsMethods[:len(corsMethods)-1])
	}
}

// code checks what runs: packages, runtime and handler, or an image.
func (v *validation) code(c Config, path string) {
	// An empty digest is that of code which is not packaged yet.
	if c.CodeSHA256 != "" && !validDigest(c.CodeSHA256) {
		v.errorf(at(path+".source"), "%q is not the SHA-256 of a package in base64", c.CodeSHA256)
	}
	if len(c.Layers) > maxLayers {
		v.errorf(at(path+".layers"), "there are %d layers; a function can have %d", len(c.Layers), maxLayers)
	}
	for i, layer := range c.Layers {
		switch {
		case layer == "":
		case !validDigest(layer):
			v.errorf(at(index(path+".layers", i)), "%q is not the SHA-256 of a package in base64", layer)
		case slices.Contains(c.Layers[:i], layer):
			v.errorf(at(index(path+".layers", i), path+".layers"), "the layer has the same content as an earlier one; name it once")
		}
	}
	if c.Image != "" {
		v.image(c, path)
		return
	}
	v.runtime(c, path)
}

func validDigest(text string) bool {
	sum, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(sum) == sha256.Size
}

// handlerShapes are what handlers of a family of runtimes look like. The key is
// how the family's identifiers begin.
var handlerShapes = []struct {
	family, example string
	pattern         *regexp.Regexp
}{
	{"nodejs", "index.handler", regexp.MustCompile(`^([^/\s]+/)*[^/.\s]+\.[^/\s]+$`)},
	{"python", "app.handler", regexp.MustCompile(`^[^\s.]+(\.[^\s.]+)*\.[A-Za-z_][A-Za-z0-9_]*$`)},
	{"ruby", "app.handler", regexp.MustCompile(`^[^\s.]+\.[^\s]+$`)},
	{"java", "example.Handler::handleRequest", regexp.MustCompile(`^[\w$]+(\.[\w$]+)*(::[\w$]+)?$`)},
	{"dotnet", "Assembly::Namespace.Class::Method", regexp.MustCompile(`^[^\s:]+(::[^\s:]+::[^\s:]+)?$`)},
	{"provided", "bootstrap", regexp.MustCompile(`^\S+$`)},
}

// runtimePattern is the shape of Lambda's identifiers. Which of them exist is
// for the target to say.
var runtimePattern = regexp.MustCompile(`^(nodejs[0-9]+\.x|python3\.[0-9]+|ruby[0-9]+\.[0-9]+|java[0-9]+(\.al2)?|dotnet[0-9]+|provided(\.al[0-9]+)?)$`)

func (v *validation) runtime(c Config, path string) {
	if c.Runtime == "" {
		v.errorf(at(path+".runtime", path+".image"), "a function that is not an image has a runtime, such as \"nodejs22.x\", \"python3.13\", "+
			"\"java21\" or \"provided.al2023\", and this one has none")
		return
	}
	if !runtimePattern.MatchString(c.Runtime) {
		v.errorf(at(path+".runtime"), "%q is not the identifier of a Lambda runtime, such as \"nodejs22.x\", \"python3.13\", "+
			"\"java21\" or \"provided.al2023\"", c.Runtime)
		return
	}
	paths := at(path+".handler", path+".runtime")
	for _, shape := range handlerShapes {
		if !strings.HasPrefix(c.Runtime, shape.family) {
			continue
		}
		// An absolute path leads into a layer, and nowhere else.
		handler := strings.TrimPrefix(c.Handler, "/opt/")
		if !shape.pattern.MatchString(handler) || len(c.Handler) > 128 ||
			strings.HasPrefix(handler, "/") || slices.Contains(strings.Split(handler, "/"), "..") {
			v.errorf(paths, "%q is not a handler for %s; write it like %q, with at most 128 characters", c.Handler, c.Runtime, shape.example)
		}
	}
}

// variablePattern holds for the names of environment variables. Lambda wants two
// characters at least: EnvironmentVariableName in the model of its API.
var variablePattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)

// reservedVariables are set by the runtime:
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
// The last three are Tidegate's own.
var reservedVariables = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
	"TIDEGATE_TOKEN", "TIDEGATE_ENDPOINT", "TIDEGATE_SECRETS",
}

func (v *validation) environment(f Function, path string) {
	environment, secrets := path+".environment", path+".secrets_wo"
	for _, name := range slices.Sorted(maps.Keys(f.Environment)) {
		v.variable(element(environment, name), name, f.Environment[name])
		if _, ok := f.Secrets[name]; ok {
			v.errorf(at(element(environment, name), secrets), "%s is both in the environment and among the secrets; keep one of them", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Secrets)) {
		v.variable(secrets, name, f.Secrets[name])
	}
	if len(f.Secrets) > 0 && f.SecretsVersion == "" {
		v.errorf(at(path+".secrets_version", secrets), "secrets need a secrets_version, "+
			"which you change with them, since Terraform does not see whether they did")
	}
	all := maps.Clone(f.Environment)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, f.Secrets)
	if size := jsonSize(all); size > maxEnvironment {
		v.errorf(at(environment, secrets), "the environment and the secrets have %d bytes as JSON; together they can have %d", size, maxEnvironment)
	}
}

// variable checks one variable. Its value is never part of a problem.
func (v *validation) variable(path, name, value string) {
	switch {
	case slices.Contains(reservedVariables, name):
		v.errorf(at(path), "%s is set by the runtime; choose another name", name)
	case !variablePattern.MatchString(name):
		v.errorf(at(path), "%q cannot name an environment variable; use two or more letters, digits and _, beginning with a letter", name)
	}
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		v.errorf(at(path), "the value of %s is not text that an environment variable can hold: it has invalid UTF-8 or a zero byte", name)
	}
}

// jsonSize is the length of the variables as compact JSON, which is what Lambda
// measures (it escapes only what it must).
func jsonSize(variables map[string]string) int {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(variables); err != nil {
		return 0 // strings always encode
	}
	return len(strings.TrimSuffix(text.String(), "\n"))
}

var actionPattern = regexp.MustCompile(`^(\*|[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+)$`)

func (v *validation) permission(p Permission, path string) {
	if len(p.Actions) == 0 {
		v.errorf(at(path+".actions"), "a permission names at least one action, such as \"sqs:SendMessage\"")
	}
	for i, action := range p.Actions {
		if !actionPattern.MatchString(action) {
			v.errorf(at(index(path+".actions", i), path+".actions"), "%q is not an action such as \"sqs:SendMessage\", \"sqs:*\" or \"*\"", action)
		}
	}
	if len(p.Resources) == 0 {
		v.errorf(at(path+".resources"), "a permission names at least one resource, as an ARN or \"*\"")
	}
	for i, resource := range p.Resources {
		if _, err := ParseARN(resource); err != nil && resource != "*" {
			v.errorf(at(index(path+".resources", i), path+".resources"), "%q is neither an ARN such as %q nor \"*\"", resource, QueueARN("orders", false))
		}
	}
}

func (v *validation) concurrency(c Concurrency, path string) {
	if c.Reserved != nil && *c.Reserved < 0 {
		v.errorf(at(path+".reserved"), "the reserved concurrency is %d; it can be 0, which stops the function, or more", *c.Reserved)
	}
	if c.Provisioned < 0 {
		v.errorf(at(path+".provisioned"), "the provisioned concurrency is %d; it can be 0 or more", c.Provisioned)
	}
	if c.Reserved != nil && *c.Reserved >= 0 && c.Provisioned > *c.Reserved {
		v.errorf(at(path+".provisioned", path+".reserved"), "%d instances are provisioned and only %d reserved; reserve as many at least",
			c.Provisioned, *c.Reserved)
	}
}

func (v *validation) async(a Async, fullName, path string) {
	v.between(path+".retries", "the number of retries", a.Retries, 0, 2, "")
	v.seconds(path+".max_age", "the maximum age", a.MaxAge, Duration(time.Minute), Duration(6*time.Hour))
	v.destination(path+".on_failure", "the destination on failure", a.OnFailure, fullName)
	v.destination(path+".on_success", "the destination on success", a.OnSuccess, fullName)
}

func (v *validation) destination(path, what, text, fullName string) {
	v.arn(path, what, text, true)
	if arn, err := ParseARN(text); err == nil {
		if name, _, ok := arn.Function(); ok && name == fullName {
			v.errorf(at(path), "%s is the function itself; name another function or a queue", what)
		}
	}
}
