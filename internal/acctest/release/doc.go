// Package release holds the acceptance tests of gradual releases on the open runtime:
// the real Terraform program with the real provider, the real runtime and the real
// command line, as processes. Their stacks share one runtime, but for those whose
// runtime is killed.
package release
