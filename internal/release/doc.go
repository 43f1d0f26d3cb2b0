// Package release decides what a gradual release does next. It is pure: it is given
// the time and what was seen of the versions, and returns another Release. Whoever
// drives a release (the open runtime's server; on AWS the provider or the command
// line) keeps it where it survives, makes the aliases what Routing says, runs the hook
// that Hook names, and asks Judge when Due says.
//
//	Begin ─► before ─► shifting, step by step ─► after ─► finished
//	            │            │                     │
//	            └────────────┴──── a failure ──────┴─► rolled back, or held
package release
