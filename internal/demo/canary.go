package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// The second half of the demo: examples/canary, which is released again and again while
// customers ask it for prices.

// settled is how many answers in a row show where the requests go now.
const settled = 50

// The line of the function that is changed: as it is, with a mistake, and mended.
const (
	firstPrice  = "3 + 2 * float(kilos)"
	brokenPrice = "3 + 2 * kilos"
	higherPrice = "4 + 2 * float(kilos)"
)

func (d *demo) deployParcels(ctx context.Context) error {
	d.step("Deploy an API whose new versions get a tenth of the requests first, and send it customers")
	if err := d.open(ctx, "canary", map[string]string{}, map[string]string{"python_runtime": "python3."}); err != nil {
		return err
	}
	if err := d.apply(ctx); err != nil {
		return err
	}
	var url string
	if err := d.output(ctx, "url", &url); err != nil {
		return err
	}
	d.parcels = come(ctx, url+"/quote?kilos=2")
	if err := d.allFrom(ctx, "1"); err != nil {
		return err
	}
	d.say("GET /quote?kilos=2 is asked all the time from now on, and version 1 answers.")
	return nil
}

func (d *demo) releaseBad(ctx context.Context) error {
	d.step("Release a version that cannot work: it forgets that a number in a URL is text")
	if err := d.edit("quote/app.py", firstPrice, brokenPrice); err != nil {
		return err
	}
	mark, start := d.parcels.mark(), time.Now()
	d.command("%s apply", d.program())
	out, err := d.workspace.Apply(ctx)
	var failed *harness.CommandError
	if !errors.As(err, &failed) {
		return errors.Join(err, fmt.Errorf("the apply of a version that cannot work did not fail:\n%s", out))
	}
	d.show(from(out, `Error: Release rolled back`))
	d.took("The apply, until every request went to version 1 again,", start)
	if err := d.cli(ctx, "release", "parcels", "--history"); err != nil {
		return err
	}
	t, err := d.parcels.since(mark)
	if err != nil {
		return err
	}
	d.say("Meanwhile %d of %d requests failed (%.1f %%), all of them with version 2.", t.failed, t.all, 100*float64(t.failed)/float64(t.all))
	// The share of a tenth is by chance in so few requests, hence the double.
	if t.failed == 0 || t.failed != t.failedOf["2"] || 5*t.failed > t.all {
		return fmt.Errorf("of the requests failed %+v; it must be some, of version 2 alone, and not more than a fifth", t)
	}
	if err := d.allFrom(ctx, "1"); err != nil {
		return err
	}
	d.say("Every alias is back where it was:")
	return d.cli(ctx, "versions", "parcels/quote")
}

func (d *demo) releaseGood(ctx context.Context) error {
	d.step("Mend it, raise the price, and watch that release to its end")
	if err := d.edit("quote/app.py", brokenPrice, higherPrice); err != nil {
		return err
	}
	mark := d.parcels.mark()
	d.command("%s apply", d.program())
	var out string
	applied := make(chan error, 1)
	go func() {
		text, err := d.workspace.Apply(ctx)
		out = text
		applied <- err
	}()
	watched := d.watch(ctx)
	if err := errors.Join(<-applied, watched); err != nil {
		return err
	}
	d.show(lines(out, `: Modifications complete|^Apply complete`))
	t, err := d.parcels.since(mark)
	if err != nil {
		return err
	}
	d.say("Of %d requests, version 1 answered %d and version 3 %d; %d failed.", t.all, t.allOf["1"], t.allOf["3"], t.failed)
	if t.failed > 0 {
		return fmt.Errorf("%d requests failed while a good version was released", t.failed)
	}
	return d.allFrom(ctx, "3")
}

// watch shows a release from its beginning to its end.
func (d *demo) watch(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := harness.Wait(waiting, "a release under way", func() (bool, error) {
		var stack struct {
			Release struct {
				State string `json:"state"`
			} `json:"release"`
		}
		err := d.runtime.Call(waiting, http.MethodGet, "/v1/stacks/parcels", nil, &stack)
		return stack.Release.State == "running", err
	})
	if err != nil {
		return err
	}
	return d.cli(ctx, "release", "parcels")
}

func (d *demo) goBack(ctx context.Context) error {
	d.step("Nobody likes the new price: go back at once, without Terraform")
	start := time.Now()
	if err := d.cli(ctx, "rollback", "parcels"); err != nil {
		return err
	}
	d.say("That took %d ms, the start of the program included.", time.Since(start).Milliseconds())
	if err := d.allFrom(ctx, "1"); err != nil {
		return err
	}
	d.say("Version 1 answers every request. Terraform's plan tells who did it, and what to do:")
	d.command("%s plan", d.program())
	changes, out, err := d.workspace.Plan(ctx)
	if err != nil {
		return err
	}
	d.show(from(story(out), `Warning: Rolled back`))
	if !changes {
		return errors.New("the plan does not see that the stack was rolled back")
	}
	if err := d.edit("quote/app.py", higherPrice, firstPrice); err != nil {
		return err
	}
	d.command("%s apply", d.program())
	if out, err = d.workspace.Apply(ctx); err != nil {
		return err
	}
	d.show(lines(out, `^Apply complete`))
	if err := d.allFrom(ctx, "1"); err != nil {
		return err
	}
	d.say("It is kept: the code is that of version 1 again, so there is no new version.")
	return d.emptyPlan(ctx)
}

// allFrom waits until one version has answered all of the last requests.
func (d *demo) allFrom(ctx context.Context, version string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	mark := d.parcels.mark()
	return harness.Wait(ctx, "version "+version+" to answer every request", func() (bool, error) {
		t, err := d.parcels.since(mark)
		if err == nil && t.all != t.allOf[version]-t.failedOf[version] {
			err = fmt.Errorf("version %s should answer every request now: %+v", version, t)
		}
		return t.all >= settled, err
	})
}

// from returns what Terraform printed from there on.
func from(out, pattern string) string {
	begin := regexp.MustCompile(pattern).FindStringIndex(out)
	if begin == nil {
		return ""
	}
	return strings.TrimSpace(out[begin[0]:])
}
