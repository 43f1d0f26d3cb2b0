package stack

import "regexp"

// imagePattern is the URI of an image in a private registry of ECR, which is all
// that Lambda runs, in any partition of AWS, by digest or by tag:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
var imagePattern = regexp.MustCompile(`^[0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+(\.[a-z0-9-]+)+` +
	`(/[a-z0-9]+([._-]+[a-z0-9]+)*)+` +
	`(@sha256:[0-9a-f]{64}|:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})$`)

// image checks a function that is an image and no package.
func (v *validation) image(c Config, path string) {
	image := path + ".image"
	if !imagePattern.MatchString(c.Image) {
		v.errorf(at(image), "%q is not an image in ECR; write it like \"123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:...\", "+
			"with a digest or with a tag", c.Image)
	}
	if c.CodeSHA256 != "" {
		v.errorf(at(image, path+".source"), "a function is a package or an image, and this one is both; leave out its source or its image")
	}
	if c.Runtime != "" {
		v.errorf(at(path+".runtime", image), "an image brings a runtime of its own; leave out the runtime")
	}
	if len(c.Layers) > 0 {
		v.errorf(at(path+".layers", image), "an image has no layers; put what is in them into the image")
	}
}
