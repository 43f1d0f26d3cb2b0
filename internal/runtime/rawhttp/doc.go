// Package rawhttp is an HTTP/1.1 server for the Runtime API: one goroutine for each
// connection, and no more copies and system calls than a request needs.
//
// It differs from net/http in what matters there. A request can be answered by any
// goroutine (Request.Later), so that whoever has an event writes it to the waiting
// function without waking another goroutine first. Nothing is allocated for the answer.
// What RFC 9112 leaves to a server's leniency is refused, as a function may send
// anything: conflicting lengths, folded lines, bare line feeds, malformed chunks.
//
// There are no timeouts: whoever has the connection closes it.
package rawhttp
