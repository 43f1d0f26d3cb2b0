//go:build !linux

package gateway

import (
	"errors"
	"os"
)

// A Gateway is not available on this system: it has no network namespaces.
type Gateway struct{}

var errNotHere = errors.New("instances have no networks of their own on this system; Linux can do that")

// Start returns an error.
func Start(Options) (*Gateway, error) { return nil, errNotHere }

// Add returns an error.
func (*Gateway) Add(string, *os.File, Policy) error { return errNotHere }

// Remove does nothing.
func (*Gateway) Remove(string) {}

// Close does nothing.
func (*Gateway) Close() error { return nil }
