package aws

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

// A drift is a change made behind Terraform's back.
type drift struct {
	// of is what is changed, as a path: "media/resize/memory", or "media/*" for all of a
	// stack. Changes of different things are made at once.
	of string
	// name of the change, in words.
	name string
	// change is the snippet that makes it; see hand.
	change string
	// told is what the plan says of it; where "..." is, it may say more. ACCOUNT stands for
	// the account.
	told string
}

// disturbs tells whether two changes cannot be made at once.
func (d drift) disturbs(other drift) bool {
	all, isAll := strings.CutSuffix(d.of, "*")
	return d.of == other.of || isAll && strings.HasPrefix(other.of, all)
}

// Every change behind Terraform's back is found by the next plan, named in words,
// and repaired by an apply, after which there is nothing left to do.
func TestDriftIsFoundNamedAndRepaired(t *testing.T) {
	w := open(t, acctest.Moto, rich...)
	w.applied()
	rest := drifts
	for len(rest) > 0 {
		var round []drift
		round, rest = nextRound(rest)
		for _, d := range round {
			w.by(d.change)
		}
		out := inOneLine(w.Apply()) // It plans first, and prints the plan.
		for _, d := range round {
			for _, told := range strings.Split("- "+strings.ReplaceAll(d.told, "ACCOUNT", w.Account), "...") {
				if !strings.Contains(out, inOneLine(told)) {
					t.Errorf("%s of %s: the plan does not say %q", d.name, d.of, told)
				}
			}
		}
		if changes, plan := w.Plan(); changes {
			var names []string
			for _, d := range round {
				names = append(names, d.of+": "+d.name)
			}
			t.Errorf("what was not repaired of\n%s\nis\n%s", strings.Join(names, "\n"), plan)
		}
		if t.Failed() {
			t.Fatalf("the plan of these changes was\n%s", strings.ReplaceAll(out, " - ", "\n- "))
		}
	}
	w.Python(`iam.delete_policy(PolicyArn="arn:aws:iam::" + account + ":policy/further")`, map[string]any{"account": w.Account})
	w.destroyAll()
}

// nextRound takes, in their order, the changes that can be made at once.
func nextRound(all []drift) (round, rest []drift) {
	for n, d := range all {
		if slices.ContainsFunc(all[:n], func(earlier drift) bool { return d.disturbs(earlier) || earlier.disturbs(d) }) {
			rest = append(rest, d)
		} else {
			round = append(round, d)
		}
	}
	return round, rest
}
