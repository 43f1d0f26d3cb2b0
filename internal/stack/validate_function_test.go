package stack

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func TestValidateFunction(t *testing.T) {
	runs := func(runtime, handler string) func(s *Stack) {
		return function(func(f *Function) { f.Runtime, f.Handler = runtime, handler })
	}
	invalidHandler := func(name, runtime, handler string) problemCase {
		return problemCase{
			name: name, change: runs(runtime, handler),
			paths: []string{fn("handler"), fn("runtime")}, want: "is not a handler for " + runtime + "; write it like",
		}
	}
	invalidRuntime := func(name, runtime string) problemCase {
		return problemCase{name: name, change: runs(runtime, "a.b"), paths: []string{fn("runtime")}, want: "is not the identifier of a Lambda runtime"}
	}
	environment := func(name, value string) func(s *Stack) {
		return function(func(f *Function) { f.Environment = map[string]string{name: value} })
	}
	permission := func(p Permission) func(s *Stack) {
		return function(func(f *Function) { f.Permissions = []Permission{p} })
	}
	full := validFunction()
	full.Environment = map[string]string{"TABLE": "orders"}
	full.Secrets, full.SecretsVersion = map[string]string{"KEY": "s3cret"}, "1"
	full.Permissions = []Permission{{Actions: []string{"sqs:*", "dynamodb:Put?tem", "*"}, Resources: []string{"*", "arn:aws:s3:::b/*", "arn:aws:sqs:*:*:orders"}}}
	full.Concurrency = Concurrency{Reserved: new(2), Provisioned: 2}
	full.Async.OnFailure, full.Async.OnSuccess = QueueARN("lost", false), AliasARN("shop", "other")
	full.URL = &FunctionURL{Auth: "none", InvokeMode: "buffered", CORS: &CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"GET"}}}
	full.Layers = []string{digest("1"), digest("2"), digest("3"), digest("4"), digest("5")}
	full.Architecture, full.Tracing, full.Logs.RetentionDays = "arm64", "active", 3653
	full.Network = &Network{SubnetIDs: []string{"subnet-1", "subnet-2"}, SecurityGroupIDs: []string{"sg-1"}, IPv6: true}
	full.KMSKeyARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

	checkProblems(t, validStack, []problemCase{
		{name: "a function with everything", change: func(s *Stack) { s.Functions["fulfil"] = full }},

		{name: "node", change: runs("nodejs22.x", "src/index.handler")},
		{name: "node with a handler within an export", change: runs("nodejs22.x", "index.api.handler")},
		{name: "node in a layer", change: runs("nodejs22.x", "/opt/nodejs/wrapper.handler")},
		{name: "python in a folder", change: runs("python3.13", "src/app.handler")},
		{name: "python in a package", change: runs("python3.13", "src.app.handler")},
		{name: "java", change: runs("java21", "example.Handler::handleRequest")},
		{name: "java without a method", change: runs("java8.al2", "example.Handler")},
		{name: "ruby", change: runs("ruby3.4", "app.Shop::Orders.process")},
		{name: "dotnet", change: runs("dotnet8", "Shop::Shop.Orders::Handle")},
		{name: "an executable", change: runs("provided.al2023", "bootstrap")},
		{
			name: "a function has a runtime", change: runs("", "app.handler"),
			paths: []string{fn("runtime"), fn("image")}, want: "a function that is not an image has a runtime",
		},
		invalidRuntime("a runtime has a version", "python"),
		invalidRuntime("a runtime of node ends in .x", "nodejs22"),
		invalidRuntime("a runtime is a known family", "php8.4"),
		invalidHandler("a handler of node names a file and an export", "nodejs22.x", "index"),
		invalidHandler("a handler of node is relative", "nodejs22.x", "/index.handler"),
		invalidHandler("a handler does not leave the package", "nodejs22.x", "../index.handler"),
		invalidHandler("a handler of python names a function", "python3.13", "app"),
		invalidHandler("a handler of python has no empty parts", "python3.13", ".handler"),
		invalidHandler("a handler has no spaces", "python3.13", "my app.handler"),
		invalidHandler("a handler of java is a class", "java21", "example/Handler"),
		invalidHandler("a function has a handler", "nodejs22.x", ""),
		invalidHandler("a handler has at most 128 characters", "python3.13", strings.Repeat("a", 121)+".handler"),

		{
			name:   "code is named by its SHA-256",
			change: function(func(f *Function) { f.CodeSHA256 = "abc" }),
			paths:  []string{fn("source")}, want: "is not the SHA-256 of a package",
		},
		{name: "code that is not packaged yet", change: function(func(f *Function) { f.CodeSHA256 = "" })},
		{
			name:   "there are at most five layers",
			change: function(func(f *Function) { f.Layers = append(full.Layers[:5:5], digest("6")) }),
			paths:  []string{fn("layers")}, want: "there are 6 layers; a function can have 5",
		},
		{
			name:   "a layer is named once",
			change: function(func(f *Function) { f.Layers = []string{digest("1"), digest("1")} }),
			paths:  []string{fn("layers[1]"), fn("layers")}, want: "same content as an earlier one",
		},
		{
			name:   "a layer is named by its SHA-256",
			change: function(func(f *Function) { f.Layers = []string{"./layer"} }),
			paths:  []string{fn("layers[0]")}, want: "is not the SHA-256 of a package",
		},
		{
			name:   "memory is 128 MB at least",
			change: function(func(f *Function) { f.Memory = 127 }),
			paths:  []string{fn("memory")}, want: "the memory is 127 MB; it can be 128 to 10240",
		},
		{
			name:   "a timeout is a second at least",
			change: function(func(f *Function) { f.Timeout = 0 }),
			paths:  []string{fn("timeout")}, want: "the timeout is 0s; it can be 1s to 15m",
		},
		{
			name:   "a timeout is a quarter of an hour at most",
			change: function(func(f *Function) { f.Timeout = seconds(901) }),
			paths:  []string{fn("timeout")}, want: "the timeout is 15m1s",
		},
		{
			name:   "a timeout is whole seconds",
			change: function(func(f *Function) { f.Timeout = Duration(1500 * time.Millisecond) }),
			paths:  []string{fn("timeout")}, want: "whole seconds",
		},
		{
			name:   "ephemeral storage is 512 MB at least",
			change: function(func(f *Function) { f.EphemeralStorage = 511 }),
			paths:  []string{fn("ephemeral_storage")}, want: "it can be 512 to 10240",
		},
		{
			name:   "architectures are those of Lambda",
			change: function(func(f *Function) { f.Architecture = "amd64" }),
			paths:  []string{fn("architecture")}, want: `it can be "x86_64" or "arm64"`,
		},
		{
			name:   "tracing is pass_through or active",
			change: function(func(f *Function) { f.Tracing = "Active" }),
			paths:  []string{fn("tracing")}, want: `it can be "pass_through" or "active"`,
		},

		{
			name: "a variable's name begins with a letter", change: environment("_A", "x"),
			paths: []string{fn(`environment["_A"]`)}, want: `"_A" cannot name an environment variable`,
		},
		{
			name: "a variable's name has two characters, as Lambda wants it", change: environment("A", "x"),
			paths: []string{fn(`environment["A"]`)}, want: `"A" cannot name an environment variable; use two or more letters`,
		},
		{
			name: "variables of the runtime cannot be set", change: environment("AWS_REGION", "x"),
			paths: []string{fn(`environment["AWS_REGION"]`)}, want: "AWS_REGION is set by the runtime",
		},
		{
			name: "variables of Tidegate cannot be set", change: environment("TIDEGATE_TOKEN", "x"),
			paths: []string{fn(`environment["TIDEGATE_TOKEN"]`)}, want: "is set by the runtime",
		},
		{
			name: "a variable's value is text", change: environment("AA", "\xff"),
			paths: []string{fn(`environment["AA"]`)}, want: "the value of AA is not text",
		},
		{
			name: "a variable's value has no zero byte", change: environment("AA", "a\x00b"),
			paths: []string{fn(`environment["AA"]`)}, want: "a zero byte",
		},
		{name: "4096 bytes of environment", change: environment("AA", strings.Repeat("<", 4096-len(`{"AA":""}`)))},
		{
			name: "4097 bytes of environment", change: environment("AA", strings.Repeat("<", 4097-len(`{"AA":""}`))),
			paths: []string{fn("environment"), fn("secrets_wo")}, want: "have 4097 bytes as JSON; together they can have 4096",
		},
		{
			name: "secrets count as environment",
			change: function(func(f *Function) {
				f.Environment = map[string]string{"AA": strings.Repeat("x", 2048)}
				f.Secrets, f.SecretsVersion = map[string]string{"BB": strings.Repeat("x", 2048)}, "1"
			}),
			paths: []string{fn("environment"), fn("secrets_wo")}, want: "together they can have 4096",
		},
		{
			name: "a variable is not a secret as well",
			change: function(func(f *Function) {
				f.Environment, f.Secrets, f.SecretsVersion = map[string]string{"AA": "x"}, map[string]string{"AA": "y"}, "1"
			}),
			paths: []string{fn(`environment["AA"]`), fn("secrets_wo")}, want: "AA is both in the environment and among the secrets",
		},
		{
			name:   "secrets are named like variables",
			change: function(func(f *Function) { f.Secrets, f.SecretsVersion = map[string]string{"A-B": "x"}, "1" }),
			paths:  []string{fn("secrets_wo")}, want: `"A-B" cannot name an environment variable`,
		},
		{
			name:   "secrets have a version",
			change: function(func(f *Function) { f.Secrets = map[string]string{"AA": "x"} }),
			paths:  []string{fn("secrets_version"), fn("secrets_wo")}, want: "secrets need a secrets_version",
		},

		{
			name: "a permission has actions", change: permission(Permission{Resources: []string{"*"}}),
			paths: []string{fn("permissions[0].actions")}, want: "at least one action",
		},
		{
			name: "a permission has resources", change: permission(Permission{Actions: []string{"*"}}),
			paths: []string{fn("permissions[0].resources")}, want: "at least one resource",
		},
		{
			name: "an action has a service", change: permission(Permission{Actions: []string{"SendMessage"}, Resources: []string{"*"}}),
			paths: []string{fn("permissions[0].actions[0]"), fn("permissions[0].actions")}, want: `"SendMessage" is not an action`,
		},
		{
			name: "a resource is an ARN", change: permission(Permission{Actions: []string{"*"}, Resources: []string{"*", "orders"}}),
			paths: []string{fn("permissions[0].resources[1]"), fn("permissions[0].resources")}, want: `"orders" is neither an ARN`,
		},

		{name: "a function that never runs", change: function(func(f *Function) { f.Concurrency.Reserved = new(0) })},
		{
			name:   "reserved concurrency is not negative",
			change: function(func(f *Function) { f.Concurrency.Reserved = new(-1) }),
			paths:  []string{fn("concurrency.reserved")}, want: "is -1; it can be 0",
		},
		{
			name:   "provisioned concurrency is not negative",
			change: function(func(f *Function) { f.Concurrency.Provisioned = -1 }),
			paths:  []string{fn("concurrency.provisioned")}, want: "is -1; it can be 0 or more",
		},
		{
			name:   "no more is provisioned than reserved",
			change: function(func(f *Function) { f.Concurrency = Concurrency{Reserved: new(1), Provisioned: 2} }),
			paths:  []string{fn("concurrency.provisioned"), fn("concurrency.reserved")}, want: "2 instances are provisioned and only 1 reserved",
		},
		{
			name:   "an invocation is retried twice at most",
			change: function(func(f *Function) { f.Async.Retries = 3 }),
			paths:  []string{fn("async.retries")}, want: "it can be 0 to 2",
		},
		{
			name:   "an event is kept for six hours at most",
			change: function(func(f *Function) { f.Async.MaxAge = Duration(7 * time.Hour) }),
			paths:  []string{fn("async.max_age")}, want: "it can be 1m to 6h",
		},
		{
			name:   "a destination is an ARN",
			change: function(func(f *Function) { f.Async.OnFailure = "lost" }),
			paths:  []string{fn("async.on_failure")}, want: `the destination on failure: "lost" is not an ARN`,
		},
		{
			name:   "a destination is a queue or a function",
			change: function(func(f *Function) { f.Async.OnFailure = "arn:aws:iam::123456789012:role/x" }),
			paths:  []string{fn("async.on_failure")}, want: "it can be the ARN of a queue or of a function",
		},
		{
			name:   "a destination is a standard queue",
			change: function(func(f *Function) { f.Async.OnSuccess = QueueARN("orders", true) }),
			paths:  []string{fn("async.on_success")}, want: "only a standard queue",
		},
		{
			name:   "a function is not its own destination",
			change: function(func(f *Function) { f.Async.OnSuccess = AliasARN("shop", "fulfil") }),
			paths:  []string{fn("async.on_success")}, want: "is the function itself",
		},
		{
			name:   "logs are kept for as long as CloudWatch can",
			change: function(func(f *Function) { f.Logs.RetentionDays = 10 }),
			paths:  []string{fn("logs.retention_days")}, want: "logs cannot be kept for 10 days; CloudWatch Logs knows [1 3 5 7 14",
		},
		{
			name:   "a URL is open or not",
			change: function(func(f *Function) { f.URL = &FunctionURL{Auth: "jwt", InvokeMode: "buffered"} }),
			paths:  []string{fn("url.auth")}, want: `it can be "none" or "iam"`,
		},
		{
			name: "CORS rules of a URL cannot name OPTIONS",
			change: function(func(f *Function) {
				f.URL = &FunctionURL{Auth: "iam", InvokeMode: "buffered", CORS: &CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"OPTIONS"}}}
			}),
			paths: []string{fn("url.cors.allow_methods[0]"), fn("url.cors.allow_methods")}, want: `"OPTIONS" is not a method to allow`,
		},
		{
			name:   "a version is kept at least",
			change: function(func(f *Function) { f.KeepVersions = 0 }),
			paths:  []string{fn("keep_versions")}, want: "it can be 1 to 100",
		},
	})
}

func TestProblemsNeverShowSecrets(t *testing.T) {
	s := validStack()
	function(func(f *Function) {
		f.Secrets = map[string]string{"A-B": "s3cret", "AWS_REGION": "s3cret", "C": "s3cret\xff", "D": strings.Repeat("s3cret", 1000)}
		f.Environment = map[string]string{"C": "s3cret\x00"}
	})(&s)
	problems := s.Validate()
	if len(problems) < 5 {
		t.Fatalf("only %d problems", len(problems))
	}
	if strings.Contains(problems.Err().Error(), "s3cret") {
		t.Error(problems)
	}
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}
