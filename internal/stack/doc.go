// Package stack is Tidegate's model: what a stack is, which defaults and
// limits hold, what makes two functions the same version, and what is wrong
// with a stack before anything has been changed.
//
// It does no I/O and imports nothing else of Tidegate. The provider, both
// targets and the open runtime meet here: the JSON of these types is the JSON
// of the runtime's API and of its records.
package stack
