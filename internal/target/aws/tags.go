package aws

import (
	"maps"
	"slices"
	"strings"
)

// Tags that everything a stack owns carries.
const (
	// tagStack names the stack that something belongs to. What has the name of a
	// component but not this tag is somebody else's and is left alone.
	tagStack = "tidegate:stack"
	// tagFunction names the function within the stack, where something belongs to one.
	tagFunction = "tidegate:function"
	// tagKind and tagCreation are on a stack's marker only.
	tagKind     = "tidegate:kind"
	tagCreation = "tidegate:creation"
	// tagKeepVersions is on functions: no service keeps this number.
	tagKeepVersions = "tidegate:keep-versions"
	// ownTags is how all of the above begin.
	ownTags = "tidegate:"
)

// tags are what a component of the stack carries: those that the user gave the stack
// or the provider, and what says whose it is. own may be nil.
func (s *session) tags(stackName string, user, own map[string]string) map[string]string {
	all := maps.Clone(s.defaultTags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, user)
	maps.Copy(all, own)
	all[tagStack] = stackName
	return all
}

// userTags are those among a stack's tags that the user gave the stack itself. A tag
// that equals one of the provider's is the stack's own only if it was so before.
func (s *session) userTags(have, before map[string]string) map[string]string {
	var user map[string]string
	for key, value := range have {
		_, own := before[key]
		standard, isStandard := s.defaultTags[key]
		if strings.HasPrefix(key, ownTags) || reserved(key) || isStandard && standard == value && !own {
			continue
		}
		if user == nil {
			user = map[string]string{}
		}
		user[key] = value
	}
	return user
}

// reserved tags are AWS's own, which nobody can change.
func reserved(key string) bool { return strings.HasPrefix(strings.ToLower(key), "aws:") }

// ours tells whether something with these tags belongs to the stack.
func ours(have map[string]string, stackName string) bool { return have[tagStack] == stackName }

// A tagChange makes some tags others.
type tagChange struct {
	set   map[string]string
	unset []string
}

// changeTags tells how to make have want.
func changeTags(have, want map[string]string) tagChange {
	var c tagChange
	for key, value := range want {
		if is, ok := have[key]; ok && is == value {
			continue
		}
		if c.set == nil {
			c.set = map[string]string{}
		}
		c.set[key] = value
	}
	for key := range have {
		if _, ok := want[key]; !ok && !reserved(key) {
			c.unset = append(c.unset, key)
		}
	}
	slices.Sort(c.unset)
	return c
}

func (c tagChange) empty() bool { return len(c.set) == 0 && len(c.unset) == 0 }

// String says in words what differs, without the tags' values; "" if nothing does.
func (c tagChange) String() string {
	keys := append(slices.Collect(maps.Keys(c.set)), c.unset...)
	slices.Sort(keys)
	switch len(keys) {
	case 0:
		return ""
	case 1:
		return "its tag " + keys[0] + " differs"
	}
	return "its tags " + strings.Join(keys, ", ") + " differ"
}
