//go:build amd64 || arm64

package sandbox

// forkSteps is in fork_*.s.
func forkSteps(clone *cloneArguments, size uintptr, first *step) (pid, errno uintptr)
