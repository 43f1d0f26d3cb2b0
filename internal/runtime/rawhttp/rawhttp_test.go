package rawhttp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// echo answers with what it understood of a request.
func echo(r *Request) {
	body, err := io.ReadAll(r.Body())
	if err != nil {
		_ = r.Reply(Answer{Status: 400, Body: []byte(err.Error())})
		return
	}
	_ = r.Reply(Answer{
		Status: 200, Header: []Field{{"X-Path", r.Path}, {"X-Query", r.Query}, {"X-Trailer", r.Trailer("x-sum")}, {"X-Header", r.Header("x-header")}},
		Body: append([]byte(r.Method+" "), body...),
	})
}

// patience is far more than anything here takes.
const patience = 2 * time.Minute

// dial returns a connection to a server of the handler, and its reading side.
func dial(t testing.TB, h HandlerFunc) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	// Accepted before the listener is closed, which resets what still waits.
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		Serve(accepted, h)
	}()
	_ = c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() {
		c.Close()
		<-done
	})
	return c.(*net.TCPConn), bufio.NewReader(c)
}

// send writes text to the server, and all of it: the server may close meanwhile.
func send(t testing.TB, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// receive reads an answer as "200 body".
func receive(t testing.TB, from *bufio.Reader) (*http.Response, string) {
	t.Helper()
	response, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatalf("there is no answer: %v", err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, fmt.Sprintf("%d %s", response.StatusCode, body)
}

// closed fails unless the server has closed the connection.
func closed(t testing.TB, from *bufio.Reader) {
	t.Helper()
	if rest, err := io.ReadAll(from); len(rest) > 0 || errors.Is(err, net.ErrClosed) {
		t.Errorf("instead of the end of the connection came %q (%v)", rest, err)
	}
}

const head = "GET / HTTP/1.1\r\nHost: x\r\n"

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	post := "POST / HTTP/1.1\r\nHost: x\r\n"
	for name, c := range map[string]struct {
		status int
		text   string
	}{
		"no version":                   {400, "GET /\r\n\r\n"},
		"no target":                    {400, "GET HTTP/1.1\r\n\r\n"},
		"method":                       {400, "G(T / HTTP/1.1\r\nHost: x\r\n\r\n"},
		"two spaces":                   {400, "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"},
		"three words and one":          {400, "GET / x HTTP/1.1\r\nHost: x\r\n\r\n"},
		"target with a control":        {400, "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n"},
		"target that is no path":       {400, "GET index HTTP/1.1\r\nHost: x\r\n\r\n"},
		"target with bad escape":       {400, "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"},
		"HTTP/2":                       {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		"HTTP/0.9 said so":             {505, "GET / HTTP/0.9\r\n\r\n"},
		"other protocol":               {400, "GET / RTSP/1.0\r\n\r\n"},
		"no host":                      {400, "GET / HTTP/1.1\r\n\r\n"},
		"two hosts":                    {400, head + "Host: y\r\n\r\n"},
		"bare line feed":               {400, "GET / HTTP/1.1\nHost: x\r\n\r\n"},
		"bare line feed in field":      {400, head + "A: b\nContent-Length: 5\r\n\r\n"},
		"bare carriage return":         {400, head + "A: b\rContent-Length: 5\r\n\r\n"},
		"NUL":                          {400, head + "A: \x00\r\n\r\n"},
		"folded line":                  {400, head + "A: b\r\n c\r\n\r\n"},
		"folded first line":            {400, "GET / HTTP/1.1\r\n A: b\r\nHost: x\r\n\r\n"},
		"space before colon":           {400, head + "Content-Length : 5\r\n\r\n"},
		"no name":                      {400, head + ": b\r\n\r\n"},
		"no colon":                     {400, head + "A\r\n\r\n"},
		"too many fields":              {431, head + strings.Repeat("A: b\r\n", maxFields) + "\r\n"},
		"too large":                    {431, head + "A: " + strings.Repeat("b", maxHead)},
		"length and coding":            {400, post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"},
		"two lengths":                  {400, post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n"},
		"the same length twice":        {400, post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"},
		"list of lengths":              {400, post + "Content-Length: 3, 3\r\n\r\n"},
		"length with sign":             {400, post + "Content-Length: +3\r\n\r\n"},
		"negative length":              {400, post + "Content-Length: -3\r\n\r\n"},
		"hexadecimal length":           {400, post + "Content-Length: 0x3\r\n\r\n"},
		"huge length":                  {400, post + "Content-Length: 9223372036854775808\r\n\r\n"},
		"empty length":                 {400, post + "Content-Length:\r\n\r\n"},
		"two codings":                  {400, post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
		"chunked not alone":            {501, post + "Transfer-Encoding: gzip, chunked\r\n\r\n"},
		"coding that is none":          {501, post + "Transfer-Encoding: xchunked\r\n\r\n"},
		"identity":                     {501, post + "Transfer-Encoding: identity\r\n\r\n"},
		"coding in HTTP/1.0":           {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
		"expectation":                  {417, post + "Expect: miracle\r\nContent-Length: 1\r\n\r\n"},
		"chunk without size":           {400, post + "Transfer-Encoding: chunked\r\n\r\n\r\n"},
		"chunk's size":                 {400, post + "Transfer-Encoding: chunked\r\n\r\nx\r\n"},
		"chunk's size with sign":       {400, post + "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n"},
		"chunk's size with 0x":         {400, post + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"},
		"chunk's size with underscore": {400, post + "Transfer-Encoding: chunked\r\n\r\n1_0\r\n"},
		"chunk's size overflows":       {400, post + "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n0\r\n\r\n"},
		"chunk's size before space":    {400, post + "Transfer-Encoding: chunked\r\n\r\n 1\r\na\r\n0\r\n\r\n"},
		"chunk's line feed":            {400, post + "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n"},
		"chunk longer than its size":   {400, post + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"},
		"chunk's end is a line feed":   {400, post + "Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n"},
		"chunk's extension":            {400, post + "Transfer-Encoding: chunked\r\n\r\n1;a=\x01\r\na\r\n0\r\n\r\n"},
		"chunk's extension too long":   {400, post + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("a", maxChunkLine) + "\r\na\r\n0\r\n\r\n"},
		"trailer":                      {400, post + "Transfer-Encoding: chunked\r\n\r\n0\r\nA : b\r\n\r\n"},
		"folded trailer":               {400, post + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n"},
		"too many trailers":            {400, post + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("A: b\r\n", maxFields+1) + "\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, from := dial(t, echo)
			// What comes after it is not to be taken for a request.
			send(t, conn, c.text+head+"\r\n")
			response, got := receive(t, from)
			if response.StatusCode != c.status || !response.Close {
				t.Errorf("it was answered with %q (close: %t), want %d and the end", got, response.Close, c.status)
			}
			conn.CloseWrite()
			closed(t, from)
		})
	}
}

func TestRequestsThatAreFine(t *testing.T) {
	for text, want := range map[string]string{
		head + "\r\n":                               "200 GET ",
		"\r\n" + head + "\r\n":                      "200 GET ",
		"GET / HTTP/1.0\r\n\r\n":                    "200 GET ",
		"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n": "200 GET ",
		"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc":                                                           "200 POST abc",
		"POST / HTTP/1.1\r\nHost:x\r\nContent-Length:\t0 \r\n\r\n":                                                             "200 POST ",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n0A \r\n0123456789\r\n000\r\n\r\n": "200 POST abc0123456789",
	} {
		c, from := dial(t, echo)
		send(t, c, text)
		if _, got := receive(t, from); got != want {
			t.Errorf("%q is answered with %q, want %q", text, got, want)
		}
	}
}

func TestAHeadIsUnderstoodHoweverItComes(t *testing.T) {
	text := "POST /a%20b?c=d HTTP/1.1\r\nHost: x\r\nX-HEADER: \xffy z \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"
	for step := range 4 {
		c, from := dial(t, echo)
		for rest := text; rest != ""; {
			n := min(len(rest), 1+step*step)
			send(t, c, rest[:n])
			rest = rest[n:]
		}
		response, got := receive(t, from)
		h := response.Header
		if got != "200 POST abc" || h.Get("X-Path") != "/a b" || h.Get("X-Query") != "c=d" || h.Get("X-Trailer") != "1" || h.Get("X-Header") != "\xffy z" {
			t.Errorf("it was answered with %q and %v", got, h)
		}
	}
}

func TestConnectionsAreKeptAsTheClientWants(t *testing.T) {
	for text, keeps := range map[string]bool{
		head + "\r\n":                                      true,
		head + "Connection: foo, Close\r\n\r\n":            false,
		"GET / HTTP/1.0\r\n\r\n":                           false,
		"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n": true,
	} {
		c, from := dial(t, echo)
		send(t, c, text)
		response, _ := receive(t, from)
		if response.Close == keeps {
			t.Errorf("%q: closing is %t", text, response.Close)
		}
		if !keeps {
			closed(t, from)
			continue
		}
		send(t, c, text)
		receive(t, from)
	}
}

func TestRequestsInOneGoAreAnsweredInOrder(t *testing.T) {
	waiting := make(chan *Later, 1)
	c, from := dial(t, func(r *Request) {
		if r.Path == "/later" {
			waiting <- r.Later()
			return
		}
		echo(r)
	})
	post := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
	send(t, c, post+"1"+"GET /later HTTP/1.1\r\nHost: x\r\n\r\n"+post+"3")
	if _, got := receive(t, from); got != "200 POST 1" {
		t.Errorf("the first answer is %q", got)
	}
	later := <-waiting
	if err := later.Reply(Answer{Status: 202, Body: []byte("2")}); err != nil {
		t.Error(err)
	}
	if err := later.Reply(Answer{Status: 500}); err == nil {
		t.Error("a second answer was taken")
	}
	for _, want := range []string{"202 2", "200 POST 3"} {
		if _, got := receive(t, from); got != want {
			t.Errorf("the next answer is %q, want %q", got, want)
		}
	}
}

func TestAClientThatLeavesIsNoticed(t *testing.T) {
	waiting := make(chan *Later, 1)
	gone := make(chan struct{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		defer close(gone)
		if c, err := l.Accept(); err == nil {
			Serve(c, HandlerFunc(func(r *Request) { waiting <- r.Later() }))
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	send(t, c, head+"\r\n")
	later := <-waiting
	c.Close()
	<-gone
	if err := later.Reply(Answer{Status: 200}); err == nil {
		t.Error("the client left, and was answered")
	}
}

func TestALaterAnswerClosesIfTheClientWants(t *testing.T) {
	for name, end := range map[string]func(*Later){
		"reply": func(l *Later) { _ = l.Reply(Answer{Status: 200}) },
		"drop":  func(l *Later) { l.Drop() },
	} {
		waiting := make(chan *Later, 1)
		c, from := dial(t, func(r *Request) { waiting <- r.Later() })
		send(t, c, head+"Connection: close\r\n\r\n")
		end(<-waiting)
		if name == "reply" {
			if response, _ := receive(t, from); !response.Close {
				t.Error("the answer does not say that the connection ends")
			}
		}
		closed(t, from)
	}
}

func TestAClientMayWaitToBeToldToSendItsBody(t *testing.T) {
	expecting := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n"
	c, from := dial(t, echo)
	for range 2 {
		send(t, c, expecting)
		if line, err := from.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("the server said %q (%v)", line, err)
		}
		_, _ = from.ReadString('\n')
		send(t, c, "abc")
		if _, got := receive(t, from); got != "200 POST abc" {
			t.Errorf("the answer is %q", got)
		}
	}
	c, from = dial(t, func(r *Request) { _ = r.Reply(Answer{Status: 403}) })
	send(t, c, expecting)
	if response, got := receive(t, from); got != "403 " || !response.Close {
		t.Errorf("a refusal is %q; that the body does not come any more is said: %t", got, response.Close)
	}
}

func TestABodyThatBreaksOffIsNoWholeOne(t *testing.T) {
	for _, body := range []string{
		"Content-Length: 5\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n5\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n",
	} {
		c, from := dial(t, echo)
		send(t, c, "POST / HTTP/1.1\r\nHost: x\r\n"+body)
		c.CloseWrite()
		if _, got := receive(t, from); got != "400 unexpected EOF" {
			t.Errorf("%q was answered with %q", body, got)
		}
	}
}

func TestABodyCanBeAnsweredBeforeItHasCome(t *testing.T) {
	// Little that is left is read, and the connection goes on; much is not.
	for length, keeps := range map[int]bool{1000: true, maxDiscard + 1: false} {
		c, from := dial(t, func(r *Request) { _ = r.Reply(Answer{Status: 403}) })
		send(t, c, fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", length))
		if _, got := receive(t, from); got != "403 " {
			t.Errorf("the answer is %q", got)
		}
		if !keeps {
			c.CloseWrite()
			closed(t, from)
			continue
		}
		send(t, c, strings.Repeat("x", length)+head+"\r\n")
		if _, got := receive(t, from); got != "403 " {
			t.Errorf("the next answer is %q", got)
		}
	}
}

func TestChunksThatAreThereAreReadTogether(t *testing.T) {
	reads := 0
	c, from := dial(t, func(r *Request) {
		p := make([]byte, 1<<20)
		size := 0
		for {
			n, err := r.Body().Read(p)
			size += n
			if err != nil {
				break
			}
			reads++
		}
		_ = r.Reply(Answer{Status: 200, Body: fmt.Appendf(nil, "%d %s", size, r.Trailer("x-sum"))})
	})
	const many = 10000
	send(t, c, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat("1\r\nx\r\n", many)+"0\r\nX-Sum: y\r\n\r\n")
	if _, body := receive(t, from); body != fmt.Sprintf("200 %d y", many) {
		t.Errorf("chunks of one byte are read as %q", body)
	}
	if reads > many/10 {
		t.Errorf("%d chunks were read one by one, %d times", many, reads)
	}
}

func TestABodyComesAsItIsSent(t *testing.T) {
	pieces := make(chan string)
	c, from := dial(t, func(r *Request) {
		buffer := make([]byte, 100)
		for {
			n, err := r.Body().Read(buffer)
			if err != nil {
				_ = r.Reply(Answer{Status: 200, Body: []byte(r.Trailer("A"))})
				return
			}
			pieces <- string(buffer[:n])
		}
	})
	send(t, c, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, piece := range []string{"one", "two", "three"} {
		send(t, c, fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece))
		if got := <-pieces; got != piece {
			t.Errorf("got %q, want %q", got, piece)
		}
	}
	send(t, c, "0\r\nA: b\r\n\r\n")
	if _, got := receive(t, from); got != "200 b" {
		t.Errorf("the answer is %q", got)
	}
}

func TestAnAnswerCannotBreakOutOfItsHeader(t *testing.T) {
	c, from := dial(t, func(r *Request) {
		_ = r.Reply(Answer{Status: 200, Header: []Field{{"A", "b\r\nC: d\x00"}}})
	})
	send(t, c, head+"\r\n")
	if response, _ := receive(t, from); response.Header.Get("A") != "b  C: d" || response.Header.Get("C") != "" {
		t.Errorf("the header is %v", response.Header)
	}
}

func TestLargeBodiesGoBothWays(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 6<<20/16)
	c, from := dial(t, echo)
	for range 2 {
		go fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body) //nolint:errcheck // see what comes
		if _, got := receive(t, from); got != "200 POST "+body {
			t.Fatalf("the answer has %d bytes", len(got))
		}
	}
}

func TestARequestThatNobodyAnswersFails(t *testing.T) {
	c, from := dial(t, func(*Request) {})
	send(t, c, head+"\r\n")
	if response, _ := receive(t, from); response.StatusCode != 500 {
		t.Errorf("the answer is %s", response.Status)
	}
	c, from = dial(t, func(r *Request) {
		_ = r.Reply(Answer{Status: 204})
		if r.Reply(Answer{Status: 200}) == nil {
			t.Error("a second answer was taken")
		}
	})
	send(t, c, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if response, _ := receive(t, from); response.StatusCode != 204 {
		t.Errorf("the answer is %s", response.Status)
	}
	closed(t, from)
}

func TestARouterFindsWhoAnswers(t *testing.T) {
	var m Router[string]
	handle := func(method, path string) {
		m.Handle(method, path, func(to string, r *Request) {
			_ = r.Reply(Answer{Status: 200, Body: []byte(to + " " + method + " " + path + " " + r.Segment)})
		})
	}
	handle("GET", "/next")
	handle("POST", "/next")
	handle("POST", "/*/response")
	handle("POST", "/*/error")
	for request, want := range map[string]string{
		"GET /next": "200 me GET /next ", "POST /next": "200 me POST /next ", "POST /7/response": "200 me POST /*/response 7",
		"POST /7/error": "200 me POST /*/error 7", "POST //error": "404 404 page not found\n", "POST /7/8/error": "404 404 page not found\n",
		"GET /7/error": "405 method not allowed\n", "DELETE /next": "405 method not allowed\n", "GET /": "404 404 page not found\n",
	} {
		c, from := dial(t, func(r *Request) { m.Serve("me", r) })
		send(t, c, request+" HTTP/1.1\r\nHost: x\r\n\r\n")
		response, got := receive(t, from)
		if got != want {
			t.Errorf("%s is answered with %q, want %q", request, got, want)
		}
		if request == "DELETE /next" && response.Header.Get("Allow") != "GET, POST" {
			t.Errorf("allowed are %q", response.Header.Get("Allow"))
		}
	}
}

// Who sends the next request along does not wait for the answer alone.
func TestALazyAnswerGoesWithTheNext(t *testing.T) {
	waiting := make(chan *Later, 1)
	c, from := dial(t, func(r *Request) {
		if r.Method == "GET" {
			waiting <- r.Later()
			return
		}
		body, _ := io.ReadAll(r.Body())
		_ = r.Reply(Answer{Status: 202, Body: body, Lazy: true})
	})
	for _, framed := range []string{"Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"} {
		post := "POST / HTTP/1.1\r\nHost: x\r\n" + framed
		send(t, c, post)
		if _, got := receive(t, from); got != "202 abc" {
			t.Errorf("alone it is answered with %q", got)
		}
		send(t, c, post+head+"\r\n")
		later := <-waiting
		if later.conn.held == 0 {
			t.Error("the client is told before there is a second answer")
		}
		if err := later.Reply(Answer{Status: 200, Body: []byte("next")}); err != nil {
			t.Error(err)
		}
		for _, want := range []string{"202 abc", "200 next"} {
			if _, got := receive(t, from); got != want {
				t.Errorf("then it is answered with %q, want %q", got, want)
			}
		}
		send(t, c, post+post)
		for range 2 {
			if _, got := receive(t, from); got != "202 abc" {
				t.Errorf("two are answered with %q", got)
			}
		}
	}
}
