// Package deploy decides what a deployment makes of a stack's record: which
// functions get a new version, where the alias "live" points, which versions
// go, and what is told of a stack. Every function is pure: it takes a record,
// leaves it alone and returns another.
package deploy
