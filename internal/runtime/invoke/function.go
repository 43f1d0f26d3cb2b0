package invoke

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A function is one function of one incarnation of a stack, for as long as it
// exists.
type function struct {
	runner                   *runner
	stack, incarnation, name string
	// full is "<stack>-<function>".
	full  string
	quota quota
	// lineage is the function's key in lineages.
	lineage string

	// settings are replaced as a whole when the record changes.
	settings atomic.Pointer[settings]
	removed  atomic.Bool
}

// settings are what a function's record says, ready for use. Immutable.
type settings struct {
	function stack.Function
	live     stack.Routing
	// aliases beside "live", by name.
	aliases map[string]stack.Alias
	// pools by version: numbers and "$LATEST".
	pools map[string]*pool
	// candidate gets none of the alias's traffic before its pool is warm; until then
	// stable gets it. Empty unless a release is moving the alias.
	candidate, stable string
	log               telemetry.Group
}

func newFunction(r *runner, rec *store.Record, name string) *function {
	return &function{
		runner: r, stack: rec.Stack.Name, incarnation: rec.Incarnation, name: name,
		full:    stack.FullName(rec.Stack.Name, name),
		lineage: lineageKey(stack.FunctionARN(rec.Stack.Name, name)),
	}
}

// update makes the function what the record says. Instances of versions that
// are as before go on; those of others serve what they have and end.
//
// Versions that the alias has left are not ended at once: they are idle soon,
// and going back to them is quick until then.
func (f *function) update(rec *store.Record) {
	config, _, _ := rec.Function(f.name)
	next := &settings{
		function: config,
		pools:    map[string]*pool{},
		log: telemetry.Group{
			Stack: f.stack, Incarnation: f.incarnation, Function: f.name,
			Retention: time.Duration(config.Logs.RetentionDays) * 24 * time.Hour,
		},
	}
	versions := []version{{name: stack.Latest, config: config.Config, secrets: config.Secrets}}
	if published := rec.Functions[f.name]; published != nil {
		next.live, next.aliases = published.Live, published.Aliases
		for _, v := range published.Versions {
			versions = append(versions, version{name: strconv.Itoa(v.Number), config: v.Config, secrets: v.Secrets})
		}
	}
	old := f.settings.Load()
	for _, v := range versions {
		next.pools[v.name] = old.poolOf(f, v)
	}
	next.follow(rec, f.name)
	keep := provisioned(rec, f.name)
	f.settings.Store(next)
	f.runner.limits.set(&f.quota, config.Concurrency.Reserved)
	for name, p := range next.pools {
		number, _ := strconv.Atoi(name) // $LATEST is none
		p.provision(keep[number])
	}
	old.retireAllBut(next)
}

// follow learns from the record whether a release moves the function's alias.
func (s *settings) follow(rec *store.Record, name string) {
	if rec.Release == nil {
		return
	}
	if move, ok := rec.Release.Moves[name]; ok {
		s.candidate, s.stable = strconv.Itoa(move.Candidate), strconv.Itoa(move.From())
	}
}

// provisioned returns how many instances of each version are kept ready: of those that
// the alias points at, and while a release moves it, of all that it may point at before
// the release has ended.
func provisioned(rec *store.Record, name string) map[int]int {
	config, published, _ := rec.Function(name)
	keep := map[int]int{}
	for number := range published.Live {
		keep[number] = config.Concurrency.Provisioned
	}
	if rec.Release == nil {
		return keep
	}
	if move, ok := rec.Release.Moves[name]; ok {
		for number := range move.Stable {
			keep[number] = config.Concurrency.Provisioned
		}
		keep[move.Candidate] = max(keep[move.Candidate], rec.Pending.Functions[name].Concurrency.Provisioned)
	}
	return keep
}

// poolOf returns the pool that serves exactly this version, old if there is one.
func (s *settings) poolOf(f *function, v version) *pool {
	key := v.key()
	if s != nil {
		if p := s.pools[v.name]; p != nil && p.key == key {
			return p
		}
	}
	return &pool{runner: f.runner, function: f, version: v, key: key}
}

func (s *settings) retireAllBut(next *settings) {
	if s == nil {
		return
	}
	for name, p := range s.pools {
		if next == nil || next.pools[name] != p {
			p.retire()
		}
		if next != nil && next.pools[name] == nil {
			p.pruned.Store(true)
			p.runner.opts.Metrics.ForgetVersion(p.function.stack, p.function.name, name)
		}
	}
}

// remove ends the function: what runs may run to its end, and nothing of it is
// in the log any more.
func (f *function) remove() {
	f.removed.Store(true)
	f.runner.limits.set(&f.quota, nil)
	f.settings.Load().retireAllBut(nil)
}

// route returns the pool that a qualifier leads to, and the ARN invoked.
func (f *function) route(qualifier string, random func() float64) (*pool, string, *Error) {
	s := f.settings.Load()
	arn := stack.FunctionARN(f.stack, f.name)
	version := qualifier
	switch qualifier {
	case "":
		version = stack.Latest
	case stack.AliasLive:
		arn += ":" + qualifier
		version = s.warm(strconv.Itoa(s.live.Pick(random())))
	default:
		arn += ":" + qualifier
		if alias, ok := s.aliases[qualifier]; ok {
			version = strconv.Itoa(alias.Routing.Pick(random()))
		}
	}
	if p := s.pools[version]; p != nil {
		return p, arn, nil
	}
	return nil, "", notFound(arn)
}

// warm returns the version that was picked, or the stable one as long as the instances
// that are kept of the candidate are starting.
func (s *settings) warm(version string) string {
	if version != s.candidate {
		return version
	}
	p := s.pools[version]
	if p == nil || p.warm.Load() || s.pools[s.stable] == nil {
		return version
	}
	return s.stable
}

// appendLog writes to the function's log, until the function is removed.
func (f *function) appendLog(e telemetry.Entry) {
	if !f.removed.Load() {
		f.runner.opts.Logs.Append(f.settings.Load().log, e)
	}
}

// metrics of the function: nil, where nothing is counted, once it is removed.
func (f *function) metrics() *telemetry.Metrics {
	if f.removed.Load() {
		return nil
	}
	return f.runner.opts.Metrics
}

// meter counts what the version's invocations are billed. As that is kept for long, there
// is nothing before the first.
func (p *pool) meter() *telemetry.Counter {
	counter := p.usage.Load()
	if counter == nil {
		counter = p.runner.opts.Meter.Counter(p.function.stack, p.function.name, p.version.name)
		p.usage.Store(counter)
	}
	return counter
}

// metrics of the version: nil once it is pruned, or its function removed.
func (p *pool) metrics() *telemetry.Metrics {
	if p.pruned.Load() {
		return nil
	}
	return p.function.metrics()
}
