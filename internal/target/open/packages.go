package open

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/sync/errgroup"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// uploadsAtOnce is how many packages of one stack are sent at the same time.
const uploadsAtOnce = 4

// upload sends the packages that the stack names and the runtime lacks.
func (c *Client) upload(ctx context.Context, d target.Deploy) error {
	wanted := map[string]bool{}
	for _, f := range d.Stack.Functions {
		wanted[f.CodeSHA256] = true
		for _, layer := range f.Layers {
			wanted[layer] = true
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(uploadsAtOnce)
	for sha := range wanted {
		group.Go(func() error { return c.uploadOne(ctx, sha, d.Packages[sha]) })
	}
	return group.Wait()
}

// uploadOne sends a package unless the runtime has it. A package that we do not
// have either is left to the runtime to miss.
func (c *Client) uploadOne(ctx context.Context, sha string, p target.Package) error {
	raw, err := base64.StdEncoding.DecodeString(sha)
	if err != nil {
		return fmt.Errorf("%q is not the SHA-256 of a package in base64", sha)
	}
	path := "/v1/packages/" + base64.RawURLEncoding.EncodeToString(raw)
	err = c.json(ctx, call{method: http.MethodHead, path: path}, nil)
	if !hasStatus(err, http.StatusNotFound) || p == nil {
		return ignoreMissing(err)
	}
	return c.json(ctx, call{
		method: http.MethodPut,
		path:   path,
		header: http.Header{"Content-Type": {"application/zip"}},
		body:   body(p),
		slow:   true,
	}, nil)
}

func ignoreMissing(err error) error {
	if hasStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}

// body opens the package anew for every attempt.
func body(p target.Package) retryablehttp.ReaderFunc {
	return func() (io.Reader, error) {
		r, err := p.Open()
		if err != nil {
			return nil, &packageError{err}
		}
		return sizedReader{r, p.Size()}, nil
	}
}

// A packageError says that a package could not be read, which is no fault of the
// connection that it was to go over.
type packageError struct{ err error }

func (e *packageError) Error() string { return e.err.Error() }

func (e *packageError) Unwrap() error { return e.err }

// A sizedReader tells its length, so that the request has a Content-Length.
type sizedReader struct {
	io.ReadCloser
	size int64
}

func (r sizedReader) Len() int { return int(r.size) }

func (r sizedReader) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &packageError{err}
	}
	return n, err
}
