package gateway

import (
	"crypto/rand"
	"crypto/sha256"
	"io"
	"net"
	"testing"
)

func TestAHundredMegabytesComeBackAsTheyWere(t *testing.T) {
	server := serve(t, func(c *net.TCPConn) { io.Copy(c, c) })
	g := testGateway(t, Options{}, "", 0)
	for kind, maker := range interfaces {
		t.Run(kind, func(t *testing.T) {
			s := newSpace(t, maker)
			s.connect(g, forward(server))
			conn, err := s.dial("tcp", inside)
			if err != nil {
				t.Fatal(err)
			}
			sent, received := sha256.New(), sha256.New()
			go func() {
				io.CopyN(io.MultiWriter(conn, sent), rand.Reader, 100<<20)
				conn.(*net.TCPConn).CloseWrite()
			}()
			n, err := io.Copy(received, conn)
			if err != nil || n != 100<<20 {
				t.Fatalf("%d bytes came back: %v", n, err)
			}
			if string(sent.Sum(nil)) != string(received.Sum(nil)) {
				t.Error("what came back is not what was sent")
			}
		})
	}
}
