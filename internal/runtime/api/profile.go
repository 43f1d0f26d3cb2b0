package api

import (
	"net/http"
	"net/http/pprof"
)

// mountProfiles answers what `go tool pprof` asks: where the runtime spends its time, and
// what it keeps in memory. /debug/pprof/heap?gc=1 collects the garbage first.
func mountProfiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}
