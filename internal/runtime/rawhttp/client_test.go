package rawhttp

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// serve returns the address of a server, and how many connections it has had.
func serve(t *testing.T, h HandlerFunc) (address string, connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	connections = &atomic.Int64{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go Serve(c, h)
		}
	}()
	return l.Addr().String(), connections
}

func TestGosClientIsServed(t *testing.T) {
	address, connections := serve(t, echo)
	transport := &http.Transport{ExpectContinueTimeout: patience}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	large := bytes.Repeat([]byte("x"), 3<<20)
	for name, c := range map[string]struct {
		body    io.Reader
		header  http.Header
		trailer http.Header
		want    string
	}{
		"without a body":   {nil, nil, nil, "POST "},
		"with a length":    {strings.NewReader("abc"), nil, nil, "POST abc"},
		"a large one":      {bytes.NewReader(large), nil, nil, "POST " + string(large)},
		"in chunks":        {io.MultiReader(strings.NewReader("abc"), strings.NewReader("def")), nil, nil, "POST abcdef"},
		"with trailers":    {io.MultiReader(strings.NewReader("abc")), nil, http.Header{"X-Sum": {"7"}}, "POST abc"},
		"after being told": {strings.NewReader("abc"), http.Header{"Expect": {"100-continue"}}, nil, "POST abc"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/", c.body)
		if err != nil {
			t.Fatal(err)
		}
		request.Trailer = c.trailer
		if c.header != nil {
			request.Header = c.header
		}
		begun := time.Now()
		response, err := client.Do(request)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(body) != c.want || response.Header.Get("X-Trailer") != c.trailer.Get("X-Sum") {
			t.Errorf("%s: the answer is %.100q (%v) with %v", name, body, err, response.Header)
		}
		if time.Since(begun) > patience/2 {
			t.Errorf("%s: the client was not told to send its body", name)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("there were %d connections, want one that is kept", n)
	}
}
