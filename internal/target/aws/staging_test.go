package aws

import (
	"context"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
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

// A countingS3 has every bucket, and notes what was done with objects.
type countingS3 struct {
	s3API
	calls []string
}

func (b *countingS3) PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	b.calls = append(b.calls, "PutObject")
	return &s3.PutObjectOutput{}, nil
}

func (b *countingS3) DeleteObject(ctx context.Context, _ *s3.DeleteObjectInput, _ ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	b.calls = append(b.calls, "DeleteObject")
	return &s3.DeleteObjectOutput{}, ctx.Err()
}

func TestAPackageOfSeveralFunctionsIsUploadedOnceAndStaysUntilAllAreMade(t *testing.T) {
	s, _ := newPlace(map[string]*logGroupFacts{"/tidegate/shop": {0, map[string]string{tagStack: "shop"}}})
	b := &countingS3{}
	s.s3 = b
	i := newInventory(s, shape{name: "shop", kind: stack.KindNone})
	code := testPackage("large")
	ctx, interrupt := context.WithCancel(t.Context())
	made := 0
	if err := i.stage(ctx, code.sha(), code, func(ctx context.Context, _, first string) error {
		made++
		return i.stage(ctx, code.sha(), code, func(_ context.Context, _, second string) error {
			if made++; first != second {
				t.Errorf("one function is made of %s and the other of %s", first, second)
			}
			return nil
		})
	}); err != nil || made != 2 {
		t.Fatal(made, err)
	}
	if want := []string{"PutObject"}; !slices.Equal(b.calls, want) {
		t.Errorf("before all are made it called %v, want %v", b.calls, want)
	}
	interrupt()
	if err := i.unstage(ctx); err != nil {
		t.Error(err)
	}
	if want := []string{"PutObject", "DeleteObject"}; !slices.Equal(b.calls, want) {
		t.Errorf("it called %v, want %v", b.calls, want)
	}
}
