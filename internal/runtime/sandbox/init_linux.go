//go:build amd64 || arm64

package sandbox

import "unsafe"

// The first process of a pid namespace has duties a function does not know of:
// it inherits the orphans and must reap them, and signals without a handler do
// not reach it. It alone, too, can mount the namespace's /proc before there is
// anybody else. So every instance has such a first process besides the function:
// a few system calls in a program of a few hundred bytes, which cost two pages
// of memory. In Go, or any language with a runtime, it would be megabytes.
//
// Its source is init_amd64.s and init_arm64.s; here it becomes a program.

//lint:ignore U1000 its address is taken in init_*.s
func initCode()

func initCodeAddress() unsafe.Pointer

// initProgram returns the program, to be executed as {"proc", folder}: it mounts
// the /proc of its pid namespace there, gives up its capabilities, writes a byte to
// standard output (0, or why it could not mount), and from then on sleeps and
// reaps.
func initProgram() ([]byte, error) {
	code, err := assembled(initCodeAddress(), "init end") // init_*.s
	if err != nil {
		return nil, err
	}
	return staticProgram(nil, code)
}
