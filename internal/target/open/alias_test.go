package open

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

var beta = stack.AliasRef{Stack: "orders", Function: "fulfil", Name: "beta"}

// oneAlias answers as a runtime does that has room for one alias. Lose, if true, cuts
// off the next answer.
type oneAlias struct {
	alias *stack.Alias
	lose  bool
}

func (o *oneAlias) answer(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/stacks/orders/functions/fulfil/aliases/beta" {
		refuse(w, http.StatusNotFound, "there is nothing")
		return
	}
	switch {
	case r.Method == http.MethodPut && o.alias != nil && r.Header.Get("If-None-Match") == "*":
		refuse(w, http.StatusPreconditionFailed, "there is one")
		return
	case r.Method == http.MethodPut:
		o.alias = new(stack.Alias)
		if err := json.NewDecoder(r.Body).Decode(o.alias); err != nil {
			refuse(w, http.StatusBadRequest, err.Error())
			return
		}
	case o.alias == nil:
		refuse(w, http.StatusNotFound, "there is none")
		return
	case r.Method == http.MethodDelete:
		o.alias = nil
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if o.lose {
		o.lose = false
		panic(http.ErrAbortHandler)
	}
	_ = json.NewEncoder(w).Encode(stack.AliasStatus{Alias: *o.alias, ARN: "arn"})
}

func TestAnAliasIsMadeOnceAndNeverTakenFromAnother(t *testing.T) {
	o := &oneAlias{}
	c := answering(t, o.answer)
	if _, err := c.ReadAlias(t.Context(), beta); !errors.Is(err, target.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	o.lose = true
	made, err := c.CreateAlias(t.Context(), beta, stack.Alias{Routing: stack.RouteTo(7), URL: &stack.FunctionURL{}})
	if err != nil || made.Routing[7] != 100 || made.ARN != "arn" {
		t.Fatalf("after a lost answer: %+v, %v", made, err)
	}
	var exists *target.AliasExistsError
	if _, err := c.CreateAlias(t.Context(), beta, stack.Alias{Routing: stack.RouteTo(8)}); !errors.As(err, &exists) || exists.Ref != beta {
		t.Errorf("another's alias: %v", err)
	}
	if made, err := c.UpdateAlias(t.Context(), beta, stack.Alias{Routing: stack.Routing{7: 90, 8: 10}}); err != nil || made.Routing[8] != 10 {
		t.Errorf("changed: %+v, %v", made, err)
	}
	for range 2 {
		if err := c.DeleteAlias(t.Context(), beta); err != nil {
			t.Errorf("deleting: %v", err)
		}
	}
	if o.alias != nil {
		t.Errorf("%+v is left", o.alias)
	}
}
