package stack

import (
	"fmt"
	"strconv"
	"strings"
)

// The open runtime's ARNs have AWS's shape, so that code which takes one apart
// works on both targets. They all lie in one region of one account.
const (
	Region  = "open-1"
	Account = "000000000000"
)

// deadLettersSuffix names the queue of a queue's dead letters after it.
const deadLettersSuffix = "-dead-letters"

// fifoSuffix is how SQS marks the names of FIFO queues.
const fifoSuffix = ".fifo"

// An ARN is an Amazon Resource Name taken apart:
// arn:<partition>:<service>:<region>:<account>:<resource>.
type ARN struct {
	Partition, Service, Region, Account, Resource string
}

// ParseARN takes an ARN apart. Region and account may be empty, as in ARNs of
// buckets; the resource may hold colons.
func ParseARN(s string) (ARN, error) {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[1] == "" || p[2] == "" || p[5] == "" {
		return ARN{}, fmt.Errorf("%q is not an ARN such as %q", s, QueueARN("orders", false))
	}
	return ARN{p[1], p[2], p[3], p[4], p[5]}, nil
}

// String puts the ARN together again.
func (a ARN) String() string {
	return strings.Join([]string{"arn", a.Partition, a.Service, a.Region, a.Account, a.Resource}, ":")
}

// Local tells whether the ARN names something of the open runtime.
func (a ARN) Local() bool { return a.Region == Region && a.Account == Account }

// Function returns the full name and the qualifier (a version, an alias, or
// empty) of a function's ARN.
func (a ARN) Function() (fullName, qualifier string, ok bool) {
	rest, ok := strings.CutPrefix(a.Resource, "function:")
	if a.Service != "lambda" || !ok {
		return "", "", false
	}
	fullName, qualifier, qualified := strings.Cut(rest, ":")
	if fullName == "" || qualified && qualifier == "" || strings.Contains(qualifier, ":") {
		return "", "", false
	}
	return fullName, qualifier, true
}

// A QueueRef is what the ARN of a queue says: whose queue it is.
type QueueRef struct {
	Stack       string
	FIFO        bool
	DeadLetters bool
}

// Queue returns which stack's queue the ARN names. No stack of a queue may be
// named "...-dead-letters" (see Stack.Validate), so this is never ambiguous.
func (a ARN) Queue() (QueueRef, bool) {
	if a.Service != "sqs" {
		return QueueRef{}, false
	}
	var ref QueueRef
	ref.Stack, ref.FIFO = strings.CutSuffix(a.Resource, fifoSuffix)
	ref.Stack, ref.DeadLetters = strings.CutSuffix(ref.Stack, deadLettersSuffix)
	return ref, ref.Stack != ""
}

// Name is what the queue is called: "orders", "orders-dead-letters.fifo".
func (q QueueRef) Name() string {
	name := q.Stack
	if q.DeadLetters {
		name += deadLettersSuffix
	}
	if q.FIFO {
		name += fifoSuffix
	}
	return name
}

// ARN of the queue on the open runtime.
func (q QueueRef) ARN() string { return localARN("sqs", q.Name()) }

// FunctionARN of a function, without a qualifier.
func FunctionARN(stack, function string) string {
	return localARN("lambda", "function:"+FullName(stack, function))
}

// AliasARN of a function's alias "live".
func AliasARN(stack, function string) string {
	return QualifiedARN(stack, function, AliasLive)
}

// VersionARN of one version of a function.
func VersionARN(stack, function string, number int) string {
	return QualifiedARN(stack, function, strconv.Itoa(number))
}

// QualifiedARN of a function with a version's number, an alias or $LATEST.
func QualifiedARN(stack, function, qualifier string) string {
	return FunctionARN(stack, function) + ":" + qualifier
}

// QueueARN of the queue that a stack has as its trigger.
func QueueARN(stack string, fifo bool) string {
	return QueueRef{Stack: stack, FIFO: fifo}.ARN()
}

// DeadLetterARN of the queue of a queue's dead letters; it is FIFO as its
// queue is.
func DeadLetterARN(stack string, fifo bool) string {
	return QueueRef{Stack: stack, FIFO: fifo, DeadLetters: true}.ARN()
}

// APIARN of the HTTP API that a stack has as its trigger.
func APIARN(stack string) string { return localARN("execute-api", stack) }

// ScheduleARN of one schedule of a stack.
func ScheduleARN(stack, name string) string {
	return localARN("scheduler", "schedule/"+stack+"/"+name)
}

// LogGroup is where a function's log lines go.
func LogGroup(stack, function string) string { return "/aws/lambda/" + FullName(stack, function) }

// OwnRolePath is where a target puts the roles it makes for functions; no role of
// a user's own has it.
const OwnRolePath = "/tidegate/"

// OwnRole tells whether a role's ARN names one that a target made.
func OwnRole(arn string) bool {
	role, err := ParseARN(arn)
	return err == nil && role.Service == "iam" && strings.HasPrefix(role.Resource, "role"+OwnRolePath)
}

func localARN(service, resource string) string {
	return ARN{"aws", service, Region, Account, resource}.String()
}
