package harness

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// FreePort returns a port of 127.0.0.1 that nothing listens on. It lies below the
// range that outgoing connections take theirs from (32768 and up on Linux), so
// that a server finds it free again when it is restarted.
func FreePort() (int, error) {
	for range 1000 {
		port := 16000 + rand.IntN(16000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return 0, errors.New("no free port on 127.0.0.1 between 16000 and 32000")
}
