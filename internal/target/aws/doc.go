// Package aws deploys stacks to AWS.
//
// A stack there is a set of components: a role, a function, an alias, a queue.
// Each has a file of its own and does five things: it looks at what there is
// (read), tells what it found in the words of the model (show), takes from a stack
// what it should be (want), and makes it so (apply) or removes it (remove). An
// inventory has the components of one stack and knows which needs which; the
// executor (run.go) works through them with as much parallelism as that allows.
//
// Nothing keeps a record of a stack but AWS itself. Names follow from the stack's
// name (names.go), tags say whose something is (tags.go), and the stack's marker
// (marker.go) is made first, removed last, and says in between whether the stack's
// creation was finished.
//
// A gradual release (release_*.go) is driven by the apply that began it, or by the next
// one. Where it stands is in the descriptions of the aliases that it moves (release_note.go),
// its history in the marker's lines; what it does next is decided in internal/release.
package aws
