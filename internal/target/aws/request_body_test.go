package aws

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/smithy-go"
)

// A hastyServer answers as soon as it has a whole request, of which its client is still to
// learn that it is whole.
type hastyServer struct{ request *http.Request }

func (s *hastyServer) Do(r *http.Request) (*http.Response, error) {
	s.request = r
	if _, err := io.CopyN(io.Discard, r.Body, r.ContentLength); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

// What net/http does with the rest of a body would else break the connection off, when the
// answer has only begun.
func TestARequestThatIsAnsweredEarlyIsAtItsEnd(t *testing.T) {
	server := &hastyServer{}
	client := apigatewayv2.New(apigatewayv2.Options{Region: "us-east-1", HTTPClient: tuned(server)})
	if _, err := client.CreateApi(t.Context(), &apigatewayv2.CreateApiInput{Name: aws.String("shop"), ProtocolType: types.ProtocolTypeHttp}); err != nil {
		t.Fatal(err)
	}
	var rest bytes.Buffer
	if n, err := io.Copy(&rest, server.request.Body); n != 0 || err != nil {
		t.Errorf("the rest of the body is %q, %v", rest.String(), err)
	}
}

func TestAnAuthorizerThatALostAnswerWasAboutIsKnown(t *testing.T) {
	for _, taken := range []error{
		&smithy.GenericAPIError{Code: "BadRequestException", Message: "Authorizer name must be unique. Authorizer jwt already exists in this RestApi."},
		&types.ConflictException{Message: aws.String("the authorizer exists")},
	} {
		if !nameTaken(taken) {
			t.Errorf("%v does not mean that there is one", taken)
		}
	}
	if bad := (&smithy.GenericAPIError{Code: "BadRequestException", Message: "Invalid issuer: https://login.example.org/."}); nameTaken(bad) {
		t.Errorf("%v means that there is one", bad)
	}
}
