//go:build !linux

package provider

// readParent knows only Linux, where nearly all unattended applies run.
func readParent() (parentProcess, bool) { return parentProcess{}, false }
