package sandbox

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// A runtimeAPI serves one instance's Runtime API on a listener of its own.
// That it is a loopback port of the host is known in this file only.
type runtimeAPI struct {
	address string
	server  *http.Server
}

// serveRuntimeAPI serves the handler to processes of the user. initialized is
// called once, before the handler sees the first request for an event.
func serveRuntimeAPI(handler http.Handler, uid int, initialized func()) (*runtimeAPI, error) {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("listen for the instance's Runtime API: %w", err)
	}
	var asked atomic.Bool
	api := &runtimeAPI{address: listener.Addr().String()}
	api.server = &http.Server{
		// No limit on reading or writing: an instance waits in /next for as long as it is idle.
		ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !asked.Load() && strings.HasSuffix(r.URL.Path, "/invocation/next") && asked.CompareAndSwap(false, true) {
				initialized()
			}
			handler.ServeHTTP(w, r)
		}),
	}
	go api.server.Serve(guard(listener, uid)) //nolint:errcheck // ends with ErrServerClosed
	return api, nil
}

func (a *runtimeAPI) close() { a.server.Close() } //nolint:errcheck // nothing is left to do
