package telemetry

import (
	"net/http"
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
	instances   *prometheus.GaugeVec
	asyncEvents *prometheus.CounterVec
	logDropped  *prometheus.CounterVec
}

var (
	functionLabels = []string{"stack", "function"}
	versionLabels  = []string{"stack", "function", "version"}
	// durationBuckets reach from a warm static function to Lambda's longest timeout.
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
			Help:    "Time from an instance's start until it asked for its first event.",
			Buckets: durationBuckets,
		}, versionLabels),
		throttles: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_throttles_total",
			Help: "Invocations refused because a limit on concurrency was reached, by the version whose invocations held the places.",
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
	m.registry.MustRegister(m.invocations, m.durations, m.coldStarts, m.throttles, m.instances, m.asyncEvents, m.logDropped,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Registry is where other parts of the runtime register metrics of their own.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Handler serves /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Invocation counts one that ran, for as long as it took.
func (m *Metrics) Invocation(stack, function, version, outcome string, duration time.Duration) {
	if m == nil {
		return
	}
	m.invocations.WithLabelValues(stack, function, version, outcome).Inc()
	m.durations.WithLabelValues(stack, function, version).Observe(duration.Seconds())
}

// ColdStart counts an instance that became ready.
func (m *Metrics) ColdStart(stack, function, version string, duration time.Duration) {
	if m == nil {
		return
	}
	m.coldStarts.WithLabelValues(stack, function, version).Observe(duration.Seconds())
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

func (m *Metrics) logLineDropped(g Group) {
	if m == nil {
		return
	}
	m.logDropped.WithLabelValues(g.Stack, g.Function).Inc()
}

// Forget drops the series of a function that is gone.
func (m *Metrics) Forget(stack, function string) {
	if m == nil {
		return
	}
	labels := prometheus.Labels{"stack": stack, "function": function}
	m.invocations.DeletePartialMatch(labels)
	m.durations.DeletePartialMatch(labels)
	m.coldStarts.DeletePartialMatch(labels)
	m.throttles.DeletePartialMatch(labels)
	m.instances.DeletePartialMatch(labels)
	m.asyncEvents.DeletePartialMatch(labels)
	m.logDropped.DeletePartialMatch(labels)
}
