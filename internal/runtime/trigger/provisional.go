package trigger

import (
	"context"
	"net/http"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

type Schedules struct{}

func NewSchedules(env Env) *Schedules                                                  { return &Schedules{} }
func (q *Schedules) Kind() stack.Kind                                                  { return stack.KindSchedule }
func (q *Schedules) Mount(mux *http.ServeMux)                                          {}
func (q *Schedules) Reconcile(ctx context.Context, old, new *store.Record) error       { return nil }
func (q *Schedules) Start(ctx context.Context) error                                   { return nil }
func (q *Schedules) Components(ctx context.Context, r *store.Record) map[string]string { return nil }
func (q *Schedules) Close(ctx context.Context)                                         {}
