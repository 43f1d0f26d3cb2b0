package serving

import (
	"context"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/bench/load"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/bench/peers"
)

// loaded is how long one candidate is under load in one round.
const loaded = 700 * time.Millisecond

// instances of one function that serve as many clients.
const instances = 4

// manyClients is how many clients a peer may have instead, if it does better with them.
const manyClients = 16

// An echo is something that answers with the request's body, and the process whose
// memory it takes.
type echo struct {
	name   string
	target load.Target
	pid    int
}

// echoes are what is measured warm, by name. They are started once.
type echoes struct{ ceiling, framework, golang, node, python echo }

// warm measures one caller: a Go program with its usual client, which is what the targets
// are about, and then the same on a bare connection, where less of the time is the
// client's own.
func (b *bench) warm(ctx context.Context) (string, []candidate, error) {
	all, others, err := b.echoes(ctx)
	if err != nil {
		return "", nil, err
	}
	ceiling, framework := asked(all.ceiling), asked(all.framework)
	golang, node := asked(all.golang), asked(all.node)
	times := func(own, base sample) float64 { return own.p50.Seconds() / base.p50.Seconds() }
	golang.base, golang.target = ceiling.row, &target{bound{atMost: 2.5}, times, "%.2f times the ceiling's p50"}
	node.base, node.target = framework.row, &target{bound{atMost: 1.2}, times, "%.2f times functions-framework's p50"}
	rows := []candidate{ceiling, golang, framework, node, asked(all.python)}
	for _, other := range others {
		rows = append(rows, asked(other))
	}
	for _, e := range []echo{all.ceiling, all.golang, all.framework, all.node} {
		bare := under(e, 1)
		bare.what += ", bare connection"
		rows = append(rows, bare)
	}
	return "Warm, one caller", rows, nil
}

// asked has a Go program's usual client ask an echo.
func asked(e echo) candidate {
	return candidate{&row{what: e.name}, func(ctx context.Context) (sample, error) {
		result, err := e.target.RunAsProgram(ctx, loaded)
		if err != nil {
			return sample{}, err
		}
		memory, err := memoryOf(e.pid)
		return sample{result.P50, result.P99, result.Rate, memory}, err
	}}
}

// throughput measures as many clients as a function has instances. A peer may have more.
func (b *bench) throughput(ctx context.Context) (string, []candidate, error) {
	all, others, err := b.echoes(ctx)
	if err != nil {
		return "", nil, err
	}
	ceiling, framework := under(all.ceiling, instances, manyClients), under(all.framework, instances, manyClients)
	golang, node := under(all.golang, instances), under(all.node, instances)
	golang.base, golang.target = ceiling.row, &target{bound{atLeast: 20}, func(own, base sample) float64 { return 100 * own.rate / base.rate }, "%.0f %% of the ceiling's"}
	node.base, node.target = framework.row, &target{bound{atLeast: 3}, func(own, base sample) float64 { return own.rate / base.rate }, "%.2f times functions-framework's"}
	rows := []candidate{ceiling, golang, framework, node, under(all.python, instances)}
	for _, other := range others {
		rows = append(rows, under(other, instances, manyClients))
	}
	return "Throughput, four clients on four instances (peers: with sixteen clients, where that is more)", rows, nil
}

// under puts load on an echo with each of these numbers of clients, and keeps the
// highest rate.
func under(e echo, clients ...int) candidate {
	return candidate{&row{what: e.name}, func(ctx context.Context) (best sample, err error) {
		for _, n := range clients {
			result, err := e.target.Run(ctx, n, loaded)
			if err != nil {
				return sample{}, err
			}
			if result.Rate > best.rate {
				best = sample{p50: result.P50, p99: result.P99, rate: result.Rate}
			}
		}
		best.memory, err = memoryOf(e.pid)
		return best, err
	}}
}

// echoes starts what is measured warm, each language's function on a runtime of its own,
// so that the memory is its own too. A second call returns the same.
func (b *bench) echoes(ctx context.Context) (echoes, []echo, error) {
	if b.warmed != nil {
		return *b.warmed, b.others, nil
	}
	ceiling, err := b.peers.StartCeiling(ctx, b.Dir, payload)
	if err != nil {
		return echoes{}, nil, err
	}
	b.ends = append(b.ends, func() error { ceiling.Stop(); return nil })
	if err := b.peers.InstallNode(ctx, b.Log); err != nil {
		return echoes{}, nil, err
	}
	started, err := b.peers.StartNode(ctx, b.Dir, payload)
	if err != nil {
		return echoes{}, nil, err
	}
	all := echoes{ceiling: ofPeer(ceiling)}
	all.ceiling.name = "net/http (the ceiling)"
	for _, peer := range started {
		b.ends = append(b.ends, func() error { peer.Stop(); return nil })
		if e := ofPeer(peer); e.name == "functions-framework" {
			all.framework = e
		} else {
			b.others = append(b.others, e)
		}
	}
	for _, own := range []struct {
		echo   *echo
		name   string
		choose func(functions) function
	}{
		{&all.golang, "Go", func(f functions) function { return f.golang }},
		{&all.node, "Node", func(f functions) function { return f.node }},
		{&all.python, "Python", func(f functions) function { return f.python }},
	} {
		r, err := b.runtime(ctx, "warm-"+own.name)
		if err != nil {
			return echoes{}, nil, err
		}
		f, err := upload(ctx, r, b.peers.Echo)
		if err != nil {
			return echoes{}, nil, err
		}
		if err := deploy(ctx, r, "warm", map[string]function{"echo": own.choose(f)}); err != nil {
			return echoes{}, nil, err
		}
		target, err := invocation(r, "warm", "echo", payload)
		if err != nil {
			return echoes{}, nil, err
		}
		*own.echo = echo{name: "Tidegate, " + own.name, target: target, pid: r.Pid()}
		// The first requests start the instances.
		if _, err := target.Run(ctx, instances, loaded); err != nil {
			return echoes{}, nil, err
		}
	}
	b.warmed = &all
	return all, b.others, nil
}

func ofPeer(p *peers.Peer) echo { return echo{name: p.Name, target: p.Echo, pid: p.Pid()} }
