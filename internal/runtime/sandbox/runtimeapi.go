package sandbox

import (
	"fmt"
	"net"
	"net/http"
	"time"
)

// A runtimeAPI serves one instance's Runtime API on a listener of its own.
// That it is a loopback port of the host is known in this file only.
type runtimeAPI struct {
	address string
	server  *http.Server
}

func serveRuntimeAPI(handler http.Handler) (*runtimeAPI, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the instance's Runtime API: %w", err)
	}
	api := &runtimeAPI{
		address: listener.Addr().String(),
		// No limit on reading or writing: an instance waits in /next for as long as it is idle.
		server: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute},
	}
	go api.server.Serve(listener) //nolint:errcheck // ends with ErrServerClosed
	return api, nil
}

func (a *runtimeAPI) close() { a.server.Close() } //nolint:errcheck // nothing is left to do
