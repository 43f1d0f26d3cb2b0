package provider

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// source makes a folder of files: name -> content.
func source(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSmoke(t *testing.T) {
	f := &fakeTarget{}
	src := source(t, map[string]string{"app.py": "def handler(e, c): return 1"})
	config := `
resource "tidegate_queue" "orders" {
  name = "orders"
  visibility_timeout = "3m"
  dead_letter        = { max_receives = 5 }
  consumer = {
    function         = "fulfil"
    batch_size       = 10
  }
  functions = {
    fulfil = {
      source      = "` + src + `"
      runtime     = "python3.13"
      handler     = "app.handler"
      timeout     = "30s"
      environment = { TABLE = "orders" }
      secrets_wo = { PASSWORD = "hunter2" }
      secrets_version = "1"
      url = {}
    }
    other = {
      source      = "` + src + `"
      runtime     = "provided.al2023"
    }
  }
}
`
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: f.factories(),
		Steps: []resource.TestStep{
			{Config: config},
			{
				Config:           config,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			},
		},
	})
}
