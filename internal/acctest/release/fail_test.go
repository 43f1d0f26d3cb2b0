package release_test

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
)

// slow is several times slower than a function may be that waits for its turn on a machine
// that is busy.
const (
	raising = "def handler(event, context):\n    raise Exception('bad code')\n"
	slow    = "import time\n\ndef handler(event, context):\n    time.sleep(6)\n    return 'two'\n"
	broken  = "raise Exception('it does not even start')\n"
	failing = "def handler(event, context):\n    return {}['stock of ' + event['functions']['f']['candidate']]\n"
)

// judged is how long after a step's end it may be judged, on a machine that is busy.
const judged = time.Minute

// candidatesThatFail fails five releases in one apply, each in a way of its own, while
// users send requests.
func candidatesThatFail(b *bench) {
	canary := func(interval string, gate map[string]any) map[string]any {
		return map[string]any{"strategy": "canary", "weight": 20, "interval": interval, "gate": gate}
	}
	// On a machine that is busy, an interval may pass with hardly a request to a candidate.
	errorRate := map[string]any{"max_error_rate": 0.05, "min_invocations": 20}
	hook := canary("1h", nil)
	hook["before"], hook["on_failure"] = "g", "hold"
	one := map[string]definition{
		"errors": {release: canary("10s", errorRate), code: map[string]string{"f": ""}},
		"slow":   {release: canary("2s", map[string]any{"max_p95_ratio": 3, "min_invocations": 20}), code: map[string]string{"f": ""}},
		"broken": {release: canary("5s", errorRate), code: map[string]string{"f": ""}},
		"pair":   {release: canary("5s", errorRate), code: map[string]string{"f": "", "g": ""}},
		"hook":   {release: hook, code: map[string]string{"f": "", "g": ""}},
	}
	one = rewritten(one, "one")
	b.configure(one)
	b.succeeds(b.apply())
	for name := range one {
		b.isAt(name, 1, 1)
	}
	url := func(name string) string { return b.read(name).URL }
	loads := map[string]*load{
		"errors": beginLoad(b.T, 1000, 12, url("errors")+"/f"),
		"slow":   beginLoad(b.T, 50, 8, url("slow")+"/f"),
		"broken": beginLoad(b.T, 50, 2, url("broken")+"/f"),
		"pair":   beginLoad(b.T, 50, 4, url("pair")+"/f", url("pair")+"/g"),
	}
	for name, l := range loads {
		b.wait("stack "+name+" to be warm", func() bool { return len(l.so()) > 50 })
	}

	two := rewritten(one, "two")
	two["errors"].code["f"], two["slow"].code["f"], two["broken"].code["f"], two["pair"].code["g"], two["hook"].code["g"] = raising, slow, broken, raising, failing
	b.configure(two)
	b.fails(b.apply(),
		`Release rolled back: stack "errors"`, `at 20 % the candidate version 2 of function "f" failed in `, "5 % allowed",
		`Release rolled back: stack "slow"`, `function "f" took `, " where the stable version takes ", ", with 3 times allowed",
		`Release rolled back: stack "broken"`,
		`Release rolled back: stack "pair"`, `at 20 % the candidate version 2 of function "g" failed in `,
		`Release held: stack "hook"`, "the function g that runs before the traffic moves: version 2 failed and returned {", "stock of 2", "KeyError",
		"every alias is where it was before", "The next plan offers the release again.")
	failed := time.Now()
	names := slices.Collect(maps.Keys(one))
	b.offers(names, `Release under way: stack "hook"`, "is held at 0 %")
	b.wait("10,000 requests", func() bool { return len(loads["errors"].so()) >= 10_000 })

	for name, l := range loads {
		b.isAt(name, 1, 2)
		b.failedNoMoreThan(name, l.stop(), failed)
	}
	b.tidegate([]string{"release", "hook", "--abort"}, "aborted by ", "at 0 %")
	b.isAt("hook", 1, 2)
	b.configure(one)
	b.terraform.EmptyPlan()

	// What is well again is released as if nothing had been.
	b.configure(with(rewritten(one, "three"), func(_ string, d *definition) { d.release["interval"], d.release["gate"] = "1s", nil }))
	b.succeeds(b.apply())
	b.terraform.EmptyPlan()
	for name := range one {
		b.isAt(name, 3, 3)
	}
}

// failedNoMoreThan judges what users have noticed of a release that was rolled back, of
// which the apply had told at a time.
func (b *bench) failedNoMoreThan(name string, answers []answer, told time.Time) {
	b.Helper()
	all := b.history(name)
	if len(all) != 1 || all[0].Phase != release.RolledBack {
		b.Fatalf("stack %s has the releases %+v", name, all)
	}
	r := all[0]
	if took := r.Since.Sub(r.Began); name == "errors" && took > r.Policy.Interval.Std()+judged {
		b.Errorf("stack %s was rolled back after %s, and the interval is %s", name, took, r.Policy.Interval)
	}
	failed := byVersion(answers, answer.failed)
	during := byVersion(answers, func(a answer) bool { return a.came.After(r.Began) && a.sent.Before(r.Since) })
	b.Logf("%s: of %d requests %v failed by their version; during the release, %s, there were %v", name, len(answers), failed, r.Since.Sub(r.Began), during)
	if during[2] == 0 {
		b.Errorf("%s: the candidate got no request", name)
	}
	// On a machine that is busy enough, a candidate that does not start takes longer over
	// it than a request may last, and such an answer names no version.
	failed[2] += byVersion(answers, func(a answer) bool { return a.gaveUp() && a.sent.After(r.Began) && a.sent.Before(r.Since) })[0]
	for version, n := range byVersion(answers, func(a answer) bool {
		return a.failed() && (!a.gaveUp() || a.sent.Before(r.Began) || a.sent.After(r.Since))
	}) {
		if version != 2 {
			b.Errorf("%s: %d requests failed that version %d had", name, n, version)
		}
	}
	if total := during[1] + during[2]; name != "slow" && !noMoreThan(failed[2], total, 20) {
		b.Errorf("%s: %d of %d requests failed while the candidate had 20 %%", name, failed[2], total)
	}
	for _, a := range answers {
		if a.version == 2 && a.sent.After(told) {
			b.Errorf("%s: a request that was sent %s after the apply went to version 2", name, a.sent.Sub(told))
			break
		}
	}
}

// noMoreThan tells whether some of all are a share in percent at most, or more by chance:
// six standard deviations.
func noMoreThan(some, all, percent int) bool {
	n, p := float64(all), float64(percent)/100
	return float64(some) <= n*p+6*math.Sqrt(n*p*(1-p))
}
