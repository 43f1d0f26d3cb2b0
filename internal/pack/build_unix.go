//go:build !windows

package pack

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// ownGroup puts a command in a process group of its own, and returns what kills
// the group: the command and all it started.
func ownGroup(cmd *exec.Cmd) (kill func() error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
}
