package main

import (
	"strings"
	"testing"
	"time"
)

func TestALimitThatIsExceededIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		row  row
		over bool
	}{
		"no limit":             {row{cost: cost{took: time.Hour, memory: 1 << 40}}, false},
		"in time":              {row{cost: cost{took: time.Second}, atMost: time.Second}, false},
		"late":                 {row{cost: cost{took: 2 * time.Second}, atMost: time.Second}, true},
		"as fast as it must":   {row{cost: cost{took: time.Second}, base: cost{took: 5 * time.Second}, fasterBy: 5}, false},
		"not fast enough":      {row{cost: cost{took: time.Second}, base: cost{took: 4 * time.Second}, fasterBy: 5}, true},
		"as slow as it may":    {row{cost: cost{took: 13 * time.Second}, base: cost{took: 10 * time.Second}, slowerBy: 1.3}, false},
		"slower than it may":   {row{cost: cost{took: 14 * time.Second}, base: cost{took: 10 * time.Second}, slowerBy: 1.3}, true},
		"as much memory":       {row{cost: cost{memory: awsMemory}, memoryAtMost: awsMemory}, false},
		"too much memory":      {row{cost: cost{memory: awsMemory + 1}, memoryAtMost: awsMemory}, true},
		"fast with too much":   {row{cost: cost{took: 1, memory: awsMemory + 1}, base: cost{took: 9}, fasterBy: 5, memoryAtMost: awsMemory}, true},
		"its own calls do not": {row{cost: cost{calls: map[string]int{"sqs:CreateQueue": 1 << 20}}, atMost: time.Second}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.row.what = "the subject"
			var out strings.Builder
			err := report(&out, []row{c.row})
			if over := err != nil; over != c.over {
				t.Errorf("report returned %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "the subject") {
				t.Errorf("the error does not name the row: %v", err)
			}
		})
	}
}

func TestTheTableHasBothSides(t *testing.T) {
	var out strings.Builder
	err := report(&out, []row{{
		what: "apply", beside: "another", fasterBy: 15,
		cost: cost{took: 2 * time.Second, memory: 80 << 20, calls: map[string]int{"sqs:CreateQueue": 20, "iam:GetRole": 10}},
		base: cost{took: 112 * time.Second, memory: 619 << 20, calls: map[string]int{"sqs:CreateQueue": 25}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2.00 s", "80 MiB", "30", "another", "112.00 s", "619 MiB", "25", "56.0 times as fast (15)", "    20     25  sqs:CreateQueue", "    10      0  iam:GetRole"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &out)
		}
	}
}

func TestTheMedianCounts(t *testing.T) {
	calls := func(n int) map[string]int { return map[string]int{"sqs:CreateQueue": n} }
	c := medianCost([]cost{{took: 3, memory: 5, calls: calls(3)}, {took: 1, memory: 9, calls: calls(1)}, {took: 2, memory: 4, calls: calls(2)}})
	if c.took != 2 || c.memory != 9 || c.allCalls() != 2 {
		t.Errorf("the median is %+v, want the time and calls of the second and the most memory", c)
	}
}
