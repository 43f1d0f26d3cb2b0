package aws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// directLimit is how large a package in a request may be, in bytes; larger ones come
// from S3. AWS says "Zipped size must be smaller than 52428800 bytes".
const directLimit = 52428800

// A parcel is a package on its way to Lambda: its bytes, or where it was uploaded.
type parcel struct {
	zip         []byte
	bucket, key *string
}

// parcel prepares a package, and lets do send it.
func (i *inventory) parcel(ctx context.Context, sha string, do func(ctx context.Context, p parcel) error) error {
	pkg, ok := i.packages[sha]
	if !ok {
		return fmt.Errorf("the package with the SHA-256 %s is not part of the deployment, which is a defect of this program", sha)
	}
	if pkg.Size() >= directLimit {
		return i.stage(ctx, sha, pkg, func(ctx context.Context, bucket, key string) error {
			return do(ctx, parcel{bucket: aws.String(bucket), key: aws.String(key)})
		})
	}
	zip, err := contentOf(pkg)
	if err != nil {
		return err
	}
	return do(ctx, parcel{zip: zip})
}

// contentOf a package, whose Open's errors are sentences.
func contentOf(pkg target.Package) ([]byte, error) {
	r, err := pkg.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	buffer := bytes.NewBuffer(make([]byte, 0, pkg.Size()+bytes.MinRead))
	_, err = io.Copy(buffer, r)
	return buffer.Bytes(), err
}

// code lets do send the function's code, whichever way it goes.
func (f *function) code(ctx context.Context, do func(ctx context.Context, code types.FunctionCode) error) error {
	if c := f.wish.config; c.Image != "" {
		return unreadableImage(c.Image, do(ctx, types.FunctionCode{ImageUri: aws.String(c.Image)}))
	}
	return f.i.parcel(ctx, f.wish.config.CodeSHA256, func(ctx context.Context, p parcel) error {
		return do(ctx, types.FunctionCode{ZipFile: p.zip, S3Bucket: p.bucket, S3Key: p.key})
	})
}

// unreadableImage says in plain words that it is Lambda, and not whoever deploys, that
// lacks a permission:
// https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#gettingstarted-images-permissions
func unreadableImage(image string, err error) error {
	if !says(err, "AccessDeniedException", "permission to access the ECR image") {
		return err
	}
	return &plainError{err, fmt.Sprintf("Lambda may not read the image %s; allow %s the actions ecr:BatchGetImage and ecr:GetDownloadUrlForLayer in the policy "+
		"of its repository, or allow whoever runs Terraform ecr:GetRepositoryPolicy and ecr:SetRepositoryPolicy, so that Lambda does it", image, lambdaService)}
}

// architectures of a function that wants this one: AWS's default is x86_64.
func architectures(wanted string) []types.Architecture {
	if wanted == "" {
		return []types.Architecture{types.ArchitectureX8664}
	}
	return []types.Architecture{types.Architecture(wanted)}
}

// create makes the function, and with it version 1. It has not made it if there is
// one of the stack's already, which it has then read.
func (f *function) create(ctx context.Context, environment map[string]string) (made bool, err error) {
	c := f.wish.config
	layers, err := f.parts().layers.arns(c.Layers)
	if err != nil {
		return false, err
	}
	role := c.RoleARN
	if role == "" {
		role = f.ownRole()
	}
	want := f.settingsOf(c, role, layers, environment)
	in := &lambda.CreateFunctionInput{
		FunctionName: aws.String(f.fullName()), Description: aws.String(want.others.description),
		PackageType: types.PackageTypeZip, Publish: true,
		MemorySize: aws.Int32(want.memory), Timeout: aws.Int32(want.timeout), EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(want.storage)},
		Role: aws.String(role), TracingConfig: tracing(want.active), Architectures: architectures(c.Architecture),
		Layers: layers, Tags: f.wish.tags,
	}
	if len(environment) > 0 {
		in.Environment = &types.Environment{Variables: environment}
	}
	if c.Image != "" {
		in.PackageType, in.Layers = types.PackageTypeImage, nil
		if want.command != "" {
			in.ImageConfig = imageConfig(want.command)
		}
	} else {
		in.Runtime, in.Handler = types.Runtime(want.runtime), aws.String(want.handler)
	}
	if want.key != "" {
		in.KMSKeyArn = aws.String(want.key)
	}
	if c.Network != nil {
		in.VpcConfig = vpcConfig(want)
	}
	err = f.code(ctx, func(ctx context.Context, code types.FunctionCode) error {
		in.Code = &code
		return f.try(ctx, func(ctx context.Context) error {
			out, err := f.i.lambda.CreateFunction(ctx, in)
			if err == nil {
				f.created(snapshotOf(out))
			}
			return err
		})
	})
	if says(err, "ResourceConflictException", "already exist") {
		return false, f.adopt(ctx)
	}
	if err != nil {
		return false, err
	}
	return true, f.settle(ctx)
}

// created notes what CreateFunction answered: it describes version 1, which came with
// the function.
func (f *function) created(s *snapshot) {
	version := *s
	s.image, version.image = f.wish.config.Image, f.wish.config.Image
	if n := version.number(); n > 0 {
		f.parts().versions.have = map[int]*snapshot{n: &version}
	}
	f.have = nil
	f.saw(s)
}

// adopt reads what is there after AWS answered that the function exists: a request
// whose answer got lost made it, or somebody else.
func (f *function) adopt(ctx context.Context) error {
	have, err := f.get(ctx)
	if err != nil {
		return err
	}
	if have == nil {
		return errors.New("AWS says both that the function exists and that it does not; somebody else is making or deleting it: apply again")
	}
	f.have = have
	if f.foreign() {
		return &foreignError{f}
	}
	return f.parts().versions.read(ctx)
}

// changeCode sends code that is not the function's yet.
func (f *function) changeCode(ctx context.Context) error {
	c := f.wish.config
	same := architecture(f.have.Architectures, c.Architecture) == c.Architecture
	if c.Image != "" {
		same = same && f.have.image == c.Image
	} else {
		same = same && aws.ToString(f.have.CodeSha256) == c.CodeSHA256
	}
	if same {
		return nil
	}
	err := f.code(ctx, func(ctx context.Context, code types.FunctionCode) error {
		return f.try(ctx, func(ctx context.Context) error {
			out, err := f.i.lambda.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{
				FunctionName: aws.String(f.fullName()), Architectures: architectures(c.Architecture),
				ZipFile: code.ZipFile, S3Bucket: code.S3Bucket, S3Key: code.S3Key, ImageUri: code.ImageUri,
			})
			if err == nil {
				f.saw(snapshotOf(out))
				f.have.image = c.Image
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	return f.settle(ctx)
}

// runsAs names the role that a configuration runs as, for sentences.
func runsAs(c stack.Config) string {
	if c.RoleARN != "" {
		return "the role " + c.RoleARN
	}
	return "its role"
}
