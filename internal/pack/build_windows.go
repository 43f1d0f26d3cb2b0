package pack

import "os/exec"

// ownGroup returns what kills the command; Windows has no process groups that
// could be killed as one.
func ownGroup(cmd *exec.Cmd) (kill func() error) {
	return func() error { return cmd.Process.Kill() }
}
