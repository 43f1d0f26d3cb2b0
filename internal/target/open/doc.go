// Package open is the client of the open runtime (`tidegate serve`): a
// target.Target for the provider, and the operator's calls for the command line.
package open
