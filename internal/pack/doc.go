// Package pack turns a function's source, a folder or a zip, into the package
// that is deployed: a zip whose every byte follows from the names, contents and
// executable bits of its files, and from nothing else. Its hash is therefore
// known while planning, and the same for every user on every machine.
//
// It also builds sources by a command (Build), says which files changed since a
// plan (Manifest, Diff), checks that a handler is there (CheckHandler), and
// unpacks packages where they run (Unpack).
package pack
