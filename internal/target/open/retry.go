package open

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// retrySafe decides on calls that may be sent twice: reads, and writes that say
// which revision they are for. It retries what a runtime that restarts or is
// overloaded answers, and lost connections; not a runtime that takes too long, for
// that has had its time.
func (c *Client) retrySafe(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		lost := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
		if lost {
			return true, nil
		}
		return c.retryUnsent(ctx, resp, err)
	}
	c.reached()
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true, nil
	}
	return false, nil
}

// retryUnsent decides on calls that must not be sent twice: it retries only where
// no connection came about.
func (c *Client) retryUnsent(ctx context.Context, _ *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err == nil {
		c.reached()
		return false, nil
	}
	var op *net.OpError
	refused := errors.As(err, &op) && op.Op == "dial" && !op.Timeout()
	return refused && !c.givenUp(), nil
}

// givenUp tells whether the runtime was found unreachable a moment ago.
func (c *Client) givenUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.unreachable) < giveUpFor
}

func (c *Client) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unreachable = time.Now()
}

func (c *Client) reached() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unreachable = time.Time{}
}
