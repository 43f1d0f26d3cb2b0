package aws

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// arn of something of the account's in the region.
func (p place) arn(service, resource string) string {
	return stack.ARN{Partition: p.partition, Service: service, Region: p.region, Account: p.account, Resource: resource}.String()
}

// functionARN is the ARN of a function, or with a qualifier of one of its versions
// or aliases.
func (p place) functionARN(fullName, qualifier string) string {
	resource := "function:" + fullName
	if qualifier != "" {
		resource += ":" + qualifier
	}
	return p.arn("lambda", resource)
}

// logGroupARN is written without the ":*" that policies need.
func (p place) logGroupARN(group string) string { return p.arn("logs", "log-group:"+group) }

func (p place) queueARN(name string) string { return p.arn("sqs", name) }

// roleARN of a role that this package makes: see rolePath.
func (p place) roleARN(path, name string) string {
	return stack.ARN{Partition: p.partition, Service: "iam", Account: p.account, Resource: "role" + path + name}.String()
}

// rolePath keeps a stack's roles together, and tells them from a user's own.
func rolePath(stackName string) string { return stack.OwnRolePath + stackName + "/" }

// roleName names the role of a function, or of a stack's schedules. Roles belong to
// the whole account, whereas stacks of one name may live in several regions: so the
// region is in it, as part of a digest.
func (p place) roleName(stackName, of string) string {
	const longest, digest = 64, 8
	sum := sha256.Sum256([]byte(p.region + "/" + stackName + "/" + of))
	name := stack.FullName(stackName, of)
	if len(name) > longest-digest-1 {
		name = strings.TrimRight(name[:longest-digest-1], "-")
	}
	return name + "-" + hex.EncodeToString(sum[:])[:digest]
}

// markerGroup names the log group that marks a stack. See marker.go.
func markerGroup(stackName string) string { return markerPrefix + stackName }

const markerPrefix = "/tidegate/"

// functionLogGroup names the log group of one function.
func functionLogGroup(stackName, function string) string { return stack.LogGroup(stackName, function) }
