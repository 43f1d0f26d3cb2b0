//go:build !amd64 && !arm64

package sandbox

import (
	"fmt"
	"runtime"
)

func launcherProgram([]byte, bool) ([]byte, error) {
	return nil, fmt.Errorf("this version starts instances on amd64 and arm64 only, not on %s", runtime.GOARCH)
}
