package gateway

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A resolver answers instances' questions about names by asking the host's
// servers. It does not read the answers: a name that leads to a refused address is
// refused when it is connected to.
type resolver struct {
	// port is the servers'.
	port int

	mu   sync.Mutex
	conf resolvConf
}

// newResolver asks the servers of a resolv.conf.
func newResolver(content []byte) *resolver {
	return &resolver{port: dnsPort, conf: parseResolvConf(content)}
}

// set has it ask those of another one from now on.
func (r *resolver) set(content []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conf = parseResolvConf(content)
}

func (r *resolver) config() resolvConf {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conf
}

// longestQuery bounds what an instance may ask, in bytes; answers may be as long as
// TCP allows.
const longestQuery = 4 << 10

// errNoQuery means that a message is no question; it gets no answer.
var errNoQuery = errors.New("this is no DNS query")

// answer asks the host's servers, over the protocol ("udp" or "tcp") that the
// instance used, so that answers have the same limits. There is always an answer
// to a query, be it that the servers failed.
func (r *resolver) answer(ctx context.Context, protocol string, query []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil || header.Response || len(query) > longestQuery {
		return nil, errNoQuery
	}
	questions, err := parser.AllQuestions()
	if err != nil || len(questions) != 1 {
		return nil, errNoQuery
	}
	conf := r.config()
	// The instance's resolver has given up by then.
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for range conf.attempts {
		for _, server := range conf.servers {
			answer, err := ask(ctx, protocol, net.JoinHostPort(server.String(), strconv.Itoa(r.port)), query, questions[0], conf.timeout)
			if err == nil {
				return answer, nil
			}
			if ctx.Err() != nil {
				break
			}
		}
	}
	failed := dnsmessage.Message{Header: dnsmessage.Header{
		ID: header.ID, Response: true, OpCode: header.OpCode, RecursionDesired: header.RecursionDesired,
		RecursionAvailable: true, RCode: dnsmessage.RCodeServerFailure,
	}, Questions: questions}
	return failed.Pack()
}

// ask puts a question to one server, under an id and from a port that nobody can
// guess, and returns the answer under the id that the instance gave it.
func ask(ctx context.Context, protocol, server string, query []byte, question dnsmessage.Question, timeout time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, protocol, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) }) //nolint:errcheck // it is open
	defer stop()
	ours := bytes.Clone(query)
	id := uint16(rand.Uint32())
	binary.BigEndian.PutUint16(ours, id)
	if protocol == "tcp" {
		err = writeMessage(conn, ours)
	} else {
		_, err = conn.Write(ours)
	}
	for err == nil {
		var answer []byte
		if protocol == "tcp" {
			answer, err = readMessage(conn)
		} else {
			answer, err = readDatagram(conn)
		}
		if err == nil && answers(answer, id, question) {
			copy(answer, query[:2])
			return answer, nil
		}
	}
	return nil, err
}

// answers tells whether a message is the answer to a question.
func answers(message []byte, id uint16, question dnsmessage.Question) bool {
	var parser dnsmessage.Parser
	header, err := parser.Start(message)
	if err != nil || !header.Response || header.ID != id {
		return false
	}
	asked, err := parser.Question()
	if errors.Is(err, dnsmessage.ErrSectionDone) {
		return header.RCode == dnsmessage.RCodeFormatError // it cannot say what it did not understand
	}
	return err == nil && asked.Type == question.Type && asked.Class == question.Class && sameName(asked.Name, question.Name)
}

func sameName(a, b dnsmessage.Name) bool {
	return bytes.EqualFold(a.Data[:a.Length], b.Data[:b.Length])
}

func readDatagram(conn net.Conn) ([]byte, error) {
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	n, err := conn.Read(buffer[:])
	return bytes.Clone(buffer[:n]), err
}

// writeMessage and readMessage are for TCP, where a length goes before each message
// (RFC 1035, 4.2.2).
func writeMessage(w io.Writer, message []byte) error {
	if len(message) > 0xffff {
		return fmt.Errorf("a DNS message of %d bytes is too long", len(message))
	}
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...))
	return err
}

func readMessage(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, message)
	return message, err
}

// serveTCP answers questions of one connection until there are no more.
func (r *resolver) serveTCP(ctx context.Context, conn net.Conn) {
	const idle = 10 * time.Second
	for {
		conn.SetDeadline(time.Now().Add(idle)) //nolint:errcheck // it is open
		query, err := readMessage(conn)
		if err != nil {
			return
		}
		answer, err := r.answer(ctx, "tcp", query)
		if err != nil {
			return
		}
		conn.SetDeadline(time.Now().Add(idle)) //nolint:errcheck // as above
		if err := writeMessage(conn, answer); err != nil {
			return
		}
	}
}
