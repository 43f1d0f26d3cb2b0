package aws

import (
	"fmt"
	"maps"
	"net/http"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

// callsOf applies a number of queue stacks on an account where there are none, and
// counts the calls that were let through, by operation, and those that were not.
func (w *workspace) callsOf(stacks int) (done map[string]int, throttled int) {
	w.t.Helper()
	w.put("main.tf", fmt.Sprintf(`
resource "tidegate_queue" "many" {
  count              = %d
  name               = "many-${count.index}"
  visibility_timeout = "3m"
  dead_letter        = { max_receives = 5 }
  consumer           = { function = "fulfil" }
  functions = {
    fulfil = { source = "${path.module}/code/resize", runtime = "python3.13", handler = "app.handler", timeout = "30s" }
  }
}
`, stacks))
	w.Proxy.Forget()
	w.Apply("-parallelism=20")
	done = map[string]int{}
	for _, r := range w.Proxy.Requests() {
		switch r.Status {
		case http.StatusTooManyRequests:
			throttled++
		default:
			done[r.Call()]++
		}
	}
	return done, throttled
}

// Where Lambda lets through what it does for an account that was given no more, as many
// calls are made for each of many stacks as for one of a few, and few in vain.
func TestManyStacksMakeNoMoreCallsEachAtLambdasQuota(t *testing.T) {
	const few, many = 2, 20
	w := open(t, acctest.Moto)
	base, throttled := w.callsOf(few)
	if throttled > 0 {
		t.Errorf("%d calls were throttled where there is no quota", throttled)
	}
	w.Destroy()

	w.Proxy.LambdaQuotas()
	done, throttled := w.callsOf(many)
	w.Proxy.Reset()
	want := map[string]int{}
	var all int
	for call, n := range base {
		want[call] = n * many / few
		if call == "sts:GetCallerIdentity" {
			want[call] = n // The provider asks once who it is.
		}
		all += want[call]
	}
	if !maps.Equal(done, want) {
		t.Errorf("%d stacks took the calls %v, want %v", many, done, want)
	}
	t.Logf("%d calls, and %d that were throttled", all, throttled)
	if throttled == 0 || throttled > all/10 {
		t.Errorf("%d calls were throttled beside %d that were let through, want some and at most a tenth", throttled, all)
	}
	w.EmptyPlan()
	w.destroyAll()
}
