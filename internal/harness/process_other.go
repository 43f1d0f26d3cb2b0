//go:build !linux

package harness

import "syscall"

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// Only Linux is asked what became of a program's children, and what they used.
type pidStart struct{}

func descendants(int) ([]pidStart, error) { return nil, nil }
func anyAlive([]pidStart) bool            { return false }
func describe([]pidStart) []string        { return nil }

// PeakMemory measures nothing here: it needs Linux.
func PeakMemory(int, string) (stop func() int64) { return func() int64 { return 0 } }
