package runtime

import (
	"context"
	"errors"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/deploy"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/observe"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
)

// openObserver makes what sees how the versions of a release fare.
func (r *Runtime) openObserver(ctx context.Context) (err error) {
	r.observer, err = observe.New(ctx, observe.Options{
		Store:   r.store,
		Tallies: r.invoke,
		UnderWay: func(ctx context.Context, stack string) (*release.Release, error) {
			record, err := r.store.Record(ctx, stack)
			switch {
			case errors.Is(err, store.ErrNotFound):
				return nil, nil
			case err != nil:
				return nil, err
			case !deploy.UnderWay(record):
				return nil, nil
			}
			return record.Release, nil
		},
		Log: r.log,
	})
	return err
}

func (r *Runtime) closeObserver(ctx context.Context) {
	if r.observer != nil {
		r.observer.Close(ctx)
	}
}
