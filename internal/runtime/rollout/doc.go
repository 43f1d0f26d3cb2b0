// Package rollout drives the releases that are under way in the stacks of the open
// runtime: it runs hooks, asks what was seen of the versions, has package release decide,
// and writes what follows into the stack's record.
//
// The record is all the state there is. Every node follows the directory and waits for
// the lease of each release under way; the one that has it drives. When it ends, however
// it ends, another goes on from the step where the release is, or it does so itself
// after its restart. Only a hook is run anew then. Should two nodes drive at once for a
// moment, the compare-and-set of the record lets one of them win.
package rollout
