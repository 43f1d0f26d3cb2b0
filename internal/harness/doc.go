// Package harness starts the real programs that tests, the demo and the
// benchmark run against: `tidegate serve` as a process, Terraform or OpenTofu
// with the provider of this tree, a NATS server. It knows neither the runtime's
// nor the provider's code, only how a user would run them.
//
// Everything it builds lands in the ignored folder .cache/ of the repository.
// Everything it starts listens on 127.0.0.1 and is gone, with all of its
// children, when Stop or Kill has returned.
package harness
