package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// versions are all versions of a function. Making what is wanted publishes one, unless
// there is one already.
type versions struct {
	i        *inventory
	function string
	// have are the versions by number.
	have map[int]*snapshot
	wish *versionsWish
	// number of the version with what is wanted, once that was applied.
	number int
}

type versionsWish struct {
	config stack.Config
	keep   int
}

func (v *versions) name() string { return functionComponent(v.function, "versions") }
func (v *versions) subject() string {
	return fmt.Sprintf("version of function %q", v.latest().fullName())
}
func (v *versions) exists() bool        { return len(v.have) > 0 }
func (v *versions) foreign() bool       { return false }
func (v *versions) wanted() bool        { return v.wish != nil }
func (v *versions) latest() *function   { return v.i.functions[v.function].function }
func (v *versions) numbers() []int      { return slices.Sorted(maps.Keys(v.have)) }
func (v *versions) live() stack.Routing { return v.i.functions[v.function].alias.routing() }

func (v *versions) read(ctx context.Context) error {
	have := map[int]*snapshot{}
	pages := lambda.NewListVersionsByFunctionPaginator(v.i.lambda, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String(v.latest().fullName())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if missing(err) {
			return nil // Deleted just now.
		}
		if err != nil {
			return about(v, "read", err)
		}
		for _, c := range page.Versions {
			if s := (&snapshot{FunctionConfiguration: c}); s.number() > 0 {
				have[s.number()] = s
			}
		}
	}
	v.have = have
	return nil
}

func (v *versions) show(d *stack.Deployment) {
	editFunction(d, v.function, func(f *stack.Function, status *stack.FunctionStatus) {
		t := v.latest().translation()
		status.Versions = nil
		for _, n := range v.numbers() {
			is := v.have[n]
			hash := t.config(is, f.Config).Hash()
			shown := t
			shown.secrets = v.latest().hidden(is, f.Config)
			status.Versions = append(status.Versions, stack.Version{
				Number: n, Hash: hash, Config: shown.config(is, f.Config), CodeSize: is.CodeSize, Created: is.modified(),
			})
		}
	})
}

// find returns the newest version that is what c says; 0 and nil if there is none.
func (v *versions) find(c stack.Config) (int, *snapshot) {
	hash, t := c.Hash(), v.latest().translation()
	for _, n := range slices.Backward(v.numbers()) {
		if is := v.have[n]; !is.failed() && t.config(is, c).Hash() == hash {
			return n, is
		}
	}
	return 0, nil
}

func (v *versions) want(s stack.Stack) {
	v.wish = nil
	if f, ok := s.Functions[v.function]; ok {
		v.wish = &versionsWish{config: f.Config, keep: f.KeepVersions}
	}
}

func (v *versions) drift() string {
	number, _ := v.find(v.wish.config)
	if number == 0 {
		return "the function was changed since and not released"
	}
	if old := v.expendable(number); len(old) > 0 {
		return fmt.Sprintf("there are more than keep_versions allows: %d too many", len(old))
	}
	return ""
}

func (v *versions) apply(ctx context.Context) error {
	number, found := v.find(v.wish.config)
	if found == nil {
		var err error
		if number, err = v.publish(ctx); err != nil {
			return err
		}
	}
	if v.live()[number] == 0 {
		if err := v.settle(ctx, number); err != nil {
			return err
		}
	}
	v.number = number
	return nil
}

var errGone = errors.New("the function is gone; somebody else deleted it just now: apply again")

// publish makes a version of the function as it is, if it is what is wanted.
func (v *versions) publish(ctx context.Context) (int, error) {
	f := v.latest()
	if f.have == nil {
		return 0, errGone
	}
	var made *snapshot
	seen := true
	err := f.whileBusy(ctx, func(ctx context.Context) error {
		return v.i.pace.retry(ctx, outdated, func(ctx context.Context) error {
			if !seen {
				// Revision ids change by themselves; the function's content tells whether
				// anybody changed it.
				have, err := f.get(ctx)
				if err != nil {
					return err
				}
				if have == nil {
					return errGone
				}
				f.have = have
			}
			if why := f.have.unreadable(); why != "" {
				return fmt.Errorf("nobody can tell whether the function is what is wanted, since its environment cannot be decrypted (%s); "+
					"allow kms:Decrypt on its key to whoever runs Terraform, and apply again", why)
			}
			if differs := v.differences(f.have.snapshot); len(differs) > 0 {
				return fmt.Errorf("the function is not what it was made a moment ago (%s differs), so somebody else is changing it; nothing was published: plan again",
					strings.Join(differs, ", "))
			}
			in := &lambda.PublishVersionInput{FunctionName: aws.String(f.fullName()), RevisionId: f.have.RevisionId}
			if !f.have.isImage() {
				in.CodeSha256 = f.have.CodeSha256
			}
			out, err := f.i.lambda.PublishVersion(ctx, in)
			if err == nil {
				made = snapshotOf(out)
				made.image = f.have.image
			}
			seen = !outdated(err)
			return err
		})
	})
	if err != nil {
		return 0, err
	}
	if made.number() == 0 {
		return 0, errors.New("the answer to PublishVersion has no number; is the endpoint really Lambda's?")
	}
	if v.have == nil {
		v.have = map[int]*snapshot{}
	}
	v.have[made.number()] = made
	if differs := v.differences(made); len(differs) > 0 {
		return 0, fmt.Errorf("version %d is not what was to be published (%s differs), so somebody else is changing the function; it was not released: plan again",
			made.number(), strings.Join(differs, ", "))
	}
	return made.number(), nil
}

// outdated tells whether Lambda answered that the function is another than was seen.
func outdated(err error) bool {
	return hasCode(err, "PreconditionFailedException") || says(err, "InvalidParameterValueException", "CodeSHA256", "is different")
}

// differences are the attributes in which a snapshot is not what is wanted.
func (v *versions) differences(s *snapshot) []string {
	c := v.wish.config
	is := v.latest().translation().config(s, c)
	if is.Hash() == c.Hash() {
		return nil
	}
	return differingAttributes(is, c)
}

// settle waits until a version can be invoked. One that failed is deleted, so that the
// next apply publishes another.
func (v *versions) settle(ctx context.Context, number int) error {
	f := v.latest()
	what := fmt.Sprintf("version %d of function %q to become ready", number, f.fullName())
	err := v.i.pace.wait(ctx, what, func(ctx context.Context) (bool, error) {
		if s := v.have[number]; s.State != "" && !s.pending() {
			return true, nil
		}
		var out *lambda.GetFunctionOutput
		// It may not be known everywhere yet.
		err := v.i.pace.retry(ctx, missing, func(ctx context.Context) (err error) {
			out, err = v.i.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(f.fullName()), Qualifier: aws.String(fmt.Sprint(number))})
			return err
		})
		if err != nil {
			return false, err
		}
		if out.Configuration == nil {
			return false, errors.New("the answer to GetFunction has no configuration; is the endpoint really Lambda's?")
		}
		s := &snapshot{FunctionConfiguration: *out.Configuration, image: v.have[number].image}
		v.have[number] = s
		return s.State == "" || !s.pending(), nil
	})
	if err != nil {
		return err
	}
	if why := v.have[number].failure(); why != "" {
		if err := v.drop(ctx, number); err != nil {
			return fmt.Errorf("version %d: %s; moreover, it could not be deleted: %w", number, why, err)
		}
		return fmt.Errorf("version %d: %s; it was deleted", number, why)
	}
	return nil
}

// remove does nothing: versions go with their function.
func (v *versions) remove(context.Context) error { return nil }
