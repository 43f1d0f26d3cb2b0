package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A function is the Lambda function itself: its code and settings as they are now
// ($LATEST). What is invoked are versions of it, through the alias.
type function struct {
	i        *inventory
	function string
	have     *functionFacts
	wish     *functionWish
}

// functionFacts are all that one GetFunction tells.
type functionFacts struct {
	*snapshot
	tags map[string]string
	// reserved concurrency; nil if there is none. The component concurrency has it
	// from here.
	reserved *int
}

type functionWish struct {
	config stack.Config
	tags   map[string]string
}

func (f *function) name() string     { return functionComponent(f.function, "function") }
func (f *function) fullName() string { return stack.FullName(f.i.name, f.function) }
func (f *function) subject() string  { return fmt.Sprintf("function %q", f.fullName()) }
func (f *function) exists() bool     { return f.have != nil }
func (f *function) foreign() bool    { return f.exists() && !ours(f.have.tags, f.i.name) }
func (f *function) wanted() bool     { return f.wish != nil }
func (f *function) arn() string      { return f.i.functionARN(f.fullName(), "") }

// parts are the function and what hangs on it.
func (f *function) parts() *functionParts { return f.i.functions[f.function] }

// ownRole is the ARN of the role that the target makes for the function.
func (f *function) ownRole() string {
	return f.i.roleARN(rolePath(f.i.name), f.i.roleName(f.i.name, f.function))
}

// read also reads the layers, since whether there can be any follows from the
// function.
func (f *function) read(ctx context.Context) error {
	have, err := f.get(ctx)
	if err != nil {
		return about(f, "read", err)
	}
	f.have = have
	return f.parts().layers.readWith(ctx, have)
}

// get asks for the function; nil if there is none.
func (f *function) get(ctx context.Context) (*functionFacts, error) {
	out, err := f.i.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(f.fullName())})
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if out.Configuration == nil {
		return nil, errors.New("the answer to GetFunction has no configuration; is the endpoint really Lambda's?")
	}
	if e := out.TagsError; e != nil {
		denied := failure{serviceID: lambda.ServiceID, operation: "ListTags", code: aws.ToString(e.ErrorCode), message: tidy(aws.ToString(e.Message))}
		return nil, fmt.Errorf("its tags cannot be read: %s", denied.denial())
	}
	have := &functionFacts{snapshot: &snapshot{FunctionConfiguration: *out.Configuration}, tags: changed(out.Tags, tagChange{})}
	if out.Code != nil {
		have.image = aws.ToString(out.Code.ImageUri)
	}
	if out.Concurrency != nil && out.Concurrency.ReservedConcurrentExecutions != nil {
		reserved := int(*out.Concurrency.ReservedConcurrentExecutions)
		have.reserved = &reserved
	}
	return have, nil
}

func (f *function) show(d *stack.Deployment) {
	fn, known := d.Stack.Functions[f.function]
	if !known {
		fn = stack.NewFunction()
		d.Functions[f.function] = stack.FunctionStatus{LogGroup: functionLogGroup(f.i.name, f.function), Routing: stack.Routing{}}
	}
	t, is := f.translation(), f.effective(fn.Config)
	t.secrets = f.hidden(is, fn.Config)
	fn.Config = t.config(is, fn.Config)
	fn.KeepVersions = keepVersions(f.have.tags)
	d.Stack.Functions[f.function] = fn
	editFunction(d, f.function, func(_ *stack.Function, status *stack.FunctionStatus) {
		status.ARN, status.RoleARN = f.arn(), aws.ToString(f.have.Role)
	})
}

// translation from AWS's words, which hides nothing that a note does not call a secret.
func (f *function) translation() translation {
	t := translation{ownRole: f.ownRole(), layers: f.parts().layers.contents()}
	if f.have == nil {
		return t
	}
	return t.of(f.have.snapshot)
}

// keepVersions is the number that a function's tags say.
func keepVersions(tags map[string]string) int {
	n, err := strconv.Atoi(tags[tagKeepVersions])
	if err != nil || n < 1 {
		return stack.NewFunction().KeepVersions
	}
	return n
}

func (f *function) want(s stack.Stack) {
	f.wish = nil
	fn, ok := s.Functions[f.function]
	if !ok {
		return
	}
	own := map[string]string{tagFunction: f.function, tagKeepVersions: strconv.Itoa(fn.KeepVersions)}
	if len(fn.Layers) > 0 || f.exists() && f.have.tags[tagLayers] != "" {
		own[tagLayers] = tagLayersYes
	}
	f.wish = &functionWish{config: fn.Config, tags: f.i.tags(f.i.name, s.Tags, own)}
}

func (f *function) drift() string {
	var words []string
	if tags := changeTags(f.have.tags, f.wish.tags).String(); tags != "" {
		words = append(words, tags)
	}
	if why := f.have.failure(); why != "" {
		words = append(words, why)
	}
	if why := f.have.unreadable(); why != "" {
		words = append(words, "its environment cannot be decrypted ("+why+")")
	}
	words = append(words, f.others(f.have.snapshot).differences(f.standard())...)
	if layers := f.parts().layers.foreignARNs(f.have.layerARNs()); len(layers) > 0 {
		words = append(words, "it has layers of others: "+strings.Join(layers, ", "))
	}
	if secrets := secretsDrift(f.effective(f.wish.config).variables(), f.live().variables()); secrets != "" {
		words = append(words, secrets)
	}
	return strings.Join(words, "; ")
}

// effective is the function as it is in effect: as it is now, unless that is what a
// release made of it that was rolled back. Then it is the version that is live again.
func (f *function) effective(like stack.Config) *snapshot {
	n, live := f.parts().alias.note(), f.live()
	if n == nil || n.phase != release.RolledBack || live == nil || !maps.Equal(f.parts().alias.routing(), n.stable) {
		return f.have.snapshot
	}
	candidate, t := f.parts().versions.have[n.candidate], f.translation()
	if candidate == nil || t.config(candidate, like).Hash() != t.config(f.have.snapshot, like).Hash() {
		return f.have.snapshot
	}
	return live
}

// live is the version that the alias points at; nil if there is none.
func (f *function) live() *snapshot {
	return f.parts().versions.have[f.parts().alias.routing().Main()]
}

func (f *function) apply(ctx context.Context) error {
	environment, secrets, err := f.environment()
	if err != nil {
		return err
	}
	return redacted(f.make(ctx, environment), secrets)
}

func (f *function) make(ctx context.Context, environment map[string]string) error {
	if f.exists() && f.have.isImage() != (f.wish.config.Image != "") {
		return errors.New("AWS cannot make a function of a package one of an image, or the other way round; give the function another name in the stack")
	}
	if f.stillborn() {
		if err := f.remove(ctx); err != nil {
			return err
		}
	}
	if !f.exists() {
		made, err := f.create(ctx, environment)
		if made || err != nil {
			return err
		}
	}
	return f.change(ctx, environment)
}

// stillborn tells whether the function's creation failed, and nothing invokes it: AWS
// changes no such function.
func (f *function) stillborn() bool {
	return f.exists() && f.have.failed() && len(f.parts().alias.routing()) == 0
}

// change makes a function that exists what is wanted.
func (f *function) change(ctx context.Context, environment map[string]string) error {
	if err := f.settle(ctx); err != nil && !errors.As(err, new(*failedError)) {
		return err
	}
	tags := f.wish.tags
	if f.i.adding {
		// All but what leads to the layers waits until the release has ended.
		tags = changed(f.have.tags, tagChange{})
		if layers, ok := f.wish.tags[tagLayers]; ok {
			tags[tagLayers] = layers
		}
	}
	if err := f.retag(ctx, tags); err != nil {
		return err
	}
	c := f.wish.config
	layers, err := f.parts().layers.arns(c.Layers)
	if err != nil {
		return err
	}
	role := c.RoleARN
	if role == "" {
		role = f.ownRole()
	}
	want, have := f.settingsOf(c, role, layers, environment), f.settingsNow(f.have.snapshot)
	if !want.equal(have) || f.have.failure() != "" {
		err := f.configure(ctx, want, have)
		if says(err, "InvalidParameterValueException", "combined with layers exceeds") {
			// Code that moves into layers has to leave the function first.
			if err := f.changeCode(ctx); err != nil {
				return err
			}
			err = f.configure(ctx, want, have)
		}
		if err != nil {
			return err
		}
	}
	return f.changeCode(ctx)
}

// configure gives the function these settings, and waits until it has them.
func (f *function) configure(ctx context.Context, want, have settings) error {
	err := f.try(ctx, func(ctx context.Context) error {
		out, err := f.i.lambda.UpdateFunctionConfiguration(ctx, f.update(want, have))
		if err == nil {
			f.saw(snapshotOf(out))
		}
		return err
	})
	if err != nil {
		return err
	}
	return f.settle(ctx)
}

// saw takes the function's configuration from an answer that does not tell its image.
func (f *function) saw(s *snapshot) {
	if f.have == nil {
		f.have = &functionFacts{tags: f.wish.tags}
	} else {
		s.image = f.have.image
	}
	latest := stack.Latest
	s.Version = &latest
	f.have.snapshot = s
}

// retag gives the function these tags. It removes some before it sets others, of which
// there can be fifty.
func (f *function) retag(ctx context.Context, tags map[string]string) error {
	change := changeTags(f.have.tags, tags)
	if len(change.unset) > 0 {
		if _, err := f.i.lambda.UntagResource(ctx, &lambda.UntagResourceInput{Resource: aws.String(f.arn()), TagKeys: change.unset}); err != nil {
			return err
		}
	}
	if len(change.set) > 0 {
		if _, err := f.i.lambda.TagResource(ctx, &lambda.TagResourceInput{Resource: aws.String(f.arn()), Tags: change.set}); err != nil {
			return err
		}
	}
	f.have.tags = changed(f.have.tags, change)
	return nil
}

// remove deletes the function with its versions and aliases. AWS removes the network
// interfaces of a function in a VPC later, on its own.
func (f *function) remove(ctx context.Context) error {
	err := f.whileBusy(ctx, func(ctx context.Context) error {
		_, err := f.i.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String(f.fullName())})
		return err
	})
	if err != nil && !missing(err) {
		return err
	}
	f.have = nil
	f.parts().versions.have, f.parts().alias.all = nil, nil
	return nil
}
