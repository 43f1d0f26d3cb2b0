package rawhttp

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
)

// A ready connection has all that is read from it at once, and takes what is written.
type ready struct {
	net.Conn
	from io.Reader
}

func (c ready) Read(p []byte) (int, error)  { return c.from.Read(p) }
func (c ready) Write(p []byte) (int, error) { return len(p), nil }
func (c ready) Close() error                { return nil }

func TestAClientThatSendsFasterThanItIsReadLetsOthersHaveTheirTurn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for name, request := range map[string]string{
		"in one piece": "Content-Length: 1000000\r\n\r\n" + strings.Repeat("x", 1000000),
		"in chunks":    "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\nx\r\n", 50000) + "0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			meanwhile := make(chan struct{})
			Serve(ready{from: strings.NewReader("POST / HTTP/1.1\r\nHost: x\r\n" + request)}, HandlerFunc(func(r *Request) {
				go close(meanwhile)
				if _, err := io.Copy(io.Discard, r.Body()); err != nil {
					t.Error(err)
				}
				select {
				case <-meanwhile:
				default:
					t.Error("nobody else had a turn while the body was read")
				}
				_ = r.Reply(Answer{Status: 200})
			}))
			<-meanwhile
		})
	}
}
