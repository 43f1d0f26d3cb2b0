package telemetry

import (
	"net/http"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Outcomes of an invocation.
const (
	OutcomeSuccess = "success"
	// OutcomeError: the function answered with an error, exited or ran out of memory.
	OutcomeError   = "error"
	OutcomeTimeout = "timeout"
)

// Outcomes of an asynchronous event.
const (
	AsyncAccepted = "accepted"
	AsyncSuccess  = "success"
	// AsyncRetried: the function failed, and will be tried again.
	AsyncRetried = "retried"
	// AsyncFailed: given up after the last retry.
	AsyncFailed = "failed"
	// AsyncExpired: given up for its age.
	AsyncExpired = "expired"
	// AsyncUndelivered: a record of the invocation could not be delivered.
	AsyncUndelivered = "undelivered"
)

// Metrics are this node's, for Prometheus. Its methods do nothing on nil.
type Metrics struct {
	registry *prometheus.Registry

	invocations *prometheus.CounterVec
	durations   *prometheus.HistogramVec
	coldStarts  *prometheus.HistogramVec
	throttles   *prometheus.CounterVec
	billed      *prometheus.CounterVec
	instances   *prometheus.GaugeVec
	asyncEvents *prometheus.CounterVec
	logDropped  *prometheus.CounterVec
}

var (
	functionLabels = []string{"stack", "function"}
	versionLabels  = []string{"stack", "function", "version"}
	// durationBuckets reach from a warm static function to Lambda's longest timeout.
	liveHeap        = regexp.MustCompile(`^/gc/heap/live:bytes$`)
	durationBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900}
)

// NewMetrics makes a registry with the runtime's and the Go process's metrics.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		invocations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_invocations_total",
			Help: "Invocations that ran, by outcome: success, error or timeout.",
		}, append(versionLabels[:3:3], "outcome")),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "tidegate_invocation_duration_seconds",
			Help:    "Time from an instance's getting the event to its answer.",
			Buckets: durationBuckets,
		}, versionLabels),
		coldStarts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "tidegate_cold_start_duration_seconds",
			Help:    "Time from an instance's start until it asked for its first event, by whether its sandbox was prepared before (pooled) and whether nobody waited for it (provisioned): yes or no.",
			Buckets: durationBuckets,
		}, append(versionLabels[:3:3], "pooled", "provisioned")),
		throttles: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_throttles_total",
			Help: "Invocations refused because a limit on concurrency was reached, by the version whose invocations held the places.",
		}, versionLabels),
		billed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_billed_gb_seconds_total",
			Help: "Billed time of invocations, times memory, as in the log's REPORT lines.",
		}, versionLabels),
		instances: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tidegate_instances",
			Help: "Instances that are starting, idle or busy.",
		}, versionLabels),
		asyncEvents: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_async_events_total",
			Help: "Asynchronous events, by what became of them: accepted, success, retried, failed, expired or undelivered.",
		}, append(functionLabels[:2:2], "outcome")),
		logDropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_log_lines_dropped_total",
			Help: "Log lines dropped because a function wrote too many, or JetStream took too few.",
		}, functionLabels),
	}
	m.registry.MustRegister(m.invocations, m.durations, m.coldStarts, m.throttles, m.billed, m.instances, m.asyncEvents, m.logDropped,
		// What the last garbage collection left in use is not among the usual metrics.
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.GoRuntimeMetricsRule{Matcher: liveHeap})),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Registry is where other parts of the runtime register metrics of their own.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Pooled adds the metric of how many sandboxes are prepared and wait for a function.
func (m *Metrics) Pooled(count func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tidegate_pooled_sandboxes",
		Help: "Sandboxes that are prepared and wait for a function.",
	}, func() float64 { return float64(count()) }))
}

// Handler serves /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// VersionMetrics are the series of one version's invocations, found once. They appear
// with what is first counted. The zero value is ready.
type VersionMetrics struct {
	succeeded, failed, timedOut atomic.Pointer[prometheus.Counter]
	billed                      atomic.Pointer[prometheus.Counter]
	durations                   atomic.Pointer[prometheus.Observer]
}

// Invocation counts one that ran, for as long as it took, and what it is billed.
func (m *Metrics) Invocation(v *VersionMetrics, stack, function, version, outcome string, duration, billed time.Duration, memory int) {
	if m == nil {
		return
	}
	counter := &v.succeeded
	switch outcome {
	case OutcomeError:
		counter = &v.failed
	case OutcomeTimeout:
		counter = &v.timedOut
	}
	found(counter, func() prometheus.Counter { return m.invocations.WithLabelValues(stack, function, version, outcome) }).Inc()
	found(&v.durations, func() prometheus.Observer { return m.durations.WithLabelValues(stack, function, version) }).Observe(duration.Seconds())
	found(&v.billed, func() prometheus.Counter { return m.billed.WithLabelValues(stack, function, version) }).
		Add(billed.Seconds() * float64(memory) / 1024)
}

// found returns what was looked up before, or looks it up.
func found[T any](at *atomic.Pointer[T], look func() T) T {
	if series := at.Load(); series != nil {
		return *series
	}
	series := look()
	at.Store(&series)
	return series
}

// ColdStart counts an instance that became ready.
func (m *Metrics) ColdStart(stack, function, version string, pooled, provisioned bool, duration time.Duration) {
	if m == nil {
		return
	}
	m.coldStarts.WithLabelValues(stack, function, version, yesNo(pooled), yesNo(provisioned)).Observe(duration.Seconds())
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Throttle counts an invocation refused for a limit on concurrency, and puts it down
// to a version.
func (m *Metrics) Throttle(stack, function, version string) {
	if m == nil {
		return
	}
	m.throttles.WithLabelValues(stack, function, version).Inc()
}

// Instances adds to the number of a version's instances; delta may be negative.
func (m *Metrics) Instances(stack, function, version string, delta int) {
	if m == nil {
		return
	}
	m.instances.WithLabelValues(stack, function, version).Add(float64(delta))
}

// AsyncEvent counts what became of an asynchronous event.
func (m *Metrics) AsyncEvent(stack, function, outcome string) {
	if m == nil {
		return
	}
	m.asyncEvents.WithLabelValues(stack, function, outcome).Inc()
}

func (m *Metrics) logLinesDropped(g Group, n int) {
	if m == nil || n == 0 {
		return
	}
	m.logDropped.WithLabelValues(g.Stack, g.Function).Add(float64(n))
}

// Forget drops the series of a function that is gone.
func (m *Metrics) Forget(stack, function string) {
	if m == nil {
		return
	}
	labels := prometheus.Labels{"stack": stack, "function": function}
	m.forgetVersions(labels)
	m.asyncEvents.DeletePartialMatch(labels)
	m.logDropped.DeletePartialMatch(labels)
}

// ForgetVersion drops the series of a version that is gone.
func (m *Metrics) ForgetVersion(stack, function, version string) {
	if m == nil {
		return
	}
	m.forgetVersions(prometheus.Labels{"stack": stack, "function": function, "version": version})
}

func (m *Metrics) forgetVersions(labels prometheus.Labels) {
	m.invocations.DeletePartialMatch(labels)
	m.durations.DeletePartialMatch(labels)
	m.coldStarts.DeletePartialMatch(labels)
	m.throttles.DeletePartialMatch(labels)
	m.billed.DeletePartialMatch(labels)
	m.instances.DeletePartialMatch(labels)
}
