package soak_test

import (
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest/soak"
)

// Many starts, ends, crashes and deployments show what each leaves behind; what ten
// minutes of them leave, `make soak` shows, and `bench soak` what an hour does.
func TestNothingIsLeftBehind(t *testing.T) {
	report, err := soak.Run(t.Context(), soak.Options{Dir: t.TempDir(), Warm: 6 * time.Second, Cycle: 8 * time.Second, Cycles: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("did %v, and had then\n%s", report.Did, soak.Table(report.AtRest))
	for _, sentence := range report.Grown {
		t.Error(sentence)
	}
	if t.Failed() {
		return // it was not gone on with
	}
	for _, work := range []string{"warm", "cold", "crash", "timeout", "log", "event", "event that fails", "deploy"} {
		if report.Did[work] < 3 {
			t.Errorf("%s: %d times only", work, report.Did[work])
		}
	}
}
