package aws

import (
	"net/http"
	"regexp"
	"strings"
)

// guide is where the permissions that Tidegate needs are listed.
const guide = "https://registry.terraform.io/providers/tidegate-io/tidegate/latest/docs/guides/aws-permissions"

// listedIn ends what is said of a permission that is missing.
const listedIn = "; all that Tidegate needs is listed in " + guide

// denied tells whether AWS refused a call for lack of a permission.
func (f failure) denied() bool {
	return f.is("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "AuthorizationErrorException",
		"NotAuthorized", "UnauthorizedException", "ForbiddenException", "Forbidden", "AllAccessDisabled") ||
		f.status == http.StatusForbidden && (f.code == "" || f.code == unknownCode || f.code == "403")
}

// The parts of AWS's message of what was denied. Not every service sends all of them.
var (
	deniedWho    = regexp.MustCompile(`(?:User|Principal): (\S+) is not authorized`)
	deniedAction = regexp.MustCompile(`not authorized to perform: ([\w-]+:\w+)`)
	// IAM names roles, and not their ARNs: "on resource: role shop-create-0a1b2c3d".
	deniedResource = regexp.MustCompile(`on resource: "?((?:role )?[^\s"]+)`)
	// A policy may deny, or another kind than the usual one may lack an allowance.
	deniedBy    = regexp.MustCompile(`with an explicit deny in an? ([a-z -]+)`)
	deniedFirst = regexp.MustCompile(`because no ([a-z -]+?) allows`)
	// Lambda looks at subnets and fetches packages as whoever calls it, and passes on
	// that they may not.
	deniedFor = regexp.MustCompile(`denied by (EC2|S3), please make sure your request credentials have permission to (\w+)(?: for ([^\s,]*[^\s,.]))?`)
)

// deniedImage is in Lambda's answer when neither the image's repository lets it in, nor
// the caller may change that.
const deniedImage = "does not have permission to access the ECR image"

// denial says which permission is missing, to whom and on what, and what to do.
func (f failure) denial() string {
	if strings.Contains(f.message, deniedImage) {
		return "Lambda may not read the image; let it do so by the policy of the image's repository, or give whoever the credentials belong to " +
			"the permissions on ecr with which Lambda sets that policy itself, which are listed in " + guide
	}
	action, resource := matched(deniedAction, f.message), matched(deniedResource, f.message)
	if m := deniedFor.FindStringSubmatch(f.message); m != nil && action == "" {
		action, resource = strings.ToLower(m[1])+":"+m[2], m[3]
	}
	told := action != ""
	action = documented(first(action, strings.Join(actionsOf(f.serviceID, f.operation), " or ")))
	text := first(matched(deniedWho, f.message), "whoever the credentials belong to") + " lacks the permission " + action
	if resource != "" {
		text += " on " + strings.TrimRight(resource, ".,")
	}
	if kind := matched(deniedFirst, f.message); kind != "" && kind != "identity-based policy" {
		text += ", because no " + kind + " gives it"
	}
	if !told && f.message != "" && f.message != "Access Denied" {
		text += " (AWS says: " + f.message + ")"
	}
	if kind := matched(deniedBy, f.message); kind != "" {
		return text + ", which a " + strings.TrimSpace(kind) + " denies explicitly"
	}
	if strings.HasPrefix(action, "sts:AssumeRole") {
		return text + "; give it, and have the role's trust policy let them in"
	}
	return text + listedIn
}

// matched is what a pattern has in parentheses; "" if it is not in the text.
func matched(pattern *regexp.Regexp, text string) string {
	if m := pattern.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// documented is an action as IAM's documentation writes it: SQS says "sqs:createqueue".
func documented(action string) string {
	for _, p := range permissions {
		for _, known := range p.actions {
			if strings.EqualFold(known, action) {
				return known
			}
		}
	}
	return action
}

// actionsOf are the actions that a call by the SDK's words needs.
func actionsOf(serviceID, operation string) []string {
	for _, p := range permissions {
		if p.service == serviceID && p.call == operation {
			return p.actions[:1]
		}
	}
	return []string{strings.ToLower(serviceID) + ":" + operation}
}
