package provider

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// The stacks that drift. F is the source of their functions.
const (
	driftingStack = `
resource "tidegate_stack" "NAME" {
  name = "NAME"
  tags = { team = "shop" }
  functions = {
    f = {
      source          = "f"
      runtime         = "PYTHON"
      handler         = "app.handler"
      environment     = { TABLE = "orders", LEVEL = "info" }
      secrets_wo      = { PASSWORD = "hunter2" }
      secrets_version = "1"
      permissions     = [{ actions = ["sqs:SendMessage"], resources = ["*"] }]
      layers          = ["layer"]
      url             = { auth = "none", cors = { allow_origins = ["https://example.org"], max_age = "5m" } }
    }
    g = { source = "f", runtime = "PYTHON", handler = "app.handler" }
  }
}
`
	driftingQueue = `
resource "tidegate_queue" "NAME" {
  name               = "NAME"
  visibility_timeout = "180s"
  dead_letter        = { max_receives = 5 }
  consumer           = { function = "f", batch_size = 5, filters = [jsonencode({ body = { kind = ["order"] } })] }
  functions          = { f = { source = "f", runtime = "PYTHON", handler = "app.handler", timeout = "30s" } }
}
`
	driftingAPI = `
resource "tidegate_http_api" "NAME" {
  name     = "NAME"
  routes   = { "GET /" = { function = "f" }, "$default" = { function = "f", auth = "none" } }
  cors     = { allow_origins = ["*"] }
  throttle = { rate = 10.5, burst = 20 }
  auth     = { issuer = "https://login.example.org", audience = ["shop"] }
  functions = { f = { source = "f", runtime = "PYTHON", handler = "app.handler" } }
}
`
	driftingSchedule = `
resource "tidegate_schedule" "NAME" {
  name      = "NAME"
  schedules = {
    nightly = {
      function   = "f"
      expression = "cron(0 2 * * ? *)"
      timezone   = "Europe/Berlin"
      input      = jsonencode({ full = true })
      start      = "2020-01-31T12:00:00Z"
    }
    hourly = { function = "f", expression = "rate(1 hour)" }
  }
  functions = { f = { source = "f", runtime = "PYTHON", handler = "app.handler" } }
}
`
)

// A drift is one change behind Terraform's back, to a stack of its own.
type drift struct {
	config string
	change func(l *lab, name string)
	// words in the warning.
	words []string
	// paths of the attributes that the plan changes, and no others.
	paths []string
	// deleted tells that a function was deleted.
	deleted bool
}

func drifted(config string, change func(*lab, string), words, paths []string) drift {
	return drift{config: config, change: change, words: words, paths: paths}
}

func (d drift) gone() drift {
	d.deleted = true
	return d
}

// republished are the attributes that change when what a version freezes did, and
// the change was released.
var republished = []string{"release_id", `functions["f"].version`, `functions["f"].routing`}

// edited is a change made by replacing the whole stack.
func edited(change func(s *stack.Stack)) func(*lab, string) {
	return func(l *lab, name string) { l.edit(name, change) }
}

// editedF is a change of function f.
func editedF(change func(f *stack.Function)) func(*lab, string) {
	return edited(func(s *stack.Stack) {
		f := s.Functions["f"]
		change(&f)
		s.Functions["f"] = f
	})
}

func editedQueue(change func(q *stack.Queue)) func(*lab, string) {
	return edited(func(s *stack.Stack) { change(s.Trigger.Queue) })
}

func editedAPI(change func(a *stack.HTTPAPI)) func(*lab, string) {
	return edited(func(s *stack.Stack) { change(s.Trigger.HTTPAPI) })
}

func editedItem(change func(i *stack.ScheduleItem)) func(*lab, string) {
	return edited(func(s *stack.Stack) {
		i := s.Trigger.Schedule.Schedules["nightly"]
		change(&i)
		s.Trigger.Schedule.Schedules["nightly"] = i
	})
}

// frozenDrift is a change of one attribute that a version freezes.
func frozenDrift(attribute string, change func(f *stack.Function), words ...string) drift {
	path := `functions["f"].` + attribute
	return drifted(driftingStack, editedF(change), append(words, path), append([]string{path}, republished...))
}

// addedToG is a change of function g, which has no settings of its own.
func addedToG(attribute, what string, change func(g *stack.Function)) drift {
	path := `functions["g"].` + attribute
	return drifted(driftingStack, edited(func(s *stack.Stack) {
		g := s.Functions["g"]
		change(&g)
		s.Functions["g"] = g
	}), []string{path + " " + what}, []string{path, "release_id", `functions["g"].version`, `functions["g"].routing`})
}

// looseDrift is a change of one attribute that no version freezes.
func looseDrift(config, path string, change func(*lab, string), words ...string) drift {
	return drifted(config, change, append(words, path), []string{path})
}

func minutes(n int) stack.Duration { return stack.Duration(time.Duration(n) * time.Minute) }

var drifts = map[string]drift{
	"memory":              frozenDrift("memory", func(f *stack.Function) { f.Memory = 512 }, "is 512 now (was 128)"),
	"timeout":             frozenDrift("timeout", func(f *stack.Function) { f.Timeout = minutes(1) }, "is 1m now (was 3s)"),
	"handler":             frozenDrift("handler", func(f *stack.Function) { f.Handler = "app.json" }, "was changed"),
	"tracing":             frozenDrift("tracing", func(f *stack.Function) { f.Tracing = "active" }),
	"ephemeral-storage":   frozenDrift("ephemeral_storage", func(f *stack.Function) { f.EphemeralStorage = 1024 }),
	"secrets-version":     frozenDrift("secrets_version", func(f *stack.Function) { f.SecretsVersion = "2" }),
	"environment-changed": frozenDrift(`environment["LEVEL"]`, func(f *stack.Function) { f.Environment["LEVEL"] = "debug" }, "was changed"),
	"environment-added":   frozenDrift(`environment["MORE"]`, func(f *stack.Function) { f.Environment["MORE"] = "1" }, "was added"),
	"environment-removed": frozenDrift(`environment["TABLE"]`, func(f *stack.Function) { delete(f.Environment, "TABLE") }, "was removed"),
	"key-added":           frozenDrift("kms_key_arn", func(f *stack.Function) { f.KMSKeyARN = "arn:aws:kms:eu-central-1:123456789012:key/1" }, "was added"),
	"network-added": addedToG("network", "was added", func(g *stack.Function) {
		g.Network = &stack.Network{SubnetIDs: []string{"subnet-1"}, SecurityGroupIDs: []string{"sg-1"}}
	}),
	"role-replaced": addedToG("role_arn", "was changed", func(g *stack.Function) { g.RoleARN = someRole }),
	"layers-removed": drifted(
		driftingStack, editedF(func(f *stack.Function) { f.Layers = nil }),
		[]string{`functions["f"].layer_sha256 was removed`},
		append([]string{`functions["f"].layer_sha256`}, republished...),
	),
	"code": drifted(
		driftingStack, func(l *lab, name string) {
			other := l.read("donor").Stack.Functions["f"].CodeSHA256
			l.edit(name, func(s *stack.Stack) {
				f := s.Functions["g"]
				f.CodeSHA256 = other
				s.Functions["g"] = f
			})
		},
		[]string{`functions["g"].code_sha256 was changed`, `the alias of function "g" points at version 2 now (was version 1)`},
		[]string{"release_id", `functions["g"].code_sha256`, `functions["g"].version`, `functions["g"].routing`},
	),

	"permissions":   looseDrift(driftingStack, `functions["f"].permissions`, editedF(func(f *stack.Function) { f.Permissions[0].Actions = []string{"*"} })),
	"reserved":      looseDrift(driftingStack, `functions["f"].concurrency.reserved`, editedF(func(f *stack.Function) { f.Concurrency.Reserved = new(int) }), "was added (0)"),
	"retries":       looseDrift(driftingStack, `functions["f"].async.retries`, editedF(func(f *stack.Function) { f.Async.Retries = 0 }), "is 0 now (was 2)"),
	"max-age":       looseDrift(driftingStack, `functions["f"].async.max_age`, editedF(func(f *stack.Function) { f.Async.MaxAge = minutes(60) }), "is 1h now (was 6h)"),
	"on-failure":    looseDrift(driftingStack, `functions["f"].async.on_failure`, editedF(func(f *stack.Function) { f.Async.OnFailure = stack.QueueARN("queue-retention", false) }), "was added"),
	"logs":          looseDrift(driftingStack, `functions["f"].logs.retention_days`, editedF(func(f *stack.Function) { f.Logs.RetentionDays = 1 })),
	"keep-versions": looseDrift(driftingStack, `functions["f"].keep_versions`, editedF(func(f *stack.Function) { f.KeepVersions = 3 })),
	"url-auth":      looseDrift(driftingStack, `functions["f"].url.auth`, editedF(func(f *stack.Function) { f.URL.Auth = "iam" })),
	"url-cors":      looseDrift(driftingStack, `functions["f"].url.cors.max_age`, editedF(func(f *stack.Function) { f.URL.CORS.MaxAge = 0 })),
	"tags":          looseDrift(driftingStack, `tags["team"]`, edited(func(s *stack.Stack) { s.Tags["team"] = "evil" })),
	"url-removed": drifted(
		driftingStack, editedF(func(f *stack.Function) { f.URL = nil }),
		[]string{`functions["f"].url was removed`},
		[]string{`functions["f"].url`, `functions["f"].function_url`, `components["functions/f/url"]`},
	),
	"url-added": drifted(
		driftingStack, edited(func(s *stack.Stack) {
			g := s.Functions["g"]
			g.URL = &stack.FunctionURL{Auth: "none", InvokeMode: "buffered"}
			s.Functions["g"] = g
		}),
		[]string{`functions["g"].url was added`},
		[]string{`functions["g"].url`, `functions["g"].function_url`, `components["functions/g/url"]`},
	),

	"function-latest": drifted(
		driftingStack, func(l *lab, name string) {
			f := l.read(name).Stack.Functions["f"]
			f.Memory = 1024
			l.runtime.Call(http.MethodPut, "/v1/stacks/"+name+"/functions/f", f, nil)
		},
		[]string{`functions["f"].memory is 1024 now (was 128)`, "functions/f/alias", "was changed since and not released"},
		[]string{`functions["f"].memory`, "release_id", `components["functions/f/alias"]`},
	),
	"function-deleted": drifted(
		driftingStack, func(l *lab, name string) {
			l.runtime.Call(http.MethodDelete, "/v1/stacks/"+name+"/functions/g", nil, nil)
		},
		[]string{`functions["g"] was removed`},
		[]string{`functions["g"]`, "release_id", `components["functions/g/alias"]`},
	).gone(),
	"function-added": drifted(
		driftingStack, edited(func(s *stack.Stack) { s.Functions["h"] = s.Functions["g"] }),
		[]string{`functions["h"] was added`},
		[]string{`functions["h"]`, "release_id", `components["functions/h/alias"]`},
	),
	"alias-deleted": drifted(
		driftingStack, func(l *lab, name string) {
			l.runtime.Call(http.MethodDelete, "/v1/stacks/"+name+"/functions/f/aliases/live", nil, nil)
		},
		[]string{`the alias of function "f" was deleted (it pointed at version 1)`},
		[]string{`functions["f"].version`, `functions["f"].routing`, `components["functions/f/alias"]`},
	),
	"alias-moved": drifted(
		driftingStack, func(l *lab, name string) {
			editedF(func(f *stack.Function) { f.Memory = 512 })(l, name)
			editedF(func(f *stack.Function) { f.Memory = 128 })(l, name)
			setLive(l, name, map[string]int{"2": 100})
		},
		[]string{`the alias of function "f" points at version 2 now (was version 1)`},
		[]string{`functions["f"].version`, `functions["f"].routing`, `components["functions/f/alias"]`},
	),
	"alias-weights": drifted(
		driftingStack, func(l *lab, name string) {
			editedF(func(f *stack.Function) { f.Memory = 512 })(l, name)
			editedF(func(f *stack.Function) { f.Memory = 128 })(l, name)
			setLive(l, name, map[string]int{"1": 90, "2": 10})
		},
		[]string{`points at version 1 (90 %) and version 2 (10 %) now (was version 1)`},
		[]string{`functions["f"].routing`, `components["functions/f/alias"]`},
	),
	"stack-deleted": drifted(
		driftingStack, func(l *lab, name string) { l.runtime.Call(http.MethodDelete, "/v1/stacks/"+name, nil, nil) },
		nil, nil,
	).gone(),

	"queue-visibility":     looseDrift(driftingQueue, "visibility_timeout", editedQueue(func(q *stack.Queue) { q.VisibilityTimeout = minutes(10) }), "is 10m now (was 3m)"),
	"queue-retention":      looseDrift(driftingQueue, "retention", editedQueue(func(q *stack.Queue) { q.Retention = minutes(60) })),
	"queue-delay":          looseDrift(driftingQueue, "delay", editedQueue(func(q *stack.Queue) { q.Delay = minutes(1) })),
	"queue-size":           looseDrift(driftingQueue, "max_message_size", editedQueue(func(q *stack.Queue) { q.MaxMessageSize = 2048 })),
	"queue-receives":       looseDrift(driftingQueue, "dead_letter.max_receives", editedQueue(func(q *stack.Queue) { q.DeadLetter.MaxReceives = 1 })),
	"queue-dead-retention": looseDrift(driftingQueue, "dead_letter.retention", editedQueue(func(q *stack.Queue) { q.DeadLetter.Retention = minutes(6000) })),
	"queue-dead-letter": drifted(
		driftingQueue, editedQueue(func(q *stack.Queue) { q.DeadLetter = nil }),
		[]string{"dead_letter was removed"},
		[]string{"dead_letter", "dead_letter_arn", `components["dead_letters"]`},
	),
	"consumer-batch":       looseDrift(driftingQueue, "consumer.batch_size", editedQueue(func(q *stack.Queue) { q.Consumer.BatchSize = 1 })),
	"consumer-window":      looseDrift(driftingQueue, "consumer.batch_window", editedQueue(func(q *stack.Queue) { q.Consumer.BatchWindow = minutes(1) })),
	"consumer-partial":     looseDrift(driftingQueue, "consumer.partial_failures", editedQueue(func(q *stack.Queue) { q.Consumer.PartialFailures = true }), "is true now (was false)"),
	"consumer-concurrency": looseDrift(driftingQueue, "consumer.max_concurrency", editedQueue(func(q *stack.Queue) { q.Consumer.MaxConcurrency = 2 })),
	"consumer-filters":     looseDrift(driftingQueue, "consumer.filters", editedQueue(func(q *stack.Queue) { q.Consumer.Filters = nil }), "was removed"),
	"consumer-disabled": looseDrift(driftingQueue, "consumer.enabled", func(l *lab, name string) {
		l.runtime.Call(http.MethodPut, "/v1/stacks/"+name+"/bindings/consumer", map[string]bool{"enabled": false}, nil)
	}, "is false now (was true)"),
	"consumer-deleted": drifted(
		driftingQueue, func(l *lab, name string) {
			l.runtime.Call(http.MethodDelete, "/v1/stacks/"+name+"/bindings/consumer", nil, nil)
		},
		[]string{"consumer was removed"},
		[]string{"consumer", `components["consumer"]`},
	),

	"route-deleted":  looseDrift(driftingAPI, `routes["GET /"]`, editedAPI(func(a *stack.HTTPAPI) { delete(a.Routes, "GET /") }), "was removed"),
	"route-added":    looseDrift(driftingAPI, `routes["GET /secret"]`, editedAPI(func(a *stack.HTTPAPI) { a.Routes["GET /secret"] = a.Routes["GET /"] }), "was added"),
	"route-opened":   looseDrift(driftingAPI, `routes["GET /"].auth`, editedAPI(func(a *stack.HTTPAPI) { a.Routes["GET /"] = stack.Route{Function: "f", Auth: "none"} })),
	"cors":           looseDrift(driftingAPI, "cors.allow_origins", editedAPI(func(a *stack.HTTPAPI) { a.CORS.AllowOrigins = []string{"https://evil.example"} })),
	"cors-removed":   looseDrift(driftingAPI, "cors", editedAPI(func(a *stack.HTTPAPI) { a.CORS = nil }), "was removed"),
	"throttle":       looseDrift(driftingAPI, "throttle.rate", editedAPI(func(a *stack.HTTPAPI) { a.Throttle.Rate = 1 }), "is 1 now (was 10.5)"),
	"throttle-burst": looseDrift(driftingAPI, "throttle.burst", editedAPI(func(a *stack.HTTPAPI) { a.Throttle.Burst = 1000 })),
	"auth-removed":   looseDrift(driftingAPI, "auth", editedAPI(func(a *stack.HTTPAPI) { a.Auth = nil }), "was removed"),
	"auth-audience":  looseDrift(driftingAPI, "auth.audience", editedAPI(func(a *stack.HTTPAPI) { a.Auth.Audience = []string{"evil"} })),

	"access-log": looseDrift(driftingAPI, "access_log", editedAPI(func(a *stack.HTTPAPI) { a.AccessLog = new(stack.NewAccessLog()) }), "was added"),

	"schedule-expression": looseDrift(driftingSchedule, `schedules["nightly"].expression`, editedItem(func(i *stack.ScheduleItem) { i.Expression = "rate(1 minute)" })),
	"schedule-timezone":   looseDrift(driftingSchedule, `schedules["nightly"].timezone`, editedItem(func(i *stack.ScheduleItem) { i.Timezone = "UTC" })),
	"schedule-input":      looseDrift(driftingSchedule, `schedules["nightly"].input`, editedItem(func(i *stack.ScheduleItem) { i.Input = `{"full":false}` })),
	"schedule-window":     looseDrift(driftingSchedule, `schedules["nightly"].flexible_window`, editedItem(func(i *stack.ScheduleItem) { i.FlexibleWindow = minutes(10) })),
	"schedule-start":      looseDrift(driftingSchedule, `schedules["nightly"].start`, editedItem(func(i *stack.ScheduleItem) { i.Start = nil })),
	"schedule-end":        looseDrift(driftingSchedule, `schedules["nightly"].end`, editedItem(func(i *stack.ScheduleItem) { i.End = new(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)) })),
	"schedule-attempts":   looseDrift(driftingSchedule, `schedules["nightly"].retry.attempts`, editedItem(func(i *stack.ScheduleItem) { i.Retry.Attempts = 0 })),
	"schedule-age":        looseDrift(driftingSchedule, `schedules["nightly"].retry.max_age`, editedItem(func(i *stack.ScheduleItem) { i.Retry.MaxAge = minutes(5) })),
	"schedule-dead":       looseDrift(driftingSchedule, `schedules["nightly"].dead_letter`, editedItem(func(i *stack.ScheduleItem) { i.DeadLetter = stack.QueueARN("queue-delay", false) })),
	"schedule-disabled": looseDrift(driftingSchedule, `schedules["nightly"].enabled`, func(l *lab, name string) {
		l.runtime.Call(http.MethodPut, "/v1/stacks/"+name+"/bindings/nightly", map[string]bool{"enabled": false}, nil)
	}),
	"schedule-deleted": drifted(
		driftingSchedule, func(l *lab, name string) {
			l.runtime.Call(http.MethodDelete, "/v1/stacks/"+name+"/bindings/nightly", nil, nil)
		},
		[]string{`schedules["nightly"] was removed`},
		[]string{`schedules["nightly"]`, `components["schedules/nightly"]`},
	),
}

func setLive(l *lab, name string, routing map[string]int) {
	l.runtime.Call(http.MethodPut, "/v1/stacks/"+name+"/functions/f/aliases/live", map[string]any{"routing": routing}, nil)
}

// Whatever is changed behind Terraform's back shows in the next plan on the
// attribute or component concerned, with a warning in words; applying repairs
// exactly that.
func TestDriftIsFoundNamedAndRepaired(t *testing.T) {
	var config strings.Builder
	// The donor has code of its own, for somebody to deploy elsewhere.
	config.WriteString(strings.ReplaceAll(strings.ReplaceAll(driftingStack, "NAME", "donor"), `"f"`, `"donor"`))
	for name, d := range drifts {
		config.WriteString(strings.ReplaceAll(d.config, "NAME", name))
	}
	l := newLab(t, map[string]string{
		"main.tf":        config.String(),
		"f/app.py":       handler("f"),
		"donor/app.py":   handler("donor"),
		"layer/etc/conf": "x",
	})
	l.Apply()
	l.EmptyPlan()
	before := map[string]stack.Deployment{}
	for name, d := range drifts {
		before[name] = l.read(name)
		d.change(l, name)
	}
	changes, printed := l.plannedChanges()
	warnings := warningsByStack(printed)
	for name, d := range drifts {
		t.Run(name, func(t *testing.T) {
			slices.Sort(d.paths)
			change := changes[name]
			if d.paths != nil && !slices.Equal(change.Paths, d.paths) {
				t.Errorf("the plan changes %q, want %q", change.Paths, d.paths)
			}
			for _, w := range d.words {
				if !strings.Contains(warnings[name], w) {
					t.Errorf("the warning lacks %q: %s", w, warnings[name])
				}
			}
		})
	}
	if w := warnings["donor"]; w != "" || len(changes["donor"].Paths) > 0 {
		t.Errorf("the stack that nobody touched: %s %v", w, changes["donor"])
	}

	l.Apply()
	l.EmptyPlan()
	for name, d := range drifts {
		got, want := l.read(name), before[name]
		if d.deleted {
			// What was deleted gets another version: numbers are never used again.
			got.Functions, want.Functions = nil, nil
		}
		if got, want := repaired(got), repaired(want); got != want {
			t.Errorf("%s is not what it was:\n%s\nwant\n%s", name, got, want)
		}
	}
}

// repaired is what of a deployment must be as before once it was repaired.
func repaired(d stack.Deployment) string {
	live := map[string]stack.Routing{}
	for name, f := range d.Functions {
		live[name] = f.Routing
	}
	raw, _ := jsonTree(map[string]any{"stack": d.Stack, "components": d.Components, "live": live})
	return fmt.Sprint(raw)
}

// warningsByStack finds the warnings of a plan, each on one line.
func warningsByStack(printed string) map[string]string {
	warnings := map[string]string{}
	const begin = `Warning: Changed outside Terraform: stack "`
	for _, part := range strings.Split(printed, "Warning: ")[1:] {
		part = oneLine("Warning: " + part)
		if rest, ok := strings.CutPrefix(part, begin); ok {
			name, text, _ := strings.Cut(rest, `"`)
			warnings[name] += text
		}
	}
	return warnings
}
