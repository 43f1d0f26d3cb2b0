package aws

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// A caller makes AWS's calls over HTTP, each once.
//
// The SDK closes a request's body as soon as the answer begins. At that moment net/http
// may have sent all of it and not yet looked whether there is more, which it does through
// WriteTo. A body that smithy-go has closed then answers with io.EOF, which of WriteTo is
// an error, so that net/http breaks off the connection: the answer is lost, and the SDK
// makes a call once more that AWS has carried out. Of Read, io.EOF is no error.
type caller struct{ aws.HTTPClient }

// Do makes a call.
func (c caller) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = readOnly{r.Body}
	}
	return c.HTTPClient.Do(r)
}

// with is the same caller with other settings of its connections, if they can be set.
func (c caller) with(connections func(*http.Transport)) aws.HTTPClient {
	if client, ok := c.HTTPClient.(*awshttp.BuildableClient); ok {
		return caller{client.WithTransportOptions(connections)}
	}
	return c
}

// readOnly hides WriteTo.
type readOnly struct{ io.ReadCloser }
