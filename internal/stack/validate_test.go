package stack

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A problemCase changes a valid stack and says which problem that makes: its
// paths, and a part of its message. No want means that there is none.
type problemCase struct {
	name    string
	change  func(s *Stack)
	paths   []string
	want    string
	warning bool
}

func checkProblems(t *testing.T, valid func() Stack, cases []problemCase) {
	t.Helper()
	if problems := valid().Validate(); problems != nil {
		t.Fatalf("the stack that the cases change is not valid: %v", problems)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := valid()
			c.change(&s)
			problems := s.Validate()
			if c.want == "" {
				if len(problems) > 0 {
					t.Fatalf("problems: %v", problems)
				}
				return
			}
			if len(problems) != 1 {
				t.Fatalf("%d problems, want one: %v", len(problems), problems)
			}
			got := problems[0]
			if !slices.Equal(got.Paths, c.paths) || got.Warning != c.warning || !strings.Contains(got.Message, c.want) {
				t.Errorf("problem at %q (warning: %v)\n%s\nwant at %q (warning: %v)\n...%s...",
					got.Paths, got.Warning, got.Message, c.paths, c.warning, c.want)
			}
		})
	}
}

func validFunction() Function {
	f := NewFunction()
	f.Runtime, f.Handler = "python3.13", "app.handler"
	f.CodeSHA256 = digest("code")
	return f
}

func validStack() Stack {
	return Stack{Name: "shop", Functions: map[string]Function{"fulfil": validFunction()}}
}

func validQueue() Stack {
	s := validStack()
	q, c := NewQueue(), NewConsumer()
	c.Function = "fulfil"
	q.Consumer = &c
	s.Trigger.Queue = &q
	return s
}

func validHTTPAPI() Stack {
	s := validStack()
	r := NewRoute()
	r.Function = "fulfil"
	s.Trigger.HTTPAPI = &HTTPAPI{Routes: map[string]Route{"POST /orders": r, "$default": r}}
	return s
}

func validSchedule() Stack {
	s := validStack()
	i := NewScheduleItem()
	i.Function, i.Expression = "fulfil", "rate(5 minutes)"
	s.Trigger.Schedule = &Schedule{Schedules: map[string]ScheduleItem{"nightly": i}}
	return s
}

// function changes the one function of a valid stack.
func function(change func(f *Function)) func(s *Stack) {
	return func(s *Stack) {
		f := s.Functions["fulfil"]
		change(&f)
		s.Functions["fulfil"] = f
	}
}

func fn(attribute string) string { return `functions["fulfil"].` + attribute }

func TestValidateStack(t *testing.T) {
	checkProblems(t, validStack, []problemCase{
		{
			name:   "the name of a stack is lower-case letters, digits and hyphens",
			change: func(s *Stack) { s.Name = "Shop" },
			paths:  []string{"name"}, want: `"Shop" cannot name a stack`,
		},
		{
			name:   "the name of a stack has at most forty characters",
			change: func(s *Stack) { s.Name = strings.Repeat("a", 41) },
			paths:  []string{"name"}, want: "1 to 40",
		},
		{
			name:   "a stack has a function",
			change: func(s *Stack) { s.Functions = nil },
			paths:  []string{"functions"}, want: "at least one function",
		},
		{
			name:   "the name of a function follows the same rule",
			change: func(s *Stack) { s.Functions["1st"] = validFunction() },
			paths:  []string{`functions["1st"]`}, want: `"1st" cannot name a function`,
		},
		{
			name: "a function's full name has at most 64 characters",
			change: func(s *Stack) {
				s.Name = strings.Repeat("s", 40)
				s.Functions[strings.Repeat("f", 24)] = validFunction()
			},
			paths: []string{`functions["` + strings.Repeat("f", 24) + `"]`, "name"}, want: "which is 65 characters long",
		},
		{
			name: "a full name of 64 characters is well",
			change: func(s *Stack) {
				s.Name = strings.Repeat("s", 40)
				s.Functions[strings.Repeat("f", 23)] = validFunction()
			},
		},
		{
			name: "a stack has at most one trigger",
			change: func(s *Stack) {
				s.Trigger = validQueue().Trigger
				s.Trigger.HTTPAPI = validHTTPAPI().Trigger.HTTPAPI
			},
			paths: []string{"trigger"}, want: "a stack has one trigger, and this one has 2",
		},
		{
			name:   "a tag's key is not AWS's own",
			change: func(s *Stack) { s.Tags = map[string]string{"aws:x": "y"} },
			paths:  []string{`tags["aws:x"]`}, want: "kept for AWS and Tidegate",
		},
		{
			name:   "a tag's key has only certain characters",
			change: func(s *Stack) { s.Tags = map[string]string{"a?": "y"} },
			paths:  []string{`tags["a?"]`}, want: "cannot be a tag's key",
		},
		{
			name:   "a tag's value has at most 256 characters",
			change: func(s *Stack) { s.Tags = map[string]string{"a": strings.Repeat("ä", 257)} },
			paths:  []string{`tags["a"]`}, want: "cannot be a tag's value",
		},
		{
			name:   "tags do not differ in case alone",
			change: func(s *Stack) { s.Tags = map[string]string{"Team": "x", "team": "y", "TEAMS": "z"} },
			paths:  []string{"tags"}, want: `the tags "Team" and "team" differ in case alone`,
		},
		{
			name:   "tags may have spaces and letters of any script",
			change: func(s *Stack) { s.Tags = map[string]string{"Größe: x": strings.Repeat("ä", 256), "empty": ""} },
		},
		{
			name: "there are not too many tags",
			change: func(s *Stack) {
				s.Tags = map[string]string{}
				for i := range 46 {
					s.Tags["t"+strings.Repeat("x", i)] = ""
				}
			},
			paths: []string{"tags"}, want: "there are 46 tags; there can be 45",
		},
	})
}

func TestValidateQueue(t *testing.T) {
	queue := func(change func(q *Queue)) func(s *Stack) { return func(s *Stack) { change(s.Trigger.Queue) } }
	consumer := func(change func(c *Consumer)) func(s *Stack) {
		return func(s *Stack) { change(s.Trigger.Queue.Consumer) }
	}
	visibility := []string{"visibility_timeout", fn("timeout"), "consumer.function"}
	checkProblems(t, validQueue, []problemCase{
		{
			name:   "a consumer names a function of the stack",
			change: consumer(func(c *Consumer) { c.Function = "fulfill" }),
			paths:  []string{"consumer.function", "functions"}, want: `there is no function "fulfill" in this stack; there is "fulfil"`,
		},
		{
			name:   "a queue is not named as another queue's dead letters would be",
			change: func(s *Stack) { s.Name = "shop-dead-letters" },
			paths:  []string{"name"}, want: `taken for the dead letters of "shop"`,
		},
		{
			name: "the visibility timeout is not under the function's timeout",
			change: func(s *Stack) {
				function(func(f *Function) { f.Timeout = seconds(31) })(s)
			},
			paths: visibility, want: `the visibility timeout is 30s, but "fulfil" may run for 31s`,
		},
		{
			name:   "a visibility timeout under six times the function's timeout is a warning",
			change: function(func(f *Function) { f.Timeout = seconds(6) }),
			paths:  visibility, want: "six times as long, 36s", warning: true,
		},
		{
			name:   "a visibility timeout of six times the function's timeout is well",
			change: function(func(f *Function) { f.Timeout = seconds(5) }),
		},
		{
			name: "the visibility timeout of a queue without a consumer is free",
			change: func(s *Stack) {
				s.Trigger.Queue.VisibilityTimeout, s.Trigger.Queue.Consumer = 0, nil
			},
		},
		{
			name:   "the visibility timeout is at most twelve hours",
			change: queue(func(q *Queue) { q.VisibilityTimeout = Duration(13 * time.Hour) }),
			paths:  []string{"visibility_timeout"}, want: "the visibility timeout is 13h; it can be 0s to 12h",
		},
		{
			name:   "the visibility timeout is whole seconds",
			change: queue(func(q *Queue) { q.VisibilityTimeout = Duration(20500 * time.Millisecond) }),
			paths:  []string{"visibility_timeout"}, want: "counted in whole seconds",
		},
		{
			name:   "messages are kept for a minute at least",
			change: queue(func(q *Queue) { q.Retention = seconds(59) }),
			paths:  []string{"retention"}, want: "the retention is 59s; it can be 1m to 336h",
		},
		{
			name:   "messages are delayed by at most a quarter of an hour",
			change: queue(func(q *Queue) { q.Delay = seconds(901) }),
			paths:  []string{"delay"}, want: "it can be 0s to 15m",
		},
		{
			name:   "a message may have at most a megabyte",
			change: queue(func(q *Queue) { q.MaxMessageSize = 1048577 }),
			paths:  []string{"max_message_size"}, want: "it can be 1024 to 1048576",
		},
		{
			name:   "only FIFO queues deduplicate by content",
			change: queue(func(q *Queue) { q.ContentBasedDeduplication = true }),
			paths:  []string{"content_based_deduplication", "fifo"}, want: "only FIFO queues",
		},
		{
			name:   "dead letters need a number of receives",
			change: queue(func(q *Queue) { q.DeadLetter = new(NewDeadLetter()) }),
			paths:  []string{"dead_letter.max_receives"}, want: "is 0; it can be 1 to 1000",
		},
		{
			name:   "dead letters are kept for fourteen days at most",
			change: queue(func(q *Queue) { q.DeadLetter = &DeadLetter{MaxReceives: 5, Retention: Duration(337 * time.Hour)} }),
			paths:  []string{"dead_letter.retention"}, want: "it can be 1m to 336h",
		},
		{
			name:   "dead letters that are kept for less long than messages are a warning",
			change: queue(func(q *Queue) { q.DeadLetter = &DeadLetter{MaxReceives: 5, Retention: Duration(24 * time.Hour)} }),
			paths:  []string{"dead_letter.retention", "retention"}, want: "less than the queue's 96h", warning: true,
		},
		{
			name:   "a batch has a message",
			change: consumer(func(c *Consumer) { c.BatchSize = 0 }),
			paths:  []string{"consumer.batch_size"}, want: "the batch size is 0; it can be 1 to 10000",
		},
		{
			name:   "a batch has at most ten thousand messages",
			change: consumer(func(c *Consumer) { c.BatchSize, c.BatchWindow = 10001, seconds(1) }),
			paths:  []string{"consumer.batch_size"}, want: "it can be 1 to 10000",
		},
		{
			name:   "batches of more than ten messages need a window",
			change: consumer(func(c *Consumer) { c.BatchSize = 11 }),
			paths:  []string{"consumer.batch_window", "consumer.batch_size"}, want: "need a batch window of at least 1s, and this one is 0s",
		},
		{
			name:   "batches of more than ten messages with a window are well",
			change: consumer(func(c *Consumer) { c.BatchSize, c.BatchWindow = 10000, seconds(1) }),
		},
		{
			name: "batches of FIFO queues have at most ten messages",
			change: func(s *Stack) {
				s.Trigger.Queue.FIFO, s.Trigger.Queue.Consumer.BatchSize = true, 11
			},
			paths: []string{"consumer.batch_size", "fifo"}, want: "the batch size is 11; of a FIFO queue it can be 1 to 10",
		},
		{
			name: "FIFO queues have no batch window",
			change: func(s *Stack) {
				s.Trigger.Queue.FIFO, s.Trigger.Queue.Consumer.BatchWindow = true, seconds(1)
			},
			paths: []string{"consumer.batch_window", "fifo"}, want: "FIFO queues know no batch window",
		},
		{
			name:   "a batch window is at most five minutes",
			change: consumer(func(c *Consumer) { c.BatchWindow = seconds(301) }),
			paths:  []string{"consumer.batch_window"}, want: "it can be 0s to 5m",
		},
		{
			name:   "a maximum concurrency is two at least",
			change: consumer(func(c *Consumer) { c.MaxConcurrency = 1 }),
			paths:  []string{"consumer.max_concurrency"}, want: "the maximum concurrency is 1; it can be 2 to 1000",
		},
		{
			name: "a maximum concurrency above what the function has reserved is a warning",
			change: func(s *Stack) {
				s.Trigger.Queue.Consumer.MaxConcurrency = 20
				function(func(f *Function) { f.Concurrency.Reserved = new(10) })(s)
			},
			paths: []string{"consumer.max_concurrency", fn("concurrency.reserved"), "consumer.function"}, want: "only 10 are reserved", warning: true,
		},
		{
			name:   "filters parse",
			change: consumer(func(c *Consumer) { c.Filters = []string{`{}`, `{"body":"x"}`} }),
			paths:  []string{"consumer.filters[1]", "consumer.filters"}, want: "the filter does not parse: body is a string",
		},
		{
			name:   "a filter has at most 4096 characters",
			change: consumer(func(c *Consumer) { c.Filters = []string{`{"body":["` + strings.Repeat("x", 4096) + `"]}`} }),
			paths:  []string{"consumer.filters[0]", "consumer.filters"}, want: "it can have 4096",
		},
		{
			name:   "there are at most ten filters",
			change: consumer(func(c *Consumer) { c.Filters = slices.Repeat([]string{"{}"}, 11) }),
			paths:  []string{"consumer.filters"}, want: "there are 11 filters; there can be 10",
		},
	})
}

func TestValidateHTTPAPI(t *testing.T) {
	route := func(keys ...string) func(s *Stack) {
		return func(s *Stack) {
			for _, key := range keys {
				s.Trigger.HTTPAPI.Routes[key] = Route{Function: "fulfil", Auth: "inherit"}
			}
		}
	}
	api := func(change func(a *HTTPAPI)) func(s *Stack) { return func(s *Stack) { change(s.Trigger.HTTPAPI) } }
	invalidRoute := func(name, key, want string) problemCase {
		return problemCase{name: name, change: route(key), paths: []string{element("routes", key)}, want: want}
	}
	checkProblems(t, validHTTPAPI, []problemCase{
		{
			name:   "an HTTP API has a route",
			change: api(func(a *HTTPAPI) { a.Routes = nil }),
			paths:  []string{"routes"}, want: "at least one route",
		},
		{
			name:   "a route names a function of the stack",
			change: api(func(a *HTTPAPI) { a.Routes["GET /"] = Route{Auth: "inherit"} }),
			paths:  []string{`routes["GET /"].function`, "functions"}, want: `there is no function ""`,
		},
		{
			name: "routes of every form",
			change: route("ANY /", "GET /a", "GET /a/", "GET /a/{x}", "GET /a/{x}/b", "GET /a/{x+}", "DELETE /a/{x}", "PATCH /a/{x}",
				"HEAD /~u/a.b-c_d@e:1", "OPTIONS /a", "PUT /{a}/{b}/{c+}"),
		},
		invalidRoute("a route has a method", "/orders", "write a method and a path"),
		invalidRoute("a route's method is in capitals", "get /orders", `"get" is not the method of a route; use "ANY", "GET"`),
		invalidRoute("a route's path begins with a slash", "GET orders", "write a method and a path"),
		invalidRoute("a route has one space", "GET  /orders", "write a method and a path"),
		invalidRoute("$default has no method", "GET $default", "write a method and a path"),
		invalidRoute("a path has no empty segments within", "GET /a//b", "nothing between two slashes"),
		invalidRoute("a parameter fills its segment", "GET /a/{x}.json", `"{x}.json" is not a parameter`),
		invalidRoute("a parameter does not begin in the middle", "GET /a/x{x}", "characters that a path cannot hold"),
		invalidRoute("a parameter has a name", "GET /a/{}", `"{}" is not a parameter`),
		invalidRoute("a parameter is closed", "GET /a/{x", `"{x" is not a parameter`),
		invalidRoute("a greedy parameter is last", "GET /{x+}/a", `"{x+}" takes all that follows, so it can only be last`),
		invalidRoute("a parameter occurs once", "GET /{x}/{x}", `the parameter "x" occurs twice`),
		invalidRoute("a path has no query", "GET /a?b=c", "characters that a path cannot hold"),
		{
			name:   "routes that differ only in the names of parameters are the same",
			change: route("GET /a/{x}", "GET /a/{y}"),
			paths:  []string{`routes["GET /a/{y}"]`, `routes["GET /a/{x}"]`}, want: `"GET /a/{y}" takes the same requests as "GET /a/{x}"`,
		},
		{
			name:   "a route's authorization is inherit or none",
			change: api(func(a *HTTPAPI) { a.Routes["$default"] = Route{Function: "fulfil", Auth: "jwt"} }),
			paths:  []string{`routes["$default"].auth`}, want: `is "jwt"; it can be "inherit" or "none"`,
		},
		{
			name: "scopes need an API with tokens",
			change: api(func(a *HTTPAPI) {
				a.Routes["$default"] = Route{Function: "fulfil", Auth: "inherit", Scopes: []string{"s"}}
			}),
			paths: []string{`routes["$default"].scopes`, "auth"}, want: "the API has no auth that reads tokens",
		},
		{
			name: "scopes need a route with tokens",
			change: api(func(a *HTTPAPI) {
				a.Auth = &JWTAuth{Issuer: "https://x.example", Audience: []string{"a"}}
				a.Routes["$default"] = Route{Function: "fulfil", Auth: "none", Scopes: []string{"s"}}
			}),
			paths: []string{`routes["$default"].scopes`, `routes["$default"].auth`}, want: "asks for scopes but for no token",
		},
		{
			name:   "tokens have an issuer with a URL",
			change: api(func(a *HTTPAPI) { a.Auth = &JWTAuth{Issuer: "x.example", Audience: []string{"a"}} }),
			paths:  []string{"auth.issuer"}, want: `"x.example" is not the URL of an issuer`,
		},
		{
			name:   "tokens have an audience",
			change: api(func(a *HTTPAPI) { a.Auth = &JWTAuth{Issuer: "https://x.example"} }),
			paths:  []string{"auth.audience"}, want: "at least one",
		},
		{
			name: "scopes are not empty",
			change: api(func(a *HTTPAPI) {
				a.Auth = &JWTAuth{Issuer: "https://x.example", Audience: []string{"a"}, Scopes: []string{""}}
			}),
			paths: []string{"auth.scopes"}, want: "a scope is empty",
		},
		{
			name:   "a throttle lets something through",
			change: api(func(a *HTTPAPI) { a.Throttle = &Throttle{Burst: 1} }),
			paths:  []string{"throttle.rate"}, want: "the rate is 0 requests a second; it is more than 0",
		},
		{
			name:   "a throttle has a burst",
			change: api(func(a *HTTPAPI) { a.Throttle = &Throttle{Rate: 0.5} }),
			paths:  []string{"throttle.burst"}, want: "at least 1",
		},
		{
			name: "an access log with its defaults",
			change: api(func(a *HTTPAPI) {
				l := NewAccessLog()
				a.AccessLog = &l
			}),
		},
		{
			name:   "an access log names the request",
			change: api(func(a *HTTPAPI) { a.AccessLog = &AccessLog{Format: "$context.routeKey"} }),
			paths:  []string{"access_log.format"}, want: "the format lacks $context.requestId",
		},
		{
			name:   "an access log has one line for a request",
			change: api(func(a *HTTPAPI) { a.AccessLog = &AccessLog{Format: "$context.requestId\n$context.status"} }),
			paths:  []string{"access_log.format"}, want: "more than one line",
		},
		{
			name: "the format of an access log has at most 1024 characters",
			change: api(func(a *HTTPAPI) {
				a.AccessLog = &AccessLog{Format: "$context.requestId" + strings.Repeat("x", 1007)}
			}),
			paths: []string{"access_log.format"}, want: "the format has 1025 characters; it can have 1024",
		},
		{
			name:   "an access log is kept for as long as CloudWatch can",
			change: api(func(a *HTTPAPI) { a.AccessLog = &AccessLog{Format: "$context.requestId", RetentionDays: 2} }),
			paths:  []string{"access_log.retention_days"}, want: "logs cannot be kept for 2 days",
		},
		{
			name:   "CORS rules allow an origin",
			change: api(func(a *HTTPAPI) { a.CORS = &CORS{} }),
			paths:  []string{"cors.allow_origins"}, want: "allow no origin",
		},
		{
			name: "CORS rules of every form",
			change: api(func(a *HTTPAPI) {
				a.CORS = &CORS{
					AllowOrigins: []string{"https://example.org", "http://localhost:3000", "https://*"}, AllowMethods: []string{"GET", "OPTIONS"},
					AllowHeaders: []string{"*", "X-A"}, ExposeHeaders: []string{"Date"}, AllowCredentials: true, MaxAge: Duration(24 * time.Hour),
				}
			}),
		},
		{
			name:   "an origin has no path",
			change: api(func(a *HTTPAPI) { a.CORS = &CORS{AllowOrigins: []string{"*", "https://example.org/"}} }),
			paths:  []string{"cors.allow_origins[1]", "cors.allow_origins"}, want: `"https://example.org/" is not an origin`,
		},
		{
			name:   "credentials are not allowed from everywhere",
			change: api(func(a *HTTPAPI) { a.CORS = &CORS{AllowOrigins: []string{"*"}, AllowCredentials: true} }),
			paths:  []string{"cors.allow_origins", "cors.allow_credentials"}, want: "credentials cannot be allowed from every origin",
		},
		{
			name:   "CORS rules name methods that exist",
			change: api(func(a *HTTPAPI) { a.CORS = &CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"get"}} }),
			paths:  []string{"cors.allow_methods[0]", "cors.allow_methods"}, want: `"get" is not a method to allow`,
		},
		{
			name:   "CORS rules name headers",
			change: api(func(a *HTTPAPI) { a.CORS = &CORS{AllowOrigins: []string{"*"}, ExposeHeaders: []string{"A B"}} }),
			paths:  []string{"cors.expose_headers[0]", "cors.expose_headers"}, want: `"A B" is not the name of a header`,
		},
		{
			name:   "a preflight's answer is kept for a day at most",
			change: api(func(a *HTTPAPI) { a.CORS = &CORS{AllowOrigins: []string{"*"}, MaxAge: Duration(25 * time.Hour)} }),
			paths:  []string{"cors.max_age"}, want: "it can be 0s to 24h",
		},
	})
}

func TestValidateSchedule(t *testing.T) {
	item := func(change func(i *ScheduleItem)) func(s *Stack) {
		return func(s *Stack) {
			i := s.Trigger.Schedule.Schedules["nightly"]
			change(&i)
			s.Trigger.Schedule.Schedules["nightly"] = i
		}
	}
	at := func(attribute string) string { return `schedules["nightly"].` + attribute }
	noon, midnight := instant(t, "2026-01-01T12:00:00Z"), instant(t, "2026-01-01T00:00:00Z")
	checkProblems(t, validSchedule, []problemCase{
		{
			name:   "a schedule names a function of the stack",
			change: item(func(i *ScheduleItem) { i.Function = "report" }),
			paths:  []string{at("function"), "functions"}, want: `there is no function "report"`,
		},
		{
			name:   "there is a schedule",
			change: func(s *Stack) { s.Trigger.Schedule.Schedules = nil },
			paths:  []string{"schedules"}, want: "at least one",
		},
		{
			name:   "the name of a schedule follows the same rule as a stack's",
			change: func(s *Stack) { s.Trigger.Schedule.Schedules["a b"] = s.Trigger.Schedule.Schedules["nightly"] },
			paths:  []string{`schedules["a b"]`}, want: `"a b" cannot name a schedule`,
		},
		{
			name:   "expressions parse",
			change: item(func(i *ScheduleItem) { i.Expression = "cron(0 2 * * *)" }),
			paths:  []string{at("expression"), at("timezone")}, want: "six fields",
		},
		{
			name:   "time zones exist",
			change: item(func(i *ScheduleItem) { i.Timezone = "Europe/Atlantis" }),
			paths:  []string{at("timezone")}, want: `"Europe/Atlantis" is not a time zone`,
		},
		{
			name:   "a schedule fires some day",
			change: item(func(i *ScheduleItem) { i.Expression = "cron(0 0 30 2 ? *)" }),
			paths:  []string{at("expression"), at("timezone"), at("start"), at("end")}, want: "never fires",
		},
		{
			name: "a schedule fires between its start and end",
			change: item(func(i *ScheduleItem) {
				i.Expression, i.Start, i.End = "cron(0 18 * * ? *)", &midnight, &noon
			}),
			paths: []string{at("expression"), at("timezone"), at("start"), at("end")}, want: "never fires",
		},
		{
			name:   "a schedule ends after its start",
			change: item(func(i *ScheduleItem) { i.Start, i.End = &noon, &midnight }),
			paths:  []string{at("end"), at("start")}, want: "the schedule ends at 2026-01-01T00:00:00Z, which is not after its start",
		},
		{
			name:   "a start of a single time is a warning",
			change: item(func(i *ScheduleItem) { i.Expression, i.Start = "at(2026-01-01T00:00:00)", &midnight }),
			paths:  []string{at("expression"), at("start"), at("end")}, want: "they change nothing", warning: true,
		},
		{
			name:   "input is JSON",
			change: item(func(i *ScheduleItem) { i.Input = "{" }),
			paths:  []string{at("input")}, want: "the input is not JSON",
		},
		{
			name:   "input has at most 256 KiB",
			change: item(func(i *ScheduleItem) { i.Input = `"` + strings.Repeat("x", 262143) + `"` }),
			paths:  []string{at("input")}, want: "it can have 262144",
		},
		{
			name:   "a flexible window is whole minutes",
			change: item(func(i *ScheduleItem) { i.FlexibleWindow = seconds(90) }),
			paths:  []string{at("flexible_window")}, want: "1m to 24h, in whole minutes",
		},
		{
			name:   "a flexible window is at most a day",
			change: item(func(i *ScheduleItem) { i.FlexibleWindow = Duration(25 * time.Hour) }),
			paths:  []string{at("flexible_window")}, want: "the flexible window is 25h",
		},
		{
			name:   "a firing is retried at most 185 times",
			change: item(func(i *ScheduleItem) { i.Retry.Attempts = 186 }),
			paths:  []string{at("retry.attempts")}, want: "it can be 0 to 185",
		},
		{
			name:   "a firing is retried for at most a day",
			change: item(func(i *ScheduleItem) { i.Retry.MaxAge = seconds(59) }),
			paths:  []string{at("retry.max_age")}, want: "it can be 1m to 24h",
		},
		{
			name:   "dead letters of schedules go to a queue",
			change: item(func(i *ScheduleItem) { i.DeadLetter = FunctionARN("a", "b") }),
			paths:  []string{at("dead_letter")}, want: "it can be the ARN of a queue",
		},
		{
			name:   "dead letters of schedules go to a standard queue",
			change: item(func(i *ScheduleItem) { i.DeadLetter = QueueARN("orders", true) }),
			paths:  []string{at("dead_letter")}, want: `is the FIFO queue "orders.fifo"; only a standard queue`,
		},
		{
			name: "a schedule with everything",
			change: item(func(i *ScheduleItem) {
				i.Expression, i.Timezone, i.Start, i.End = "cron(0 2 ? * MON-FRI *)", "Europe/Berlin", &midnight, new(noon.AddDate(1, 0, 0))
				i.Input, i.FlexibleWindow, i.DeadLetter, i.Enabled = `{"a":1}`, Duration(10*time.Minute), QueueARN("lost", false), false
			}),
		},
	})
}

func seconds(n int) Duration { return Duration(time.Duration(n) * time.Second) }
