package stack

import "time"

// A Version is an immutable, numbered snapshot of a function. A number is
// never used again, not even after the version or its stack was deleted.
type Version struct {
	Number int `json:"number"`
	// Hash is Config.Hash of what was frozen.
	Hash     string    `json:"hash"`
	Config   Config    `json:"config"`
	CodeSize int64     `json:"code_size"`
	Created  time.Time `json:"created"`
}

// Routing splits an alias's traffic: version number -> percent. One or two
// entries, which sum to 100.
type Routing map[int]int

// Creation tells whether a stack's creation was finished by who began it.
type Creation string

// A stack is unfinished from its first write until the provider has confirmed
// it. A create may adopt an unfinished stack.
const (
	CreationUnfinished Creation = "unfinished"
	CreationFinished   Creation = "finished"
)

// Ready is the state of a component that is as its stack wants it. Any other
// state is a sentence fragment for people: "missing", "disabled".
const Ready = "ready"

// A Deployment is a stack as its target has it now.
type Deployment struct {
	// Stack as it is on the target, without secrets.
	Stack Stack `json:"stack"`
	// Revision changes with every change of the stack; an update names the one it
	// saw.
	Revision string `json:"revision"`
	// ReleaseID of what the stack's functions are now (see Stack.ReleaseID).
	ReleaseID string   `json:"release_id"`
	Creation  Creation `json:"creation"`
	// ARN and URL of the trigger, empty where it has none.
	ARN string `json:"arn,omitempty"`
	URL string `json:"url,omitempty"`
	// DeadLetterARN of a queue's dead letters.
	DeadLetterARN string `json:"dead_letter_arn,omitempty"`
	// Functions by name.
	Functions map[string]FunctionStatus `json:"functions"`
	// Release is the one that is under way, or else the last that there was; nil if the
	// target knows of none.
	Release *ReleaseStatus `json:"release,omitempty"`
	// Components by name -> Ready or what is wrong. A target always lists the same
	// components for the same stack; the open runtime those of Stack.Components.
	Components map[string]string `json:"components"`
}

// FunctionStatus is what a target knows of one function beyond its Function.
type FunctionStatus struct {
	ARN      string `json:"arn"`
	AliasARN string `json:"alias_arn"`
	RoleARN  string `json:"role_arn,omitempty"`
	LogGroup string `json:"log_group"`
	URL      string `json:"url,omitempty"`
	// Version that the alias points at; of two, the one with more weight (the
	// lower number if even). 0 when the alias is gone.
	Version int `json:"version"`
	// Routing of the alias now; empty when the alias is gone.
	Routing Routing `json:"routing"`
	// Versions that exist, by number, oldest first.
	Versions []Version `json:"versions"`
}
