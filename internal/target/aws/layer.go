package aws

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// layers are the versions of one Lambda layer, called as the function. Each holds one
// content, and its description is the content's SHA-256, by which it is found again.
// Versions of a layer never change.
type layers struct {
	i        *inventory
	function string
	have     []layerVersion
	wish     []string
	// whole tells whether the function is wanted at all.
	whole bool
}

type layerVersion struct {
	number  int64
	arn     string
	content string // SHA-256, in base64
}

// tagLayers is on functions that have, or once had, layers of the target's. A function
// without it has none, which saves looking for them.
const (
	tagLayers    = "tidegate:layers"
	tagLayersYes = "yes"
)

func (l *layers) name() string           { return functionComponent(l.function, "layers") }
func (l *layers) layer() string          { return stack.FullName(l.i.name, l.function) }
func (l *layers) subject() string        { return fmt.Sprintf("layer %q", l.layer()) }
func (l *layers) foreign() bool          { return false }
func (l *layers) wanted() bool           { return len(l.wish) > 0 }
func (l *layers) show(*stack.Deployment) {}
func (l *layers) latest() *function      { return l.i.functions[l.function].function }

// exists is about what can be seen of it as a component. A function that wants no
// layers any more keeps those of its older versions, which is as it should be.
func (l *layers) exists() bool {
	if l.whole && !l.wanted() {
		return len(l.unused()) > 0
	}
	return len(l.have) > 0
}

// read does nothing: see readWith.
func (l *layers) read(context.Context) error { return nil }

// readWith looks for layers where there can be any, given the function; nil if there
// is none.
func (l *layers) readWith(ctx context.Context, f *functionFacts) error {
	if f == nil {
		// Without a function there are layers only if an apply was cut off, which makes
		// the log group before all else.
		if _, begun := l.i.logGroups[functionLogGroup(l.i.name, l.function)]; !begun {
			return nil
		}
	} else if f.tags[tagLayers] == "" && !slices.ContainsFunc(f.layerARNs(), l.isOwn) {
		return nil
	}
	return about(l, "read", l.list(ctx))
}

func (l *layers) list(ctx context.Context) error {
	l.have = nil
	pages := lambda.NewListLayerVersionsPaginator(l.i.lambda, &lambda.ListLayerVersionsInput{LayerName: aws.String(l.layer())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if missing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, v := range page.LayerVersions {
			// A description of another kind is that of somebody else's version.
			if content := aws.ToString(v.Description); isDigest(content) {
				l.have = append(l.have, layerVersion{number: v.Version, arn: aws.ToString(v.LayerVersionArn), content: content})
			}
		}
	}
	return nil
}

func isDigest(text string) bool {
	sum, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(sum) == sha256.Size
}

// isOwn tells whether an ARN names a version of this layer.
func (l *layers) isOwn(arn string) bool {
	return strings.HasPrefix(arn, l.i.arn("lambda", "layer:"+l.layer()+":"))
}

// contents by ARN.
func (l *layers) contents() map[string]string {
	contents := map[string]string{}
	for _, v := range l.have {
		contents[v.arn] = v.content
	}
	return contents
}

// foreignARNs are those among ARNs that are not versions of this layer.
func (l *layers) foreignARNs(arns []string) []string {
	return slices.DeleteFunc(slices.Clone(arns), l.isOwn)
}

// find returns a version with this content.
func (l *layers) find(content string) (layerVersion, bool) {
	for _, v := range l.have {
		if v.content == content {
			return v, true
		}
	}
	return layerVersion{}, false
}

// arns of contents, in their order.
func (l *layers) arns(contents []string) ([]string, error) {
	arns := []string{}
	for _, content := range contents {
		v, ok := l.find(content)
		if !ok {
			return nil, fmt.Errorf("its layer with the SHA-256 %s was not published, which is a defect of this program", content)
		}
		arns = append(arns, v.arn)
	}
	return arns, nil
}

func (l *layers) want(s stack.Stack) {
	f, ok := s.Functions[l.function]
	l.wish, l.whole = nil, ok
	for _, content := range f.Layers {
		if isDigest(content) {
			l.wish = append(l.wish, content)
		}
	}
}

func (l *layers) drift() string {
	for _, content := range l.wish {
		if _, ok := l.find(content); !ok {
			return "a version of it that the function needs is missing"
		}
	}
	switch n := len(l.unused()); n {
	case 0:
		return ""
	case 1:
		return "has a version that nothing uses"
	default:
		return fmt.Sprintf("has %d versions that nothing uses", n)
	}
}

// unused are the versions that are in no version of the function, nor in the function
// as it is or is to be.
func (l *layers) unused() []layerVersion {
	used := map[string]bool{}
	note := func(s *snapshot) {
		for _, arn := range s.layerARNs() {
			used[arn] = true
		}
	}
	if f := l.latest(); f.have != nil {
		note(f.have.snapshot)
	}
	for _, v := range l.i.functions[l.function].versions.have {
		note(v)
	}
	for _, content := range l.wish {
		if v, ok := l.find(content); ok {
			used[v.arn] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(l.have), func(v layerVersion) bool { return used[v.arn] })
}

func (l *layers) apply(ctx context.Context) error {
	f := l.latest()
	if f.exists() && f.have.tags[tagLayers] == "" {
		if err := f.retag(ctx, changed(f.have.tags, tagChange{set: map[string]string{tagLayers: tagLayersYes}})); err != nil {
			return err
		}
		// What an apply that was cut off made before is not known yet.
		if err := l.list(ctx); err != nil {
			return err
		}
	}
	for _, content := range l.wish {
		if _, ok := l.find(content); ok {
			continue
		}
		if err := l.publish(ctx, content); err != nil {
			return err
		}
	}
	return nil
}

func (l *layers) publish(ctx context.Context, content string) error {
	return l.i.parcel(ctx, content, func(ctx context.Context, p parcel) error {
		out, err := l.i.lambda.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{
			LayerName: aws.String(l.layer()), Description: aws.String(content),
			Content: &types.LayerVersionContentInput{ZipFile: p.zip, S3Bucket: p.bucket, S3Key: p.key},
		})
		if err == nil {
			l.have = append(l.have, layerVersion{number: out.Version, arn: aws.ToString(out.LayerVersionArn), content: content})
		}
		return err
	})
}

// prune deletes the versions that nothing uses.
func (l *layers) prune(ctx context.Context) error { return l.delete(ctx, l.unused()) }

// remove deletes all versions when the function goes, else those that nothing uses.
func (l *layers) remove(ctx context.Context) error {
	if l.whole {
		return l.prune(ctx)
	}
	return l.delete(ctx, slices.Clone(l.have))
}

func (l *layers) delete(ctx context.Context, versions []layerVersion) error {
	for _, v := range versions {
		_, err := l.i.lambda.DeleteLayerVersion(ctx, &lambda.DeleteLayerVersionInput{LayerName: aws.String(l.layer()), VersionNumber: aws.Int64(v.number)})
		if err != nil && !missing(err) {
			return fmt.Errorf("version %s: %w", strconv.FormatInt(v.number, 10), err)
		}
		l.have = slices.DeleteFunc(l.have, func(other layerVersion) bool { return other.number == v.number })
	}
	return nil
}
