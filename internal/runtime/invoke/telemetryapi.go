package invoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rawhttp"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// Lambda's Telemetry API, and the Logs API that it took the place of.
// https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html
const (
	telemetryPath = "/2022-07-01/telemetry"
	logsPath      = "/2020-08-15/logs"
)

// The kinds of events that an extension can subscribe to.
const (
	telemetryPlatform  = "platform"
	telemetryFunction  = "function"
	telemetryExtension = "extension"
)

// errorSubscription is the type of error of a subscription that cannot be.
const errorSubscription = "ValidationError"

func init() {
	runtimeAPI.Handle(http.MethodPut, telemetryPath, (*instance).serveTelemetry)
	runtimeAPI.Handle(http.MethodPut, logsPath, (*instance).serveLogs)
}

// A subscription is what an extension asks for.
type subscription struct {
	SchemaVersion string   `json:"schemaVersion"`
	Types         []string `json:"types"`
	Buffering     struct {
		MaxItems  int `json:"maxItems"`
		MaxBytes  int `json:"maxBytes"`
		TimeoutMS int `json:"timeoutMs"`
	} `json:"buffering"`
	Destination struct {
		Protocol string `json:"protocol"`
		URI      string `json:"URI"`
		Method   string `json:"method"`
		Encoding string `json:"encoding"`
	} `json:"destination"`
}

// newSubscription has Lambda's defaults.
func newSubscription() (s subscription) {
	s.Buffering.MaxItems, s.Buffering.MaxBytes, s.Buffering.TimeoutMS = 10000, 256<<10, 1000
	return s
}

// check returns the port to deliver to, or everything that is wrong with the
// subscription, in one sentence.
func (s subscription) check() (port int, wrong string) {
	var all []string
	refuse := func(refused bool, why string) {
		if refused {
			all = append(all, why)
		}
	}
	b := s.Buffering
	refuse(!slices.Contains([]string{"2022-07-01", "2022-12-13", "2025-01-29"}, s.SchemaVersion), "schemaVersion should be 2022-07-01, 2022-12-13 or 2025-01-29")
	port, why := s.destination()
	refuse(why != "", why)
	refuse(len(s.Types) == 0, "types should not be empty")
	refuse(slices.ContainsFunc(s.Types, func(kind string) bool {
		return kind != telemetryPlatform && kind != telemetryFunction && kind != telemetryExtension
	}), "types should be of platform, function and extension")
	refuse(b.MaxItems < 1000 || b.MaxItems > 10000, "buffering.maxItems should be 1000 to 10000")
	refuse(b.MaxBytes < 256<<10 || b.MaxBytes > 1<<20, "buffering.maxBytes should be 262144 to 1048576")
	refuse(b.TimeoutMS < 25 || b.TimeoutMS > 30000, "buffering.timeoutMs should be 25 to 30000")
	return port, strings.Join(all, "; ")
}

// destination returns the port to deliver to, or what is wrong with the destination.
func (s subscription) destination() (port int, wrong string) {
	to := s.Destination
	address, err := url.Parse(to.URI)
	switch {
	case to.Protocol != "HTTP":
		return 0, "destination.protocol should be HTTP"
	case to.Method != "" && to.Method != http.MethodPost && to.Method != http.MethodPut, to.Encoding != "" && to.Encoding != "JSON":
		return 0, "destination.method should be POST or PUT, and destination.encoding JSON"
	case err != nil || address.Scheme != "http":
		return 0, "URI should be http://sandbox.localdomain:<port>"
	case !slices.Contains([]string{"sandbox.localdomain", "sandbox", "localhost", "127.0.0.1"}, address.Hostname()):
		return 0, "URI should lead to sandbox.localdomain"
	case address.Port() == "":
		return 0, "URI port is not provided"
	}
	port, err = strconv.Atoi(address.Port())
	if err != nil || port < 1 || port > 65535 || port == 9001 {
		return 0, "URI port should be 1 to 65535, and not 9001"
	}
	return port, ""
}

// serveTelemetry subscribes an extension, or changes its subscription.
func (i *instance) serveTelemetry(r *rawhttp.Request) {
	body, err := readSmall(r)
	if err != nil {
		err.reply(r)
		return
	}
	id, err := identifier(r)
	if err != nil {
		err.reply(r)
		return
	}
	x := &i.extensions
	x.mu.Lock()
	e, err := x.identify(id)
	x.mu.Unlock()
	if err != nil {
		err.reply(r)
		return
	}
	s := newSubscription()
	if malformed := json.Unmarshal(body, &s); malformed != nil {
		refused(http.StatusBadRequest, errorSubscription, "the body is not what Subscribe takes: "+malformed.Error()).reply(r)
		return
	}
	port, wrong := s.check()
	if wrong != "" {
		refused(http.StatusBadRequest, errorSubscription, wrong).reply(r)
		return
	}
	i.mu.Lock()
	initialises := i.phase == initialising
	i.mu.Unlock()
	if !initialises {
		refused(http.StatusForbidden, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed").reply(r)
		return
	}
	if conn, err := sandbox.Dial(context.Background(), i.box, port); err == nil {
		conn.Close()
	} else if !refusedConnection(err) { // as on Lambda, where there is no telemetry
		refused(http.StatusAccepted, "Telemetry.NotSupported", "Telemetry API is not supported").reply(r)
		return
	}
	i.subscribe(e.name, s, port)
	_ = r.Reply(rawhttp.Answer{Status: http.StatusOK, Header: []rawhttp.Field{{Name: "Content-Type", Value: "text/plain"}}, Body: []byte(`"OK"`)})
}

// serveLogs refuses subscriptions to the Logs API, in the words with which Lambda does
// where there is none.
func (i *instance) serveLogs(r *rawhttp.Request) {
	refused(http.StatusAccepted, "Logs.NotSupported", "Logs API is not supported").reply(r)
}

// refusedConnection tells whether nobody listens yet, which may change.
func refusedConnection(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

// subscribe begins, or replaces, an extension's subscription.
func (i *instance) subscribe(name string, s subscription, port int) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return sandbox.Dial(ctx, i.box, port) }
	next := newSubscriber(s, dial)
	i.extensions.telemetry.add(name, next)
	go next.run(i.box.Done())
	i.tell("telemetrySubscription", map[string]any{"name": name, "state": "Subscribed", "types": s.Types})
}

// tell emits an event of the platform.
func (i *instance) tell(what string, record any) {
	if i.extensions.any.Load() {
		i.extensions.telemetry.emit(telemetryPlatform, telemetryPlatform+"."+what, record)
	}
}

// functionLine is told each line that the function's processes write.
func (i *instance) functionLine(line string) {
	if i.extensions.any.Load() {
		i.extensions.telemetry.emit(telemetryFunction, telemetryFunction, line)
	}
}

// extensionLine returns what is told each line that an extension writes.
func (i *instance) extensionLine(string) func(string) {
	return func(line string) { i.extensions.telemetry.emit(telemetryExtension, telemetryExtension, line) }
}

// tellStart tells that an invocation begins.
func (i *instance) tellStart(inv *invocation) {
	if !i.extensions.any.Load() {
		return
	}
	i.tell("start", map[string]any{
		"requestId": inv.id, "version": i.subject.version,
		"tracing": map[string]string{"type": "X-Amzn-Trace-Id", "value": inv.traceID},
	})
}

// tellEnd tells that an invocation is over, with what its REPORT line says.
func (i *instance) tellEnd(inv *invocation, peak int64) {
	if !i.extensions.any.Load() {
		return
	}
	o := inv.outcome
	status := map[string]string{"success": "success", "timeout": "timeout"}[o.String()]
	if status == "" {
		status = "error"
	}
	done := map[string]any{
		"requestId": inv.id, "status": status,
		"metrics": map[string]any{"durationMs": inMilliseconds(o.duration), "producedBytes": len(o.payload)},
	}
	metrics := map[string]any{
		"durationMs": inMilliseconds(o.duration), "billedDurationMs": (o.duration + time.Millisecond - 1) / time.Millisecond,
		"memorySizeMB": i.memory, "maxMemoryUsedMB": megabytes(peak, i.memory),
	}
	report := map[string]any{"requestId": inv.id, "status": status, "metrics": metrics}
	if inv.init.Took > 0 {
		metrics["initDurationMs"] = inMilliseconds(inv.init.Took)
	}
	if o.failure != nil {
		done["errorType"], report["errorType"] = o.failure.Type, o.failure.Type
	}
	i.tell("runtimeDone", done)
	i.tell("report", report)
}

func inMilliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// tellInit tells how the instance initialised.
func (i *instance) tellInit(succeeded bool) {
	if !i.extensions.any.Load() {
		return
	}
	began, ended, status := i.created, i.created.Add(i.initTook), "success"
	if !succeeded {
		status = "error"
	}
	kind := "on-demand"
	if i.provisioned {
		kind = "provisioned-concurrency"
	}
	about := map[string]any{"initializationType": kind, "phase": phaseInit, "functionName": i.subject.name, "functionVersion": i.subject.version}
	t := &i.extensions.telemetry
	t.emitAt(began, telemetryPlatform, "platform.initStart", about)
	t.emitAt(ended, telemetryPlatform, "platform.initRuntimeDone", map[string]any{"initializationType": kind, "phase": phaseInit, "status": status})
	t.emitAt(ended, telemetryPlatform, "platform.initReport", map[string]any{
		"initializationType": kind, "phase": phaseInit, "status": status,
		"metrics": map[string]float64{"durationMs": inMilliseconds(ended.Sub(began))},
	})
}

// post sends a batch of events to a subscriber.
func post(client *http.Client, method, uri string, batch [][]byte) error {
	body := append(append([]byte{'['}, bytes.Join(batch, []byte{','})...), ']')
	r, err := http.NewRequest(method, uri, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}
