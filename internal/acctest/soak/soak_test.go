package soak_test

import (
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest/soak"
)

// Many short cycles show what each start, end, crash or deployment leaves behind; what an
// hour of them leaves, `make soak` and `bench soak` show.
func TestNothingIsLeftBehind(t *testing.T) {
	report, err := soak.Run(t.Context(), soak.Options{Dir: t.TempDir(), Cycle: 6 * time.Second, Warm: 2, Cycles: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("did %v, and had then\n%s", report.Did, soak.Table(report.Quiet))
	for _, work := range []string{"warm", "cold", "crash", "timeout", "log", "event", "event that fails", "deploy"} {
		if report.Did[work] < 7 {
			t.Errorf("%s: %d times only", work, report.Did[work])
		}
	}
	for _, sentence := range soak.Grown(report.Quiet) {
		t.Error(sentence)
	}
}
