package stack

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Validate returns everything that is wrong with the stack and that can be told
// without asking anyone. It expects defaults to be filled in.
//
// The rules and limits are those of the AWS services whose semantics Tidegate
// has, on every target, so that a stack which is valid here deploys there.
func (s Stack) Validate() Problems {
	v := &validation{}
	v.stack(s)
	for _, name := range s.FunctionNames() {
		v.function(s, name)
	}
	switch {
	case s.Trigger.HTTPAPI != nil:
		v.httpAPI(s.Trigger.HTTPAPI)
	case s.Trigger.Queue != nil:
		v.queue(s)
	case s.Trigger.Schedule != nil:
		v.schedule(s.Trigger.Schedule)
	}
	v.bindings(s)
	v.release(s)
	return v.problems
}

// A validation gathers problems. Its methods are named for what they check.
type validation struct{ problems Problems }

// errorf adds a problem that follows from the attributes at paths, the one to
// blame first.
func (v *validation) errorf(paths []string, format string, args ...any) {
	v.problems = append(v.problems, Problem{Paths: paths, Message: fmt.Sprintf(format, args...)})
}

// warnf adds a problem that does not stop a deployment.
func (v *validation) warnf(paths []string, format string, args ...any) {
	v.problems = append(v.problems, Problem{Paths: paths, Message: fmt.Sprintf(format, args...), Warning: true})
}

// at lists the attributes that a problem follows from.
func at(paths ...string) []string { return paths }

// between checks a number's bounds; what is the sentence's subject.
func (v *validation) between(path, what string, value, least, most int, unit string) {
	if value < least || value > most {
		v.errorf(at(path), "%s is %d%s; it can be %d to %d", what, value, unit, least, most)
	}
}

// seconds checks a duration's bounds, and that it is whole seconds, which is
// what the services count in.
func (v *validation) seconds(path, what string, value, least, most Duration) {
	if value < least || value > most {
		v.errorf(at(path), "%s is %s; it can be %s to %s", what, value, least, most)
	} else if value.Std()%time.Second != 0 {
		v.errorf(at(path), "%s is %s; it is counted in whole seconds", what, value)
	}
}

// oneOf checks an enumeration.
func (v *validation) oneOf(path, what, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		v.errorf(at(path), "%s is %q; it can be %s", what, value, quotedList(allowed, "or"))
	}
}

// namePattern holds for stacks, functions and schedules.
var namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

func (v *validation) name(path, what, name string) {
	if !namePattern.MatchString(name) {
		v.errorf(at(path), "%q cannot name %s; use 1 to 40 lower-case letters, digits and hyphens, beginning with a letter", name, what)
	}
}

const (
	// maxFullName is what Lambda allows the name of a function.
	maxFullName = 64
	// maxTags leaves some of AWS's fifty to Tidegate's own marks.
	maxTags = 45
)

func (v *validation) stack(s Stack) {
	v.name("name", "a stack", s.Name)
	if s.Trigger.Queue != nil && strings.HasSuffix(s.Name, deadLettersSuffix) {
		v.errorf(at("name"), "a queue named %q could be taken for the dead letters of %q; choose a name that does not end in %s",
			s.Name, strings.TrimSuffix(s.Name, deadLettersSuffix), deadLettersSuffix)
	}
	if s.Trigger.kinds() > 1 {
		v.errorf(at("trigger"), "a stack has one trigger, and this one has %d; make a stack of each", s.Trigger.kinds())
	}
	if len(s.Functions) == 0 {
		v.errorf(at("functions"), "a stack has at least one function, and this one has none")
	}
	for _, name := range s.FunctionNames() {
		path := element("functions", name)
		v.name(path, "a function", name)
		if full := FullName(s.Name, name); len(full) > maxFullName {
			v.errorf(at(path, "name"), "the function is called %q on its target, which is %d characters long; "+
				"shorten its name or the stack's so that both and a hyphen have at most %d", full, len(full), maxFullName)
		}
	}
	v.tags("tags", s.Tags)
}

// kinds counts the triggers that are set.
func (t Trigger) kinds() int {
	n := 0
	for _, set := range []bool{t.HTTPAPI != nil, t.Queue != nil, t.Schedule != nil} {
		if set {
			n++
		}
	}
	return n
}

// tagPattern is what AWS allows in keys and values of tags:
// https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
var tagPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// ValidateTags returns what is wrong with tags by the rules for a stack's own, for
// others that join them; path is the attribute that holds them.
func ValidateTags(path string, tags map[string]string) Problems {
	v := &validation{}
	v.tags(path, tags)
	return v.problems
}

// DistinctTags returns which of some tags have keys that differ in case alone, which IAM
// takes for the same; path is the attribute that holds them. The problem is with the
// collection, since either may be renamed.
func DistinctTags(path string, tags map[string]string) Problems {
	v := &validation{}
	spelt := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		folded := strings.ToLower(key)
		if other, taken := spelt[folded]; taken {
			v.errorf(at(path), "the tags %q and %q differ in case alone, and IAM takes them for the same; rename one of them", other, key)
			continue
		}
		spelt[folded] = key
	}
	return v.problems
}

func (v *validation) tags(attribute string, tags map[string]string) {
	if len(tags) > maxTags {
		v.errorf(at(attribute), "there are %d tags; there can be %d", len(tags), maxTags)
	}
	v.problems = append(v.problems, DistinctTags(attribute, tags)...)
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		path, value := element(attribute, key), tags[key]
		switch {
		case key == "" || utf8.RuneCountInString(key) > 128 || !tagPattern.MatchString(key):
			v.errorf(at(path), "%q cannot be a tag's key; use 1 to 128 letters, digits, spaces and _.:/=+-@", key)
		case strings.HasPrefix(strings.ToLower(key), "aws:") || strings.HasPrefix(key, "tidegate:"):
			v.errorf(at(path), "tags beginning with \"aws:\" or \"tidegate:\" are kept for AWS and Tidegate; rename %q", key)
		}
		if utf8.RuneCountInString(value) > 256 || !tagPattern.MatchString(value) {
			v.errorf(at(path), "%q cannot be a tag's value; use at most 256 letters, digits, spaces and _.:/=+-@", value)
		}
	}
}

// bindings checks that every binding names a function of the stack.
func (v *validation) bindings(s Stack) {
	for _, b := range s.Trigger.Bindings() {
		if _, ok := s.Functions[b.Function]; ok || len(s.Functions) == 0 {
			continue
		}
		v.errorf(at(b.Path, "functions"), "there is no function %q in this stack; there is %s",
			b.Function, quotedList(s.FunctionNames(), "and"))
	}
}

// quotedList writes "a", "b" or "c".
func quotedList(words []string, conjunction string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	if n := len(quoted); n > 1 {
		return strings.Join(quoted[:n-1], ", ") + " " + conjunction + " " + quoted[n-1]
	}
	return strings.Join(quoted, "")
}

// arn checks the ARN of something that takes events: a standard queue or,
// where functions may, a function. Empty is none.
func (v *validation) arn(path, what, text string, functions bool) {
	if text == "" {
		return
	}
	arn, err := ParseARN(text)
	if err != nil {
		v.errorf(at(path), "%s: %v", what, err)
		return
	}
	_, _, isFunction := arn.Function()
	queue, isQueue := arn.Queue()
	switch {
	case isQueue && queue.FIFO:
		v.errorf(at(path), "%s is the FIFO queue %q; only a standard queue can be one", what, queue.Name())
	case functions && !isFunction && !isQueue:
		v.errorf(at(path), "%s is %q; it can be the ARN of a queue or of a function", what, text)
	case !functions && !isQueue:
		v.errorf(at(path), "%s is %q; it can be the ARN of a queue", what, text)
	}
}
