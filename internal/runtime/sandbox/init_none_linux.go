//go:build !amd64 && !arm64

package sandbox

import (
	"fmt"
	"runtime"
)

func initProgram() ([]byte, error) {
	return nil, fmt.Errorf("this version isolates on amd64 and arm64 only, not on %s", runtime.GOARCH)
}
