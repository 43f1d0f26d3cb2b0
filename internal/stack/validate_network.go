package stack

import (
	"regexp"
	"slices"
)

// Limits of Lambda: https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html
const (
	maxSubnets        = 16
	maxSecurityGroups = 5
)

var (
	subnetPattern        = regexp.MustCompile(`^subnet-[0-9a-z]+$`)
	securityGroupPattern = regexp.MustCompile(`^sg-[0-9a-zA-Z]+$`)
	rolePattern          = regexp.MustCompile(`^arn:aws[a-zA-Z-]*:iam::[0-9]{12}:role/[a-zA-Z_0-9+=,.@/-]+$`)
	keyPattern           = regexp.MustCompile(`^arn:aws[a-zA-Z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+$`)
)

func (v *validation) network(n *Network, path string) {
	switch {
	case n == nil:
		return
	case n.Mode == NetworkNone:
		if len(n.SubnetIDs) > 0 || len(n.SecurityGroupIDs) > 0 || n.IPv6 {
			v.errorf(at(path+".mode"), "a network of mode %q has nothing else; leave out its subnets, security groups and ipv6, or the mode", n.Mode)
		}
		return
	case n.Mode != "":
		v.errorf(at(path+".mode"), "%q is no mode of a network; it can be %q, or left out", n.Mode, NetworkNone)
		return
	}
	v.ids(path+".subnet_ids", "subnets", n.SubnetIDs, maxSubnets, subnetPattern, "subnet-0123456789abcdef0")
	v.ids(path+".security_group_ids", "security groups", n.SecurityGroupIDs, maxSecurityGroups, securityGroupPattern, "sg-0123456789abcdef0")
}

// ids checks what a network consists of. They have no order, so a problem is blamed
// on all of them.
func (v *validation) ids(path, what string, ids []string, most int, pattern *regexp.Regexp, example string) {
	if len(ids) == 0 || len(ids) > most {
		v.errorf(at(path), "there are %d %s; there can be 1 to %d", len(ids), what, most)
	}
	for i, id := range ids {
		switch {
		case !pattern.MatchString(id):
			v.errorf(at(path), "%q is not an id such as %q", id, example)
		case slices.Contains(ids[:i], id):
			v.errorf(at(path), "%q is named twice; name it once", id)
		}
	}
}

// ValidRole tells whether a text is the ARN of a role, in any partition of AWS.
func ValidRole(arn string) bool { return rolePattern.MatchString(arn) }

// role checks a role of the user's own.
func (v *validation) role(f Function, path string) {
	role := path + ".role_arn"
	switch {
	case f.RoleARN == "":
		return
	case !ValidRole(f.RoleARN):
		v.errorf(at(role), "%q is not the ARN of a role, such as \"arn:aws:iam::123456789012:role/shop\"", f.RoleARN)
	case OwnRole(f.RoleARN):
		v.errorf(at(role), "%q is a role that Tidegate made, since it is under %s, and goes when its stack goes; name one of your own, "+
			"or leave it out to have one made", f.RoleARN, OwnRolePath)
	}
	if len(f.Permissions) > 0 {
		v.errorf(at(path+".permissions", role), "permissions go into the role that Tidegate makes, and this function has one of its own; "+
			"leave them out and give them to that role, or leave out the role")
	}
}

// key checks the key of an environment.
func (v *validation) key(f Function, path string) {
	key := path + ".kms_key_arn"
	switch {
	case f.KMSKeyARN == "":
	case !keyPattern.MatchString(f.KMSKeyARN):
		v.errorf(at(key), "%q is not the ARN of a key, such as \"arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab\"", f.KMSKeyARN)
	case len(f.Environment) == 0 && len(f.Secrets) == 0 && f.SecretsVersion == "":
		// Lambda keeps no key of a function without variables.
		v.errorf(at(key, path+".environment", path+".secrets_wo"), "the key encrypts the environment, and the function has none; leave out the key")
	}
}
