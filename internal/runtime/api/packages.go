package api

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
)

// maxPackage is the most bytes of a package on the wire: what it may unpack to,
// and the zip's own.
const maxPackage = 260 << 20

// packageTimeout is how long a client may take to send a package.
const packageTimeout = 15 * time.Minute

// PackagePath names a package.
type PackagePath struct {
	SHA string `path:"sha" doc:"SHA-256 of the package, in base64url without padding."`
}

type uploadInput struct {
	PackagePath
	Upload
}

// Upload is a request's body, read as it comes. (It is exported because huma
// finds it by reflection.)
type Upload struct{ reader io.Reader }

// Resolve takes the body.
func (u *Upload) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	limitReading(w, r, packageTimeout)
	u.reader = http.MaxBytesReader(w, r.Body, maxPackage)
	return nil
}

func (s *Server) registerPackages(api huma.API) {
	head := operation("hasPackage", http.MethodHead, "/v1/packages/{sha}", "packages",
		"Whether a package was uploaded", "", http.StatusNotFound)
	head.DefaultStatus = http.StatusNoContent
	huma.Register(api, head, func(ctx context.Context, in *PackagePath) (*struct{}, error) {
		sha, err := packageSHA(in.SHA)
		if err != nil {
			return nil, err
		}
		has, err := s.Store.HasPackage(ctx, sha)
		if err != nil {
			return nil, s.internal(ctx, "look for a package", err)
		}
		if !has {
			return nil, problem(http.StatusNotFound, "package %s was not uploaded", sha)
		}
		return nil, nil
	})

	put := operation("putPackage", http.MethodPut, "/v1/packages/{sha}", "packages",
		"Upload a package", "A zip whose SHA-256 is the one in the path. Uploading what is there changes nothing. "+
			"A package that no stack has named an hour after its upload is removed.",
		http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusInsufficientStorage)
	put.DefaultStatus = http.StatusNoContent
	put.RequestBody = &huma.RequestBody{
		Required: true,
		Content:  map[string]*huma.MediaType{"application/zip": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}
	huma.Register(api, put, func(ctx context.Context, in *uploadInput) (*struct{}, error) {
		sha, err := packageSHA(in.SHA)
		if err != nil {
			return nil, err
		}
		if err := s.Store.PutPackage(ctx, sha, in.reader); err != nil {
			return nil, s.packageProblem(ctx, err)
		}
		// What cannot be unpacked is refused now, and what can is at hand later.
		_, err = s.Store.PackageDir(ctx, sha)
		return nil, s.unpackProblem(ctx, err)
	})
}

// packageSHA turns the path's form of a hash into the model's.
func packageSHA(path string) (string, error) {
	sum, err := base64.RawURLEncoding.DecodeString(path)
	if err != nil || len(sum) != 32 {
		return "", problem(http.StatusBadRequest, "%q is not a SHA-256 in base64url without padding", path)
	}
	return base64.StdEncoding.EncodeToString(sum), nil
}

// packageProblem says why a package was not taken.
func (s *Server) packageProblem(ctx context.Context, err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooLarge):
		return problem(http.StatusRequestEntityTooLarge, "the package is larger than %d MB", maxPackage>>20)
	case errors.Is(err, store.ErrHash):
		return problem(http.StatusUnprocessableEntity, "%s", store.ErrHash)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem(http.StatusBadRequest, "the upload ended before it was complete")
	}
	return s.storeProblem(ctx, "store the package", err)
}

// unpackProblem says why a package that is stored is of no use.
func (s *Server) unpackProblem(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.Is(err, store.ErrFull), errors.Is(err, store.ErrNotFound):
		return s.storeProblem(ctx, "unpack the package", err)
	}
	return problem(http.StatusUnprocessableEntity, "%s", err)
}
