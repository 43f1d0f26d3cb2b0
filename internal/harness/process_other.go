//go:build !linux

package harness

import "syscall"

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// Only Linux is asked what became of a program's children, and what they used.
type Process struct{}

func descendants(int) ([]Process, error) { return nil, nil }
func anyAlive([]Process) bool            { return false }
func describe([]Process) []string        { return nil }

// PeakMemory measures nothing here: it needs Linux.
func PeakMemory(int, string) (stop func() int64) { return func() int64 { return 0 } }
