package acctest

import (
	"strings"
	"testing"
)

func TestAProviderIsKilledAfterTheCallThatATestChose(t *testing.T) {
	w := AWS(t, Moto, map[string]string{
		"f/app.py": "def handler(event, context):\n    return event\n",
		"main.tf": `
resource "tidegate_stack" "shop" {
  name      = "shop"
  functions = { f = { source = "${path.module}/f", runtime = "python3.13", handler = "app.handler" } }
}
`,
	})
	out, killed := w.KilledAfter(2, "apply")
	if !killed || !strings.Contains(out, "did not respond") && !strings.Contains(out, "connection error") && !strings.Contains(out, "plugin") {
		t.Fatalf("killed: %t; terraform printed:\n%s", killed, out)
	}
	if r := w.Proxy.Requests(); len(r) < 2 || r[1].Status == 0 {
		t.Errorf("the emulator has seen %v", r)
	}
}
