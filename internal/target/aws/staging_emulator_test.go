package aws

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestAPackageTooLargeForARequestGoesThroughABucketThatIsGoneAfterwards(t *testing.T) {
	s := openShop(t)
	large := packageOf(t, "large", directLimit)
	s.packages[large.sha()] = large
	s.create(s.stack(large.sha()))

	bucket := aws.String("tidegate-123456789012-us-east-1")
	objects, err := s.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket})
	if err != nil || len(objects.Contents) > 0 {
		t.Errorf("in the bucket: %v, %v", objects.Contents, err)
	}
	if _, err := s.s3.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: bucket}); err != nil {
		t.Error(err)
	}
	if out, err := s.s3.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: bucket}); err != nil || !*out.PublicAccessBlockConfiguration.BlockPublicPolicy {
		t.Errorf("%+v, %v", out, err)
	}
	// As an apply that was cut off would leave it.
	if _, err := s.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("shop/left.zip")}); err != nil {
		t.Fatal(err)
	}
	if err := s.target.Delete(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if left, err := s.s3.ListBuckets(t.Context(), &s3.ListBucketsInput{}); err != nil || len(left.Buckets) > 0 {
		t.Errorf("left: %v, %v", left.Buckets, err)
	}
}

func TestABucketThatAnotherStackUsesStays(t *testing.T) {
	s := openShop(t)
	large := packageOf(t, "large", directLimit)
	s.packages[large.sha()] = large
	s.create(s.stack(large.sha()))
	bucket := aws.String("tidegate-123456789012-us-east-1")
	if _, err := s.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("other/package.zip")}); err != nil {
		t.Fatal(err)
	}
	if err := s.target.Delete(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if objects, err := s.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket}); err != nil || len(objects.Contents) != 1 {
		t.Errorf("in the bucket: %v, %v", objects, err)
	}
}
