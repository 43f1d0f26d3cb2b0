package aws

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// A squattedS3 has one bucket, which belongs to somebody else, who lets everybody in.
type squattedS3 struct {
	s3API
	owner    string
	uploaded bool
}

func (b *squattedS3) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if in.ExpectedBucketOwner != nil && *in.ExpectedBucketOwner != b.owner {
		return nil, &smithy.GenericAPIError{Code: "AccessDenied", Message: "Access Denied"}
	}
	b.uploaded = true
	return &s3.PutObjectOutput{}, nil
}

// Everybody can make a bucket of any name that is not taken.
func TestNoPackageGoesIntoSomebodyElsesBucketOfTheStandardName(t *testing.T) {
	s := china()
	b := &squattedS3{owner: "999999999999"}
	s.s3 = b
	if err := s.uploadTo(t.Context(), s.ownBucket(), "shop/package.zip", []byte("code")); !hasCode(err, "AccessDenied") || b.uploaded {
		t.Errorf("it was uploaded: %v, with the error %v", b.uploaded, err)
	}
	// A bucket that the user names may be shared by accounts.
	if err := s.uploadTo(t.Context(), "shared-packages", "shop/package.zip", []byte("code")); err != nil || !b.uploaded {
		t.Errorf("into a bucket that the user names: %v", err)
	}
}
