package release_test

import (
	"bytes"
	"os"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// steeredWhileTerraformApplies has one person apply, a second one try to, and a third
// one decide.
func steeredWhileTerraformApplies(b *bench) {
	const name = "steered"
	one := map[string]definition{name: {
		release: map[string]any{"strategy": "linear", "weight": 30, "interval": "1h"},
		code:    map[string]string{"f": answering("one"), "g": answering("one")},
	}}
	b.configure(one)
	b.succeeds(b.apply())
	two := rewritten(one, "two")
	b.configure(two)
	first := b.apply()
	b.until(name, 1, "at 30 %", weighs(30))

	b.tidegate([]string{"release", name, "--pause"}, ": paused by ", "at 30 %")
	b.sampled(name, stack.Routing{1: 70, 2: 30})
	other := b.beside(rewritten(one, "three"))
	revision := b.read(name).Revision
	other.fails(other.apply(), `A release is under way: stack "steered"`, "is at 30 %, started by", "nothing was changed now", "tidegate release steered")
	if now := b.read(name); now.Revision != revision || len(now.Functions["f"].Versions) != 2 {
		b.Errorf("an apply that was refused has changed the stack: %+v", now)
	}
	same := b.beside(two)
	joined := same.apply()
	watching := b.runtime.CLI(b.Context(), "release", name)
	var watched bytes.Buffer
	watching.Stdout, watching.Stderr = &watched, &watched
	if err := watching.Start(); err != nil {
		b.Fatal(err)
	}
	b.tidegate([]string{"release", name, "--resume"}, ": resumed by ", "at 30 %")
	b.tidegate([]string{"release", name, "--promote"}, ": promoted by ", "at 100 %")
	if err := watching.Wait(); err != nil {
		b.Errorf("watching a release that is finished: %v", err)
	}
	b.says(watched.String(), "f 1 → 2", "promoted by ", "[####################] 100 %")
	b.succeeds(first)
	same.succeeds(joined)
	b.terraform.EmptyPlan()
	same.terraform.EmptyPlan()
	b.isAt(name, 2, 2)

	b.configure(rewritten(one, "three"))
	third := b.apply()
	b.until(name, 2, "at 30 %", weighs(30))
	b.tidegate([]string{"release", name, "--abort"}, ": aborted by ", "at 0 %")
	b.fails(third, `Release rolled back: stack "steered"`, "was aborted by ", "every alias is where it was before")
	b.isAt(name, 2, 3)
	b.offers([]string{name})
	b.configure(two)
	b.terraform.EmptyPlan()
}

// sampled wants the stack's traffic to be split as its weights say. By chance one of a
// thousand honest samples is further off than is accepted, so that only a second one in a
// row tells that the split is wrong.
func (b *bench) sampled(name string, weights stack.Routing) {
	b.Helper()
	const atMost = 10.83 // p = 0.001 with one degree of freedom
	url := b.read(name).URL
	var x float64
	for range 2 {
		l := beginLoad(b.T, 1500, 8, url+"/f", url+"/g")
		b.wait("2,000 requests", func() bool { return len(l.so()) >= 2000 })
		answers := l.stop()
		if failed := byVersion(answers, answer.failed); len(failed) > 0 {
			b.Errorf("requests have failed: %v", failed)
		}
		counts := byVersion(answers, func(answer) bool { return true })
		if x = chiSquared(counts, weights); x <= atMost {
			return
		}
		b.Logf("%v for the weights %v: chi-squared is %.2f", counts, weights, x)
	}
	b.Errorf("the weights %v do not hold: chi-squared is %.2f", weights, x)
}

// anApplyThatDoesNotWait leaves its release to the runtime.
func anApplyThatDoesNotWait(b *bench) {
	const name = "unwatched"
	one := map[string]definition{name: {
		release: map[string]any{"strategy": "canary", "weight": 50, "interval": "1h", "wait": false},
		code:    map[string]string{"f": answering("one")},
	}}
	b.configure(one)
	b.succeeds(b.apply())
	two := rewritten(one, "two")
	b.configure(two)
	b.succeeds(b.apply())
	b.until(name, 1, "at 50 %", weighs(50))
	b.offers([]string{name}, `Release under way: stack "unwatched"`, "is at 50 %, started by", "has moved 50 % to version 2, begun by")
	b.succeeds(b.apply()) // It joins, and need not wait either.
	b.tidegate([]string{"release", name, "--promote"}, "at 100 %")
	b.terraform.EmptyPlan()
	b.isAt(name, 2, 2)

	// Nobody who waits hears of its failure, so the next plan has to tell.
	b.configure(rewritten(one, "three"))
	b.succeeds(b.apply())
	b.until(name, 2, "at 50 %", weighs(50))
	b.tidegate([]string{"release", name, "--abort"}, "at 0 %")
	b.offers([]string{name}, `Release rolled back: stack "unwatched"`, "was aborted by ", "Applying the configuration releases it again")
	b.configure(two)
	b.succeeds(b.apply())
	b.terraform.EmptyPlan()
	b.isAt(name, 2, 3)
	if n := len(b.history(name)); n != 2 {
		b.Errorf("there were %d releases, want 2", n)
	}

	// A destroy need not wait for what is under way.
	b.configure(rewritten(one, "four"))
	b.succeeds(b.apply())
	b.until(name, 3, "at 50 %", weighs(50))
	b.terraform.Destroy()
	b.configure(two)
	b.succeeds(b.apply())
	b.terraform.EmptyPlan()
	if f, all := b.read(name).Functions["f"], b.history(name); len(f.Versions) != 1 || f.Routing[f.Version] != 100 || len(all) != 0 {
		b.Errorf("the stack that was made anew has the releases %+v, and its function is %+v", all, f)
	}
}

// oneInterruptForSeveralReleases is Ctrl-C, once, while one release is to be rolled back
// and one to be held.
func oneInterruptForSeveralReleases(b *bench) {
	one := map[string]definition{}
	for _, failure := range []string{"rollback", "hold"} {
		one["interrupted-"+failure] = definition{
			release: map[string]any{"strategy": "blue_green", "interval": "1h", "on_failure": failure},
			code:    map[string]string{"f": answering("one"), "g": answering("one")},
		}
	}
	const back, held, hooked = "interrupted-rollback", "interrupted-hold", "interrupted-before"
	endless := "import time\n\ndef handler(event, context):\n    time.sleep(300)\n"
	one[hooked] = definition{
		release: map[string]any{"before": "check"},
		code:    map[string]string{"f": answering("one"), "check": endless},
	}
	two := rewritten(one, "two")
	two[hooked].code["check"] = endless
	b.configure(one)
	b.succeeds(b.apply())
	b.configure(two)
	run := b.apply()
	b.until(back, 1, "at 100 %", weighs(100))
	b.until(held, 1, "at 100 %", weighs(100))
	b.until(hooked, 1, "before its traffic", func(r release.Release) bool { return r.Phase == release.Before })
	if err := run.cmd.Process.Signal(os.Interrupt); err != nil {
		b.Fatal(err)
	}
	b.fails(run, `Release rolled back: stack "interrupted-rollback"`, "rolled back: interrupted by ",
		`Release held: stack "interrupted-hold"`, "held: interrupted by ", "its candidates keep 100 % of the traffic",
		`Release rolled back: stack "interrupted-before"`)
	b.isAt(back, 1, 2)
	if r := b.history(hooked)[0]; r.Phase != release.RolledBack || b.read(hooked).Functions["f"].Version != 1 {
		b.Errorf("the release whose hook was interrupted is %+v", r)
	}
	if f := b.read(held).Functions["f"]; f.Routing[2] != 100 {
		b.Errorf("the function of the release that is held is %+v", f)
	}
	b.offers([]string{back, held, hooked}, `Release under way: stack "interrupted-hold"`, "is held at 100 %, started by")

	// The next apply does not wait for what waits for a person.
	again := b.apply()
	b.until(hooked, 2, "before its traffic", func(r release.Release) bool { return r.Phase == release.Before })
	b.tidegate([]string{"release", hooked, "--promote"}, "at 100 %")
	b.until(back, 2, "at 100 %", weighs(100))
	b.tidegate([]string{"release", back, "--promote"}, "at 100 %")
	out := b.fails(again, `Release held: stack "interrupted-hold"`)
	if r := b.history(back)[0]; r.Phase != release.Finished {
		b.Errorf("the release is %s: %s", r.Phase, out)
	}
	b.tidegate([]string{"release", held, "--promote"}, "at 100 %")
	b.terraform.EmptyPlan()
	b.isAt(back, 2, 2)
	b.isAt(held, 2, 2)
}

// aTimeoutEndsARelease that waits for invocations which do not come.
func aTimeoutEndsARelease(b *bench) {
	const name = "awaited"
	one := map[string]definition{name: {
		release: map[string]any{"strategy": "canary", "interval": "1s", "gate": map[string]any{"min_invocations": 5}},
		code:    map[string]string{"f": answering("one")},
		update:  "20s",
	}}
	b.configure(one)
	b.succeeds(b.apply())
	b.configure(rewritten(one, "two"))
	b.fails(b.apply(), `Release rolled back: stack "awaited"`, "rolled back: interrupted by ", ", because ")
	b.isAt(name, 1, 2)
	b.offers([]string{name})

	b.configure(with(rewritten(one, "two"), func(_ string, d *definition) { d.release["interval"] = "30s" }))
	b.fails(b.apply(), "an update may take 20s, and the release (canary of 10 % for 30s) takes at least 30s")
	b.isAt(name, 1, 2)
}
