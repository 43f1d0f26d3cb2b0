package aws

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// tagStaging is on the marker of a stack that ever uploaded a package, and names the
// bucket. It is set before the upload, so that removing the stack finds what is left.
const tagStaging = "tidegate:staging"

// ownBucket is the bucket that the target makes where none was named. It is shared by
// all stacks of an account in a region.
func (s *session) ownBucket() string { return "tidegate-" + s.account + "-" + s.region }

// owner is whose the bucket has to be; nil if that is for the user to know. Anybody can
// make a bucket of the name that the target's own will have, to get hold of packages.
func (s *session) owner(bucket string) *string {
	if bucket != s.ownBucket() {
		return nil
	}
	return aws.String(s.account)
}

// stagingTags are those of the bucket, which belongs to no stack.
func (s *session) stagingTags() []types.Tag {
	return []types.Tag{{Key: aws.String(tagStaging), Value: aws.String("yes")}}
}

// An upload is a package in a bucket. Several functions may be made of one package, and
// at the same time, so it stays until all are made.
type upload struct {
	bucket, key string
	once        sync.Once
	failed      error
}

// stage uploads a package, unless this operation has done so, and lets do use it.
func (i *inventory) stage(ctx context.Context, sha string, pkg target.Package, do func(ctx context.Context, bucket, key string) error) error {
	bucket := i.stagingBucket
	if bucket == "" {
		bucket = i.ownBucket()
	}
	if err := i.noteStaging(ctx, bucket); err != nil {
		return err
	}
	content, err := contentOf(pkg)
	if err != nil {
		return err
	}
	u := i.uploadOf(bucket, stagingKey(i.name, content))
	u.once.Do(func() { u.failed = i.uploadTo(ctx, bucket, u.key, content) })
	if u.failed != nil {
		return fmt.Errorf("the package with the SHA-256 %s, which is larger than Lambda takes in a request, cannot be uploaded to the bucket %s: %w", sha, bucket, u.failed)
	}
	return do(ctx, bucket, u.key)
}

// uploadOf is the same for everybody who uploads the same.
func (i *inventory) uploadOf(bucket, key string) *upload {
	i.staging.Lock()
	defer i.staging.Unlock()
	if i.uploads == nil {
		i.uploads = map[string]*upload{}
	}
	if i.uploads[key] == nil {
		i.uploads[key] = &upload{bucket: bucket, key: key}
	}
	return i.uploads[key]
}

// unstage deletes what this operation uploaded, when all is made of it, and also if ctx
// has ended. What is left when this fails goes within a day, or with the stack.
func (i *inventory) unstage(ctx context.Context) error {
	i.staging.Lock()
	defer i.staging.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unstageTimeout)
	defer cancel()
	var errs []error
	for _, u := range i.uploads {
		in := &s3.DeleteObjectInput{Bucket: aws.String(u.bucket), Key: aws.String(u.key), ExpectedBucketOwner: i.owner(u.bucket)}
		if _, err := i.s3.DeleteObject(ctx, in); err != nil && !missing(err) && u.failed == nil {
			errs = append(errs, fmt.Errorf("the package cannot be deleted from the bucket %s: %w", u.bucket, err))
		}
	}
	i.uploads = nil
	return joined(errs)
}

// unstageTimeout bounds the deletions from the bucket after the time for an operation is
// over, or somebody interrupted it.
const unstageTimeout = 30 * time.Second

// stagingKey is by content: who uploads the same twice overwrites it with the same.
func stagingKey(stackName string, content []byte) string {
	sum := sha256.Sum256(content)
	return stackName + "/" + hex.EncodeToString(sum[:]) + ".zip"
}

// noteStaging says on the stack's marker that there is something in the bucket.
func (i *inventory) noteStaging(ctx context.Context, bucket string) error {
	i.staging.Lock()
	defer i.staging.Unlock()
	if i.marker.have[tagStaging] == bucket {
		return nil
	}
	change := tagChange{set: map[string]string{tagStaging: bucket}}
	_, err := i.logs.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: aws.String(i.marker.arn()), Tags: change.set})
	if err == nil {
		i.marker.have = changed(i.marker.have, change)
	}
	return err
}

// uploadTo puts a package into the bucket, which it makes if it is the target's own and
// missing. Another stack's removal may delete an empty bucket at any moment.
func (s *session) uploadTo(ctx context.Context, bucket, key string, content []byte) error {
	return s.pace.retry(ctx, func(err error) bool {
		return hasCode(err, "NoSuchBucket", "OperationAborted") && bucket == s.ownBucket()
	}, func(ctx context.Context) error {
		sum := sha256.Sum256(content)
		put := func() error {
			_, err := s.s3.PutObject(ctx, &s3.PutObjectInput{
				Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader(content), ExpectedBucketOwner: s.owner(bucket),
				ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
			})
			return err
		}
		err := put()
		if bucket != s.ownBucket() || !hasCode(err, "NoSuchBucket") {
			return err
		}
		if err := s.makeBucket(ctx, bucket); err != nil {
			return err
		}
		return put()
	})
}

// makeBucket makes a private bucket whose objects go after a day.
func (s *session) makeBucket(ctx context.Context, bucket string) error {
	in := &s3.CreateBucketInput{Bucket: aws.String(bucket)}
	if s.region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(s.region)}
	}
	if _, err := s.s3.CreateBucket(ctx, in); err != nil && !hasCode(err, "BucketAlreadyOwnedByYou") {
		return err
	}
	if _, err := s.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: aws.String(bucket), ExpectedBucketOwner: s.owner(bucket), Tagging: &types.Tagging{TagSet: s.stagingTags()}}); err != nil {
		return err
	}
	if _, err := s.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: aws.String(bucket), ExpectedBucketOwner: s.owner(bucket), PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
	}}); err != nil {
		return err
	}
	_, err := s.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
		Bucket: aws.String(bucket), ExpectedBucketOwner: s.owner(bucket),
		LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
			ID: aws.String("packages-are-used-at-once"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
			Expiration:                     &types.LifecycleExpiration{Days: aws.Int32(1)},
			AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)},
		}}},
	})
	return err
}

// removeStaging deletes what applies that were cut off left of the stack's packages,
// and the bucket, if the target made it and it is empty then. It comes before the
// stack's marker goes, which says that there may be something.
func (i *inventory) removeStaging(ctx context.Context) error {
	bucket := i.marker.have[tagStaging]
	if bucket == "" || i.marker.foreign() {
		return nil
	}
	explained := func(err error) error {
		if err == nil || missing(err) {
			return nil
		}
		return fmt.Errorf("cannot clear the stack's packages out of the bucket %s: %w", bucket, err)
	}
	pages := s3.NewListObjectsV2Paginator(i.s3, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String(i.name + "/"), ExpectedBucketOwner: i.owner(bucket)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explained(err)
		}
		for _, object := range page.Contents {
			if _, err := i.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: object.Key, ExpectedBucketOwner: i.owner(bucket)}); err != nil {
				return explained(err)
			}
		}
	}
	if bucket != i.ownBucket() {
		return nil
	}
	out, err := i.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: aws.String(bucket), ExpectedBucketOwner: i.owner(bucket)})
	if hasCode(err, "NoSuchTagSet") {
		return nil // Somebody else's.
	}
	if err != nil {
		return explained(err)
	}
	for _, tag := range out.TagSet {
		if aws.ToString(tag.Key) != tagStaging {
			continue
		}
		_, err := i.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String(bucket), ExpectedBucketOwner: i.owner(bucket)})
		if hasCode(err, "BucketNotEmpty", "OperationAborted") {
			return nil // Another stack is using it, or removing it.
		}
		return explained(err)
	}
	return nil
}
