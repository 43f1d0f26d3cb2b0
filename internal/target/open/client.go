package open

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/go-cleanhttp"
	"github.com/hashicorp/go-retryablehttp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// apiVersion is the version of the management API that this client speaks; the
// runtime names its own in the header headerAPI of every answer.
const (
	apiVersion = "1"
	headerAPI  = "X-Tidegate-Api"
)

// How long to wait for whom.
const (
	// dialTimeout is for the connection.
	dialTimeout = 5 * time.Second
	// answerTimeout is for calls that the runtime answers from memory. Deployments
	// and uploads have no limit here but their context's.
	answerTimeout = 15 * time.Second
	// retries after the first attempt and the first pause between them, which
	// doubles: 6.3 s in all, long enough for a runtime that is being restarted.
	retries    = 6
	retryPause = 100 * time.Millisecond
	// giveUpFor is how long a runtime that could not be reached is not waited for
	// again, so that a plan of a hundred stacks fails as fast as one of a single
	// stack.
	giveUpFor = 10 * time.Second
)

// maxAnswer is the most bytes of a JSON answer that are read.
const maxAnswer = 64 << 20

// Options say where a runtime is and who is calling.
type Options struct {
	// Endpoint is the runtime's management URL; see ResolveEndpoint.
	Endpoint string
	// Token for management; see ResolveToken.
	Token string
	// UserAgent names the calling program and its version.
	UserAgent string
	// Log gets every request at debug level, without tokens and bodies. May be nil.
	Log *slog.Logger
}

// A Client talks to one open runtime. Its methods may be called at the same
// time. Errors are sentences for people, and none holds the token.
type Client struct {
	endpoint  string
	token     string
	userAgent string
	log       *slog.Logger
	// safe retries every failure that may pass, once only those in which the
	// request did not reach the runtime.
	safe, once *retryablehttp.Client

	answerTimeout time.Duration
	// These are follow.go's constants; tests shorten them.
	lookPause, lostFor, behindFor, interruptFor time.Duration

	mu sync.Mutex
	// unreachable is when the runtime was last given up.
	unreachable time.Time
	runtimes    []string
}

var _ target.Target = (*Client)(nil)

// New returns a client. It sends nothing yet.
func New(o Options) (*Client, error) {
	if _, err := ResolveEndpoint(o.Endpoint); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{
		endpoint:      o.Endpoint,
		token:         o.Token,
		userAgent:     o.UserAgent,
		log:           o.Log,
		answerTimeout: answerTimeout,
		lookPause:     lookPause,
		lostFor:       lostFor,
		behindFor:     behindFor,
		interruptFor:  interruptFor,
	}
	transport := cleanhttp.DefaultPooledTransport()
	transport.DialContext = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
	transport.MaxIdleConnsPerHost = 16
	c.safe = c.retrying(transport, c.retrySafe)
	c.once = c.retrying(transport, c.retryUnsent)
	return c, nil
}

// Endpoint is the runtime's management URL.
func (c *Client) Endpoint() string { return c.endpoint }

func (c *Client) retrying(transport http.RoundTripper, policy retryablehttp.CheckRetry) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: transport,
			// The runtime never redirects; what does is something else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax:     retries,
		RetryWaitMin: retryPause,
		RetryWaitMax: retryPause << retries,
		Backoff:      retryablehttp.DefaultBackoff,
		CheckRetry:   policy,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// A call is one request of the management API.
type call struct {
	method string
	// path is escaped; it begins with a slash.
	path   string
	query  url.Values
	header http.Header
	// in is sent as JSON unless it is nil; body, with its media type in header, as
	// it is.
	in   any
	body retryablehttp.ReaderFunc
	// slow calls wait as long as the context lets them.
	slow bool
	// once calls must not be sent twice.
	once bool
}

func (k call) String() string { return k.method + " " + k.path }

// json makes the call and decodes the answer into out, unless that is nil.
func (c *Client) json(ctx context.Context, k call, out any) error {
	if !k.slow {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.answerTimeout, errSlow)
		defer cancel()
	}
	resp, err := c.do(ctx, k)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.unreachableError(ctx, k, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("the runtime at %s answered %s with something this version does not understand (%w); check that endpoint and versions are right", c.endpoint, k, err)
	}
	return nil
}

// do makes the call and returns an answer of the 2xx kind; any other is an
// *APIError or a sentence about the connection.
func (c *Client) do(ctx context.Context, k call) (*http.Response, error) {
	resp, err := c.send(ctx, k)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, c.problem(k, resp)
}

// send makes the call and returns whatever a Tidegate runtime of this API
// version answers.
func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
	req, err := c.request(ctx, k)
	if err != nil {
		return nil, err
	}
	client := c.safe
	if k.once {
		client = c.once
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		c.log.DebugContext(ctx, "no answer from the runtime", "method", k.method, "path", k.path, "error", err)
		return nil, c.unreachableError(ctx, k, err)
	}
	c.log.DebugContext(ctx, "the runtime answered", "method", k.method, "path", k.path, "status", resp.StatusCode, "took", time.Since(began))
	if err := c.checkVersion(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

func (c *Client) request(ctx context.Context, k call) (*retryablehttp.Request, error) {
	address := c.endpoint + k.path
	if len(k.query) > 0 {
		address += "?" + k.query.Encode()
	}
	var body any
	switch {
	case k.in != nil:
		text, err := json.Marshal(k.in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		body = bytes.NewReader(text)
	case k.body != nil:
		body = k.body
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, k.method, address, body)
	var unreadable *packageError
	if errors.As(err, &unreadable) {
		return nil, unreadable.err
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k, err)
	}
	for name, values := range k.header {
		req.Header[name] = values
	}
	if k.in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	return req, nil
}
