package stack

import (
	"cmp"
	"encoding/json"
	"maps"
	"strings"
	"time"
)

// NewFunction returns a function with every default that stack.go documents.
// Decoding JSON into a Function begins with it, so that a field left out gets
// its default and an explicit zero stays.
func NewFunction() Function {
	return Function{
		Config:       Config{}.withDefaults(),
		Async:        Async{Retries: 2, MaxAge: Duration(6 * time.Hour)},
		KeepVersions: 10,
	}
}

// NewFunctionURL returns a function's address with its defaults.
func NewFunctionURL() FunctionURL { return FunctionURL{Auth: "iam", InvokeMode: InvokeModeBuffered} }

// NewAccessLog returns an access log with its defaults.
func NewAccessLog() AccessLog { return AccessLog{Format: DefaultAccessLogFormat} }

// NewRoute returns a route with its defaults.
func NewRoute() Route { return Route{Auth: "inherit"} }

// NewQueue returns a queue with its defaults, without a consumer.
func NewQueue() Queue {
	return Queue{
		VisibilityTimeout: Duration(30 * time.Second),
		Retention:         Duration(96 * time.Hour),
		MaxMessageSize:    262144,
	}
}

// NewDeadLetter returns dead letters with their defaults; MaxReceives has none.
func NewDeadLetter() DeadLetter { return DeadLetter{Retention: Duration(336 * time.Hour)} }

// NewConsumer returns a consumer with its defaults.
func NewConsumer() Consumer { return Consumer{BatchSize: 10, Enabled: true} }

// NewScheduleItem returns a schedule with its defaults.
func NewScheduleItem() ScheduleItem {
	return ScheduleItem{
		Timezone: "UTC",
		Retry:    ScheduleRetry{Attempts: 185, MaxAge: Duration(24 * time.Hour)},
		Enabled:  true,
	}
}

// WithDefaults returns the stack with defaults in place of those zero values
// that cannot be meant, such as a timeout of nothing. Where zero means
// something (no retries, not enabled) only decoding JSON, or the New functions,
// can tell it from absence.
func (s Stack) WithDefaults() Stack {
	s.Functions = maps.Clone(s.Functions)
	for name, f := range s.Functions {
		s.Functions[name] = f.withDefaults()
	}
	s.Trigger = s.Trigger.withDefaults()
	if s.Release != nil {
		// Not resolved: a strategy stays as it is written.
		r := *s.Release
		r.Strategy, r.OnFailure = cmp.Or(r.Strategy, AllAtOnce), cmp.Or(r.OnFailure, Rollback)
		s.Release = &r
	}
	return s
}

func (f Function) withDefaults() Function {
	d := NewFunction()
	f.Config = f.Config.withDefaults()
	f.Async.MaxAge = cmp.Or(f.Async.MaxAge, d.Async.MaxAge)
	f.KeepVersions = cmp.Or(f.KeepVersions, d.KeepVersions)
	if f.URL != nil {
		url := *f.URL
		url.Auth = cmp.Or(url.Auth, NewFunctionURL().Auth)
		url.InvokeMode = cmp.Or(url.InvokeMode, NewFunctionURL().InvokeMode)
		f.URL = &url
	}
	return f
}

func (c Config) withDefaults() Config {
	c.Handler = cmp.Or(c.Handler, defaultHandler(c.Runtime))
	c.Memory = cmp.Or(c.Memory, 128)
	c.Timeout = cmp.Or(c.Timeout, Duration(3*time.Second))
	c.EphemeralStorage = cmp.Or(c.EphemeralStorage, 512)
	c.Tracing = cmp.Or(c.Tracing, "pass_through")
	return c
}

// defaultHandler is "bootstrap" for runtimes that bring their own, since
// nothing reads their handler but the function itself.
func defaultHandler(runtime string) string {
	if strings.HasPrefix(runtime, "provided") {
		return "bootstrap"
	}
	return ""
}

func (t Trigger) withDefaults() Trigger {
	switch t.Kind() {
	case KindHTTPAPI:
		api := *t.HTTPAPI
		api.Routes = maps.Clone(api.Routes)
		for key, r := range api.Routes {
			r.Auth, r.Alias = cmp.Or(r.Auth, NewRoute().Auth), r.otherAlias()
			api.Routes[key] = r
		}
		if api.AccessLog != nil {
			log := *api.AccessLog
			log.Format = cmp.Or(log.Format, NewAccessLog().Format)
			api.AccessLog = &log
		}
		t.HTTPAPI = &api
	case KindQueue:
		q := t.Queue.withDefaults()
		t.Queue = &q
	case KindSchedule:
		sched := *t.Schedule
		sched.Schedules = maps.Clone(sched.Schedules)
		d := NewScheduleItem()
		for name, item := range sched.Schedules {
			item.Timezone = cmp.Or(item.Timezone, d.Timezone)
			item.Retry.MaxAge = cmp.Or(item.Retry.MaxAge, d.Retry.MaxAge)
			sched.Schedules[name] = item
		}
		t.Schedule = &sched
	}
	return t
}

func (q Queue) withDefaults() Queue {
	d := NewQueue()
	q.Retention = cmp.Or(q.Retention, d.Retention)
	q.MaxMessageSize = cmp.Or(q.MaxMessageSize, d.MaxMessageSize)
	if q.DeadLetter != nil {
		dl := *q.DeadLetter
		dl.Retention = cmp.Or(dl.Retention, NewDeadLetter().Retention)
		q.DeadLetter = &dl
	}
	if q.Consumer != nil {
		c := *q.Consumer
		c.BatchSize = cmp.Or(c.BatchSize, NewConsumer().BatchSize)
		q.Consumer = &c
	}
	return q
}

// The UnmarshalJSON methods begin with the defaults and decode over them.
// Config has none, on purpose: Function embeds it and would be promoted into
// decoding nothing but its Config.

// UnmarshalJSON decodes a function; what is absent gets its default.
func (f *Function) UnmarshalJSON(text []byte) error {
	type plain Function
	v := plain(NewFunction())
	err := json.Unmarshal(text, &v)
	v.Handler = cmp.Or(v.Handler, defaultHandler(v.Runtime))
	*f = Function(v)
	return err
}

// UnmarshalJSON decodes a function's address; what is absent gets its default.
func (u *FunctionURL) UnmarshalJSON(text []byte) error {
	type plain FunctionURL
	v := plain(NewFunctionURL())
	err := json.Unmarshal(text, &v)
	*u = FunctionURL(v)
	return err
}

// UnmarshalJSON decodes a route; what is absent gets its default.
func (r *Route) UnmarshalJSON(text []byte) error {
	type plain Route
	v := plain(NewRoute())
	err := json.Unmarshal(text, &v)
	*r = Route(v)
	r.Alias = r.otherAlias()
	return err
}

// otherAlias is the route's alias unless that is "live", which has one spelling: none.
func (r Route) otherAlias() string {
	if r.Alias == AliasLive {
		return ""
	}
	return r.Alias
}

// UnmarshalJSON decodes an access log; what is absent gets its default.
func (l *AccessLog) UnmarshalJSON(text []byte) error {
	type plain AccessLog
	v := plain(NewAccessLog())
	err := json.Unmarshal(text, &v)
	*l = AccessLog(v)
	return err
}

// UnmarshalJSON decodes a queue; what is absent gets its default.
func (q *Queue) UnmarshalJSON(text []byte) error {
	type plain Queue
	v := plain(NewQueue())
	err := json.Unmarshal(text, &v)
	*q = Queue(v)
	return err
}

// UnmarshalJSON decodes dead letters; what is absent gets its default.
func (d *DeadLetter) UnmarshalJSON(text []byte) error {
	type plain DeadLetter
	v := plain(NewDeadLetter())
	err := json.Unmarshal(text, &v)
	*d = DeadLetter(v)
	return err
}

// UnmarshalJSON decodes a consumer; what is absent gets its default.
func (c *Consumer) UnmarshalJSON(text []byte) error {
	type plain Consumer
	v := plain(NewConsumer())
	err := json.Unmarshal(text, &v)
	*c = Consumer(v)
	return err
}

// UnmarshalJSON decodes a schedule; what is absent gets its default.
func (i *ScheduleItem) UnmarshalJSON(text []byte) error {
	type plain ScheduleItem
	v := plain(NewScheduleItem())
	err := json.Unmarshal(text, &v)
	*i = ScheduleItem(v)
	return err
}
