// Package observe sees how the versions fare that a release moves a stack between.
//
// Every node counts its own invocations (telemetry.Tally). While a release is under
// way, each writes what it has counted since the release's step began into a bucket
// that all nodes share, about once a second, under a key of its own; who drives the
// release adds up all of them. A node that died has left its counts there, and goes on
// under another name: at most the last second of it is missing. When the release has
// ended, every node removes the keys of all, so that nothing is left once the last of
// them knows.
package observe
