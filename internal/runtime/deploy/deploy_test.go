package deploy

import (
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// function1 is a function whose code is told apart by a letter.
func function1(code string) stack.Function {
	f := stack.NewFunction()
	f.CodeSHA256 = code
	f.Runtime = "python3.13"
	f.Handler = "app.handler"
	return f
}

// size is that of every package in these tests.
func size(string) int64 { return 1234 }

// deployed is what a deployment makes of a record, which no other is in the way of.
func deployed(old *store.Record, s stack.Stack, now time.Time) (*store.Record, []Published) {
	next, published, err := Deploy(old, s, "ada@laptop", now, size)
	if err != nil {
		panic(err)
	}
	return next, published
}

// apply deploys functions over a record.
func apply(old *store.Record, functions map[string]stack.Function) *store.Record {
	next, _ := deployed(old, stack.Stack{Name: "orders", Functions: functions}, noon)
	return next
}

// released is a record in which the function f was deployed once per code, one
// after the other.
func released(codes ...string) *store.Record {
	var r *store.Record
	for _, code := range codes {
		r = apply(r, map[string]stack.Function{"f": function1(code)})
	}
	return r
}

// numbers of the versions that the function f has.
func numbers(r *store.Record) []int {
	var out []int
	for _, v := range r.Functions["f"].Versions {
		out = append(out, v.Number)
	}
	return out
}
