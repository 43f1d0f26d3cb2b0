package serving

import (
	"context"
	"fmt"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest/hostile"
)

// attacked is how long the neighbour is watched, by turns without and with an attack.
const attacked = 2 * time.Second

// neighbour measures what a function that is invoked at a steady rate feels of another that
// attacks. It takes turns of its own, one attack after the other.
func (b *bench) neighbour(ctx context.Context) (string, []candidate, error) {
	r, err := b.runtime(ctx, "neighbour")
	if err != nil {
		return "", nil, err
	}
	house, err := hostile.Move(ctx, r)
	if err != nil {
		return "", nil, err
	}
	disturbances, err := house.Measure(ctx, b.Rounds, attacked, b.Attacks...)
	if err != nil {
		return "", nil, err
	}
	var rows []candidate
	for _, d := range disturbances {
		attacked := candidate{&row{
			what: fmt.Sprintf("under %q (p99 %s without; %d of %d failed)", d.Attack, milliseconds(d.Calm), d.Failed, d.Asked),
			target: &target{
				bound{atMost: 2},
				func(sample, sample) float64 { return d.Ratio }, "%.2f times its p99 without the attack",
			},
		}, func(context.Context) (sample, error) { return sample{p99: d.Attacked}, nil }}
		rows = append(rows, attacked)
	}
	return "A neighbour, invoked a hundred times a second", rows, nil
}
