package stack

import (
	"strings"
	"testing"
)

const (
	registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
	byDigest = registry + "/shop/fulfil@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// validImage is a stack of which the function is an image.
func validImage() Stack {
	s := validStack()
	f := NewFunction()
	f.Image = byDigest
	s.Functions["fulfil"] = f
	return s
}

func TestValidateImage(t *testing.T) {
	image := func(uri string) func(s *Stack) { return function(func(f *Function) { f.Image = uri }) }
	invalid := func(name, uri string) problemCase {
		return problemCase{name: name, change: image(uri), paths: []string{fn("image")}, want: "is not an image in ECR; write it like"}
	}
	checkProblems(t, validImage, []problemCase{
		{name: "by tag", change: image(registry + "/shop:v1.2_3-rc")},
		{name: "in a repository of many names", change: image(registry + "/a/b-c/d.e__f:latest")},
		{name: "in China", change: image("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/shop:1")},
		{name: "by an endpoint of FIPS", change: image("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/shop:1")},
		{name: "by an endpoint of both IP versions", change: image("123456789012.dkr-ecr.eu-central-1.on.aws/shop:1")},
		{name: "with a command of its own", change: function(func(f *Function) { f.Handler = "app.handler" })},
		invalid("an image has a digest or a tag", registry+"/shop"),
		invalid("an image does not have both", strings.Replace(byDigest, "@", ":1@", 1)),
		invalid("an image is in ECR", "docker.io/library/python:3.13"),
		invalid("an image is in a private registry", "public.ecr.aws/lambda/python:3.13"),
		invalid("an image has a name", registry+":1"),
		invalid("the name of an image is in lower case", registry+"/Shop:1"),
		invalid("a digest is a whole SHA-256", registry+"/shop@sha256:0123"),
		invalid("an image has no scheme", "https://"+registry+"/shop:1"),
		{
			name:   "an image is no package",
			change: function(func(f *Function) { f.CodeSHA256 = digest("code") }),
			paths:  []string{fn("image"), fn("source")}, want: "leave out its source or its image",
		},
		{
			name:   "an image has no runtime",
			change: function(func(f *Function) { f.Runtime, f.Handler = "python3.13", "app.handler" }),
			paths:  []string{fn("runtime"), fn("image")}, want: "an image brings a runtime of its own",
		},
		{
			name:   "an image has no layers",
			change: function(func(f *Function) { f.Layers = []string{digest("layer")} }),
			paths:  []string{fn("layers"), fn("image")}, want: "an image has no layers",
		},
	})
}
