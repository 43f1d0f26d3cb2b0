package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// frozen are the attributes of a function that a version freezes
// (stack.Config): while one of them is unknown, so is what will be released.
var frozen = []string{
	"source", "build", "image", "runtime", "handler", "memory", "timeout", "environment", "secrets_version",
	"ephemeral_storage", "architecture", "layers", "tracing", "role_arn", "network", "kms_key_arn",
}

// functionsAttribute is the same in every kind of stack.
func functionsAttribute() schema.MapNestedAttribute {
	f := stack.NewFunction()
	return objectMap("The stack's functions by name (as the stack's name: `^[a-z][a-z0-9-]{0,39}$`). At least one.", map[string]schema.Attribute{
		"source": optionalString("The function's code: a folder, or a `.zip`, which is unpacked and packed anew. Relative to Terraform's working " +
			"directory; use `${path.module}`. What `.tidegateignore` names (as `.gitignore` would) is left out. At most 250 MB unpacked. A function has either this or an `image`."),
		"build": optionalObject("Makes the package from the source while planning.", map[string]schema.Attribute{
			"command": requiredString("Run by `sh -c` in the source folder. What it leaves in the folder `$TIDEGATE_OUTPUT` becomes the package. " +
				"Run again only when the source, the command or its environment has changed; it must give the same bytes each time."),
			"environment": stringMap("Further variables for the command. Default: none."),
		}),
		"image": optionalString("URI of a container image in ECR in place of a `source`, such as `123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:...`. " +
			"Name it by its digest: a tag (`...shop:v1`) may be moved to another image, and that goes unnoticed until the URI changes. AWS only."),
		"runtime": optionalString("A Lambda runtime identifier, such as `python3.13`, `nodejs22.x`, `java21` or `provided.al2023`. On the open runtime, its interpreter must be on the host. " +
			"Every function with a `source` has one, and none with an `image`."),
		"handler": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "The entry point: `app.handler` for Python and Node, `pkg.Class::method` for Java. Needless with `provided`, where the default is `bootstrap`. " +
				"With an `image` it takes the place of the image's command, which is the default.",
		},
		"memory":      defaultNumber(f.Memory, "Memory in MB, 128 to 10240. CPU follows it: 1769 MB are one vCPU. Default: 128."),
		"timeout":     defaultDuration(f.Timeout, "Longest run of one invocation, whole seconds, `\"1s\"` to `\"15m\"`. Default: `\"3s\"`."),
		"environment": stringMap("Environment variables, whose names have two or more letters, digits and `_`, beginning with a letter. Names and values together with the secrets, and on AWS with a note of the secrets' names, have at most 4 KB. Default: none."),
		"secrets_wo": schema.MapAttribute{
			ElementType: types.StringType, Optional: true, Sensitive: true, WriteOnly: true,
			MarkdownDescription: "Further environment variables whose values are kept out of plan and state (write-only; needs Terraform 1.11 or OpenTofu 1.11). They are sent when the function is new and when `secrets_version` changes.",
			Validators:          []validator.Map{noNulls{}},
		},
		"secrets_version": optionalString("Any text that you change whenever `secrets_wo` changes; this publishes a new version of the function."),
		"permissions": schema.ListNestedAttribute{
			Optional:            true,
			MarkdownDescription: "What the function may do with its own credentials, as statements of an IAM policy. Holds for every version at once. Not together with a `role_arn`. Default: nothing.",
			Validators:          []validator.List{noNulls{}},
			NestedObject: element(map[string]schema.Attribute{
				"actions":   stringList(true, "Actions such as `sqs:SendMessage`; `*` and `?` are wildcards."),
				"resources": stringList(true, "ARNs; `*` and `?` are wildcards."),
			}),
		},
		"concurrency": defaultObject("How many instances of the function run. It belongs to the alias `live`.", map[string]schema.Attribute{
			"reserved":    optionalNumber("The most instances at once, taken from the account's limit; 0 stops the function. Default: as many as the limit leaves."),
			"provisioned": defaultNumber(f.Concurrency.Provisioned, "Instances that are started before they are needed. Default: 0."),
		}),
		"async": defaultObject("What becomes of asynchronous invocations.", map[string]schema.Attribute{
			"retries":    defaultNumber(f.Async.Retries, "Attempts after the first has failed, 0 to 2. Default: 2."),
			"max_age":    defaultDuration(f.Async.MaxAge, "When an event is given up, `\"60s\"` to `\"6h\"`. Default: `\"6h\"`."),
			"on_failure": optionalString("ARN of a queue or function that gets a record of each event given up. Default: none."),
			"on_success": optionalString("ARN of a queue or function that gets a record of each event handled. Default: none."),
		}),
		"logs": defaultObject("The function's log group.", map[string]schema.Attribute{
			"retention_days": defaultNumber(f.Logs.RetentionDays, "How many days log lines stay; 0 means for ever, as far as the target's own limits let it. Default: 0."),
		}),
		"keep_versions":     defaultNumber(f.KeepVersions, "How many of the newest versions stay, 1 to 100. What an alias points at stays in any case. Default: 10."),
		"architecture":      optionalString("`x86_64` or `arm64`. Default: the target's own (on AWS `x86_64`, on the open runtime the host's)."),
		"layers":            stringList(false, "Further packages, unpacked in order into `/opt`: folders or `.zip` files, as `source`. At most 5. Default: none."),
		"ephemeral_storage": defaultNumber(f.EphemeralStorage, "Size of `/tmp` in MB, 512 to 10240. Default: 512."),
		"tracing":           defaultString(f.Tracing, "`pass_through` or `active`. Default: `pass_through`."),
		"role_arn": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "ARN of a role of your own that the function runs as. It must trust `lambda.amazonaws.com` and may do all that the function does, " +
				"writing logs included. Default: a role that Tidegate makes, on a target that has roles, with what the function needs and its `permissions`; this is that role's ARN then.",
		},
		"network": optionalObject("What the function reaches: a VPC that its network interfaces are put into (AWS only), or nothing at all. Default: the internet.", map[string]schema.Attribute{
			"mode": optionalString("`none` leaves the function its own loopback interface alone: it reaches neither the internet nor the stack's own addresses. Open runtime only; " +
				"nothing else can be set then. Default: the internet, or the VPC."),
			"subnet_ids":         optionalStringSet("Subnets, 1 to 16, such as `subnet-0123456789abcdef0`."),
			"security_group_ids": optionalStringSet("Security groups, 1 to 5, such as `sg-0123456789abcdef0`."),
			"ipv6":               defaultBool(false, "Lets the function reach IPv6 addresses, where the subnets have both kinds. Default: `false`."),
		}),
		"kms_key_arn": optionalString("ARN of the KMS key that encrypts the environment where it is stored. AWS only. Default: AWS's own key."),
		"url": optionalObject("Gives the function an HTTP address of its own. Default: none.", map[string]schema.Attribute{
			"auth":        defaultString(stack.NewFunctionURL().Auth, "`none` opens it to all; `iam` asks for a signed request (on the open runtime: a token that may `lambda:InvokeFunctionUrl`). Default: `iam`."),
			"invoke_mode": defaultString(stack.NewFunctionURL().InvokeMode, "`buffered` sends an answer when it is whole, at most 6 MB; `response_stream` as the function writes it, at most 200 MB. Default: `buffered`."),
			"cors":        corsAttribute(),
		}),

		"arn":         computedString("ARN of the function."),
		"alias_arn":   computedString("ARN of its alias `live`. Invoke the function by this one."),
		"version":     schema.Int64Attribute{Computed: true, MarkdownDescription: "The version that the alias `live` points at; of two, the one with more of the traffic."},
		"code_sha256": computedString("SHA-256 of the package, in base64. Known in the plan. An `image` has none."),
		"code_manifest": schema.MapAttribute{
			ElementType: types.StringType, Computed: true,
			MarkdownDescription: "What the package is made of: file → fingerprint of its content and mode. In a package of many files, folders stand for what is in them. It lets a plan, and an apply that finds other files than were planned, say which files changed.",
		},
		"layer_sha256": schema.ListAttribute{
			ElementType: types.StringType, Computed: true,
			MarkdownDescription: "SHA-256 of each layer, in base64. Known in the plan.",
		},
		"routing": schema.MapAttribute{
			ElementType: types.Int64Type, Computed: true,
			MarkdownDescription: "How the alias `live` splits traffic: version → percent.",
		},
		"log_group":    computedString("Name of the function's log group."),
		"function_url": computedString("The function's address, if it has a `url`."),
	})
}
