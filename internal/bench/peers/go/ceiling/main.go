// Command ceiling answers every request with its body: what Go's own HTTP server does
// where nothing stands between it and the client.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	err := http.ListenAndServe("127.0.0.1:"+os.Args[1], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	fmt.Fprintln(os.Stderr, "ceiling:", err)
	os.Exit(1)
}
