package aws

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

// A package that is too large for a request goes by way of a bucket; an image is not
// sent at all. All that the guide allows for either is needed.
func TestLargePackagesAndImages(t *testing.T) {
	w := open(t, acctest.Moto)
	acctest.Allow(t, acctest.Moto, "policies of users")
	guard := w.Guard()
	_, apply := policies(t, w.Account)
	guard.Allow(apply)
	large := make([]byte, 51<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(large)
	w.Write("code/large/app.py", "def handler(event, context):\n    return event\n")
	w.Write("code/large/noise", string(large))
	w.put("main.tf", `
variable "image" { type = string }

resource "tidegate_stack" "large" {
  name = "large"

  functions = {
    sent   = { source = "${path.module}/code/large", runtime = "python3.13", handler = "app.handler" }
    pulled = { image = var.image, handler = "app.handler", memory = 256 }
  }
}
`)
	const push = `
if not [r for r in ecr.describe_repositories()["repositories"]]:
    ecr.create_repository(repositoryName="shop/pulled")
layer = {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 1, "digest": "sha256:" + TAG * 64}
manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": "sha256:" + TAG * 64}, "layers": [layer]}
digest = ecr.put_image(repositoryName="shop/pulled", imageManifest=json.dumps(manifest), imageTag="v" + TAG)["image"]["imageId"]["imageDigest"]
result = {"image": account + ".dkr.ecr.us-east-1.amazonaws.com/shop/pulled@" + digest}
`
	w.Write("image.auto.tfvars.json", string(w.by("TAG = '1'\n"+push)))
	w.applied()
	uploads := w.Proxy.Matching("s3:PutObject")
	if len(uploads) != 2 || uploads[0].Status != http.StatusNotFound || uploads[1].Status != http.StatusOK {
		t.Errorf("the package was uploaded %d times, want one that finds no bucket, and one", len(uploads))
	}
	w.sees(
		sight{"both functions", `[routing("large-sent"), routing("large-pulled")]`, `[["1", {}], ["1", {}]]`},
		sight{"no package stays in the bucket", `[o for b in s3.list_buckets()["Buckets"] for o in s3.list_objects_v2(Bucket=b["Name"]).get("Contents", [])]`, `[]`},
		sight{"the bucket is closed to all", `[s3.get_public_access_block(Bucket=b["Name"])["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"] for b in s3.list_buckets()["Buckets"]]`, `[true]`},
		sight{"the image", `pick(lambda_.get_function(FunctionName="large-pulled")["Configuration"], "PackageType", "MemorySize")`, `["Image", 256]`},
	)

	// Another image is another version; the package is not sent again.
	w.Write("image.auto.tfvars.json", string(w.by("TAG = '2'\n"+push)))
	w.applied()
	if n := w.Proxy.Count("s3:*", "lambda:UpdateFunctionCode"); n != 1 {
		t.Errorf("%d calls for the packages, want one for the image", n)
	}
	w.sees(sight{"the new version", `[routing("large-sent"), routing("large-pulled")]`, `[["1", {}], ["2", {}]]`})

	w.Destroy()
	for _, action := range guard.Unused() {
		if service, _, _ := strings.Cut(action, ":"); service == "s3" || service == "ecr" {
			t.Errorf("nothing needs %s", action)
		}
	}
	guard.Stop()
	w.Python(`ecr.delete_repository(repositoryName="shop/pulled", force=True)`, nil)
	w.nothingLeft()
}
