package acctest

import (
	"context"
	"sync"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// KilledAfter runs a Terraform command (apply, destroy) and kills the provider when
// the emulator has carried out the command's n-th call to AWS, before the provider
// learns of it. It returns what Terraform printed, and whether the command made so
// many calls; if not, it has not been disturbed, and the test fails unless it
// succeeded. What the proxy had recorded before is forgotten.
func (w *AWSWorkspace) KilledAfter(n int, command string, args ...string) (out string, killed bool) {
	t := w.AWSAccount.t
	t.Helper()
	cmd := w.Command(t.Context(), append([]string{command, "-auto-approve", "-no-color"}, args...)...)
	var mu sync.Mutex
	w.Proxy.Forget()
	remove := w.Proxy.After(awswire.On("*"), func(r *awswire.Request, _ *awswire.Answer) {
		if r.Number != n {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		provider, running := harness.Descendant(cmd.Process.Pid, "terraform-provi")
		if !running {
			return
		}
		if err := provider.Kill(); err != nil {
			t.Errorf("kill the provider: %v", err)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		if err := harness.Wait(ctx, "the killed provider to end", func() (bool, error) { return !provider.Alive(), nil }); err != nil {
			t.Error(err)
			return
		}
		killed = true
	})
	printed, err := cmd.CombinedOutput()
	remove()
	mu.Lock() // of a call that a killed provider still had open
	defer mu.Unlock()
	if err != nil && !killed {
		t.Fatalf("terraform %s failed, though nothing was killed: %v\n%s", command, err, printed)
	}
	return string(printed), killed
}
