package stack

import "sort"

// AliasLive is the one alias that every binding, permission and concurrency
// setting of a stack goes to.
const AliasLive = "live"

// Latest is the qualifier of a function's mutable configuration.
const Latest = "$LATEST"

// A Stack is the unit of deployment: one trigger and the functions that
// depend on it.
type Stack struct {
	// Name is unique on its target: ^[a-z][a-z0-9-]{0,39}$.
	Name string `json:"name"`
	// Trigger is the infrastructure that emits the stack's events. Its zero
	// value means the stack has none; its functions are invoked explicitly.
	Trigger Trigger `json:"trigger"`
	// Functions by name (^[a-z][a-z0-9-]{0,39}$). At least one.
	Functions map[string]Function `json:"functions"`
	// Release says how the stack's aliases move to new versions; nil means at once.
	Release *Release `json:"release,omitempty"`
	// Tags that the user gave the stack.
	Tags map[string]string `json:"tags,omitempty"`
}

// FunctionNames returns the names of the stack's functions in order.
func (s Stack) FunctionNames() []string {
	names := make([]string, 0, len(s.Functions))
	for name := range s.Functions {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// FullName is what a function is called on its target: "<stack>-<function>",
// at most 64 characters, as Lambda has it.
func FullName(stack, function string) string { return stack + "-" + function }

// A Trigger holds at most one non-nil field: which kind of trigger it is.
type Trigger struct {
	HTTPAPI  *HTTPAPI  `json:"http_api,omitempty"`
	Queue    *Queue    `json:"queue,omitempty"`
	Schedule *Schedule `json:"schedule,omitempty"`
}

// Kind names a kind of trigger, as in the resource type after "tidegate_".
type Kind string

// The kinds of trigger. KindNone is a stack without one.
const (
	KindNone     Kind = "stack"
	KindHTTPAPI  Kind = "http_api"
	KindQueue    Kind = "queue"
	KindSchedule Kind = "schedule"
)

// Kind tells which field of the trigger is set.
func (t Trigger) Kind() Kind {
	switch {
	case t.HTTPAPI != nil:
		return KindHTTPAPI
	case t.Queue != nil:
		return KindQueue
	case t.Schedule != nil:
		return KindSchedule
	}
	return KindNone
}

// A Binding connects a trigger to one of its stack's functions.
type Binding struct {
	// Path is the attribute that names the function, such as
	// `routes["POST /orders"].function`.
	Path string
	// Name identifies the binding within its trigger: a route key, a schedule's
	// name, "consumer".
	Name string
	// Function is the bound function's name within the stack.
	Function string
}

// A Function is code and its configuration, mutable.
type Function struct {
	// Config is what publishing freezes into a version.
	Config
	// Secrets are further environment variables. They travel to the target only,
	// never back: every answer of a target omits them. SecretsVersion in Config
	// tells a change of them.
	Secrets map[string]string `json:"secrets,omitempty"`
	// Permissions are what the function may do. Not frozen: they hold for every
	// version at once.
	Permissions []Permission `json:"permissions,omitempty"`
	Concurrency Concurrency  `json:"concurrency"`
	Async       Async        `json:"async"`
	Logs        Logs         `json:"logs"`
	// URL gives the function an address of its own; nil means none.
	URL *FunctionURL `json:"url,omitempty"`
	// KeepVersions is how many of the newest versions stay, 1 to 100. Versions
	// that an alias points at stay whatever this says. Default 10.
	KeepVersions int `json:"keep_versions"`
}

// Config is the part of a function that a version freezes. Two configs with
// the same Hash are the same version.
type Config struct {
	// CodeSHA256 is the SHA-256 of the package (see internal/pack) in standard
	// base64, as Lambda writes it; empty with an Image.
	CodeSHA256 string `json:"code_sha256"`
	// Image is the URI of a container image in place of a package:
	// "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:...".
	Image string `json:"image,omitempty"`
	// Runtime is a Lambda runtime identifier: "python3.13", "nodejs22.x",
	// "provided.al2023", "java21"; empty with an Image.
	Runtime string `json:"runtime"`
	// Handler is the entry point: "app.handler"; for java "pkg.Class::method";
	// for provided.* free, and "bootstrap" by default. With an Image it takes the
	// place of the image's command, and is empty by default.
	Handler string `json:"handler"`
	// Memory in MB, 128 to 10240, default 128. CPU follows: 1769 MB is one vCPU.
	Memory int `json:"memory"`
	// Timeout of one invocation, whole seconds, 1s to 900s, default 3s.
	Timeout Duration `json:"timeout"`
	// Environment variables, at most 4 KB in all together with the secrets.
	Environment map[string]string `json:"environment,omitempty"`
	// SecretsVersion changes when the secrets do; the secrets themselves are in
	// no hash and no state.
	SecretsVersion string `json:"secrets_version,omitempty"`
	// EphemeralStorage is the size of /tmp in MB, 512 to 10240, default 512.
	EphemeralStorage int `json:"ephemeral_storage"`
	// Architecture is "x86_64" or "arm64"; empty means the target's own default
	// (on AWS x86_64, on the open runtime the host's).
	Architecture string `json:"architecture,omitempty"`
	// Layers are further packages, unpacked in order into /opt: the CodeSHA256
	// of each.
	Layers []string `json:"layers,omitempty"`
	// Tracing is "pass_through" (default) or "active".
	Tracing string `json:"tracing"`
	// RoleARN of a role of the user's own that the function runs as; empty means that
	// the target makes one that may do what the function needs.
	RoleARN string `json:"role_arn,omitempty"`
	// Network is what the function reaches; nil means the target's own, with the
	// internet.
	Network *Network `json:"network,omitempty"`
	// KMSKeyARN of the key that encrypts the environment at rest; empty means the
	// target's own.
	KMSKeyARN string `json:"kms_key_arn,omitempty"`
}

// NetworkNone is the mode of a network in which a function reaches nothing.
const NetworkNone = "none"

// A Network is where in a VPC a function's network interfaces are, or, by its mode,
// that it has none.
type Network struct {
	// Mode is empty or NetworkNone, with which there is nothing else.
	Mode string `json:"mode,omitempty"`
	// SubnetIDs, such as "subnet-0123456789abcdef0": 1 to 16.
	SubnetIDs []string `json:"subnet_ids,omitempty"`
	// SecurityGroupIDs, such as "sg-0123456789abcdef0": 1 to 5.
	SecurityGroupIDs []string `json:"security_group_ids,omitempty"`
	// IPv6 lets the function reach IPv6 addresses, where the subnets have both.
	IPv6 bool `json:"ipv6,omitempty"`
}

// A Permission allows actions on resources, both with * and ? as wildcards,
// as in an IAM policy: {"sqs:SendMessage"} on {"arn:aws:sqs:*:*:orders"}.
type Permission struct {
	Actions   []string `json:"actions"`
	Resources []string `json:"resources"`
}

// Concurrency limits and keeps instances of a function. It belongs to the
// alias "live".
type Concurrency struct {
	// Reserved is the most instances at once, and taken from the account's limit;
	// nil means as many as that limit leaves, 0 that the function never runs.
	Reserved *int `json:"reserved,omitempty"`
	// Provisioned instances are started before they are needed. Default 0.
	Provisioned int `json:"provisioned"`
}

// Async says what becomes of asynchronous invocations.
type Async struct {
	// Retries after a failed first attempt, 0 to 2, default 2.
	Retries int `json:"retries"`
	// MaxAge after which an event is given up, 60s to 6h, default 6h.
	MaxAge Duration `json:"max_age"`
	// OnFailure and OnSuccess are ARNs of a queue or a function that receive a
	// record of the invocation; empty means none.
	OnFailure string `json:"on_failure,omitempty"`
	OnSuccess string `json:"on_success,omitempty"`
}

// Logs configures the function's log group.
type Logs struct {
	// RetentionDays is how long log lines stay; 0 (default) means for ever.
	RetentionDays int `json:"retention_days"`
}

// FunctionURL is an address that invokes one function with payload format 2.0.
type FunctionURL struct {
	// Auth is "none" (open to all) or "iam" (on the open runtime: a token that may
	// lambda:InvokeFunctionUrl). Default "iam".
	Auth string `json:"auth"`
	// InvokeMode is "buffered" (an answer is sent when it is whole) or
	// "response_stream" (as the function writes it). Default "buffered".
	InvokeMode string `json:"invoke_mode"`
	CORS       *CORS  `json:"cors,omitempty"`
}

// Streams tells whether answers are sent as the function writes them.
func (u FunctionURL) Streams() bool { return u.InvokeMode == InvokeModeStream }

// The values of FunctionURL.InvokeMode.
const (
	InvokeModeBuffered = "buffered"
	InvokeModeStream   = "response_stream"
)

// CORS answers browsers' cross-origin requests on behalf of the functions.
type CORS struct {
	AllowOrigins     []string `json:"allow_origins,omitempty"`
	AllowMethods     []string `json:"allow_methods,omitempty"`
	AllowHeaders     []string `json:"allow_headers,omitempty"`
	ExposeHeaders    []string `json:"expose_headers,omitempty"`
	AllowCredentials bool     `json:"allow_credentials,omitempty"`
	// MaxAge is how long browsers may keep a preflight's answer; 0 to 24h.
	MaxAge Duration `json:"max_age,omitempty"`
}
