package stack

import (
	"fmt"
	"testing"
)

func TestValidateNetwork(t *testing.T) {
	network := func(subnets, groups []string) func(s *Stack) {
		return function(func(f *Function) { f.Network = &Network{SubnetIDs: subnets, SecurityGroupIDs: groups} })
	}
	numbered := func(prefix string, n int) []string {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprintf("%s-%d", prefix, i)
		}
		return ids
	}
	one := []string{"sg-0123456789abcdef0"}
	checkProblems(t, validStack, []problemCase{
		{name: "a network of the greatest size", change: network(numbered("subnet", 16), numbered("sg", 5))},
		{
			name:   "a network has a subnet",
			change: network(nil, one),
			paths:  []string{fn("network.subnet_ids")}, want: "there are 0 subnets; there can be 1 to 16",
		},
		{
			name:   "a network has at most sixteen subnets",
			change: network(numbered("subnet", 17), one),
			paths:  []string{fn("network.subnet_ids")}, want: "there are 17 subnets",
		},
		{
			name:   "a network has a security group",
			change: network(numbered("subnet", 1), nil),
			paths:  []string{fn("network.security_group_ids")}, want: "there are 0 security groups; there can be 1 to 5",
		},
		{
			name:   "a network has at most five security groups",
			change: network(numbered("subnet", 1), numbered("sg", 6)),
			paths:  []string{fn("network.security_group_ids")}, want: "there are 6 security groups",
		},
		{
			name:   "a subnet is named by its id",
			change: network([]string{"arn:aws:ec2:eu-central-1:123456789012:subnet/subnet-1"}, one),
			paths:  []string{fn("network.subnet_ids")}, want: `is not an id such as "subnet-0123456789abcdef0"`,
		},
		{
			name:   "a security group is named by its id",
			change: network(numbered("subnet", 1), []string{"default"}),
			paths:  []string{fn("network.security_group_ids")}, want: `"default" is not an id such as "sg-0123456789abcdef0"`,
		},
		{
			name:   "a subnet is named once",
			change: network([]string{"subnet-1", "subnet-1"}, one),
			paths:  []string{fn("network.subnet_ids")}, want: `"subnet-1" is named twice`,
		},
		{name: "no network", change: function(func(f *Function) { f.Network = &Network{Mode: "none"} })},
		{
			name:   "no network has no subnets",
			change: function(func(f *Function) { f.Network = &Network{Mode: "none", SubnetIDs: []string{"subnet-1"}} }),
			paths:  []string{fn("network.mode")}, want: `a network of mode "none" has nothing else`,
		},
		{
			name:   "a mode is known",
			change: function(func(f *Function) { f.Network = &Network{Mode: "host"} }),
			paths:  []string{fn("network.mode")}, want: `"host" is no mode of a network; it can be "none", or left out`,
		},
	})
}

func TestValidateRole(t *testing.T) {
	role := func(arn string) func(s *Stack) { return function(func(f *Function) { f.RoleARN = arn }) }
	checkProblems(t, validStack, []problemCase{
		{name: "a role", change: role("arn:aws:iam::123456789012:role/shop")},
		{name: "a role with a path", change: role("arn:aws:iam::123456789012:role/service-role/team/shop_1+2=3,4.5@6")},
		{name: "a role in China", change: role("arn:aws-cn:iam::123456789012:role/shop")},
		{name: "a role in GovCloud", change: role("arn:aws-us-gov:iam::123456789012:role/shop")},
		{
			name:   "a role is named by its ARN",
			change: role("shop"),
			paths:  []string{fn("role_arn")}, want: `"shop" is not the ARN of a role, such as "arn:aws:iam::123456789012:role/shop"`,
		},
		{
			name:   "a role is no user",
			change: role("arn:aws:iam::123456789012:user/shop"),
			paths:  []string{fn("role_arn")}, want: "is not the ARN of a role",
		},
		{
			name:   "a role that Tidegate made is not the user's",
			change: role("arn:aws:iam::123456789012:role/tidegate/shop/shop-fulfil-12345678"),
			paths:  []string{fn("role_arn")}, want: "is a role that Tidegate made",
		},
		{
			name: "permissions go into a role that Tidegate makes",
			change: function(func(f *Function) {
				f.RoleARN = "arn:aws:iam::123456789012:role/shop"
				f.Permissions = []Permission{{Actions: []string{"sqs:*"}, Resources: []string{"*"}}}
			}),
			paths: []string{fn("permissions"), fn("role_arn")}, want: "permissions go into the role that Tidegate makes",
		},
	})
}

func TestValidateKey(t *testing.T) {
	const key = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	encrypted := func(arn string) func(s *Stack) {
		return function(func(f *Function) { f.KMSKeyARN, f.Environment = arn, map[string]string{"KEY": "1"} })
	}
	checkProblems(t, validStack, []problemCase{
		{name: "a key", change: encrypted(key)},
		{name: "a key of several regions", change: encrypted("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab")},
		{name: "a key of secrets", change: function(func(f *Function) {
			f.KMSKeyARN, f.Secrets, f.SecretsVersion = key, map[string]string{"KEY": "1"}, "1"
		})},
		{name: "a key of secrets that are not sent again", change: function(func(f *Function) { f.KMSKeyARN, f.SecretsVersion = key, "1" })},
		{
			name:   "a key is no alias",
			change: encrypted("arn:aws:kms:eu-central-1:123456789012:alias/shop"),
			paths:  []string{fn("kms_key_arn")}, want: "is not the ARN of a key",
		},
		{
			name:   "a key has something to encrypt",
			change: function(func(f *Function) { f.KMSKeyARN = key }),
			paths:  []string{fn("kms_key_arn"), fn("environment"), fn("secrets_wo")}, want: "the function has none; leave out the key",
		},
	})
}
