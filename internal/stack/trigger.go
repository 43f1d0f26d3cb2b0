package stack

import "time"

// HTTPAPI routes HTTP requests to functions, as API Gateway's HTTP APIs do,
// with payload format 2.0.
type HTTPAPI struct {
	// Routes by route key: "METHOD /path/{param}/{greedy+}", "ANY /path" or
	// "$default".
	Routes   map[string]Route `json:"routes"`
	CORS     *CORS            `json:"cors,omitempty"`
	Throttle *Throttle        `json:"throttle,omitempty"`
	// Auth asks every route for a JSON Web Token, unless the route says otherwise.
	Auth *JWTAuth `json:"auth,omitempty"`
	// AccessLog writes a line for every request; nil means none.
	AccessLog *AccessLog `json:"access_log,omitempty"`
}

// AccessLog has a log group of its own.
type AccessLog struct {
	// Format of a line, with variables such as $context.requestId:
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
	// Default DefaultAccessLogFormat.
	Format string `json:"format"`
	// RetentionDays is how long lines stay, as Logs.RetentionDays.
	RetentionDays int `json:"retention_days"`
}

// DefaultAccessLogFormat is one line of JSON.
const DefaultAccessLogFormat = `{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","requestTime":"$context.requestTime",` +
	`"routeKey":"$context.routeKey","status":"$context.status","responseLength":"$context.responseLength",` +
	`"integrationError":"$context.integrationErrorMessage"}`

// A Route binds a route key to a function.
type Route struct {
	Function string `json:"function"`
	// Alias of the function that requests go to (see Alias); empty (default) means
	// "live". It need not exist yet: until it does, requests fail.
	Alias string `json:"alias,omitempty"`
	// Auth is "inherit" (default) or "none".
	Auth string `json:"auth"`
	// Scopes the token must have one of, in place of the API's.
	Scopes []string `json:"scopes,omitempty"`
}

// Throttle is a token bucket: Rate requests per second, Burst at once. Beyond
// it requests get 429.
type Throttle struct {
	Rate  float64 `json:"rate"`
	Burst int     `json:"burst"`
}

// JWTAuth accepts bearer tokens of one OpenID Connect issuer.
type JWTAuth struct {
	// Issuer is the URL that tokens name as `iss` and whose
	// /.well-known/openid-configuration leads to the keys.
	Issuer   string   `json:"issuer"`
	Audience []string `json:"audience"`
	Scopes   []string `json:"scopes,omitempty"`
}

// Queue is a message queue with SQS's semantics and at most one consumer.
type Queue struct {
	// FIFO keeps messages of one group in order and drops duplicates for five
	// minutes.
	FIFO bool `json:"fifo,omitempty"`
	// ContentBasedDeduplication takes a message's SHA-256 as its deduplication id
	// where it has none. FIFO only.
	ContentBasedDeduplication bool `json:"content_based_deduplication,omitempty"`
	// VisibilityTimeout is how long a received message stays hidden, 0s to 12h,
	// default 30s.
	VisibilityTimeout Duration `json:"visibility_timeout"`
	// Retention of messages, 60s to 336h, default 96h.
	Retention Duration `json:"retention"`
	// Delay before a new message can be received, 0s to 15m, default 0s.
	Delay Duration `json:"delay"`
	// MaxMessageSize in bytes, 1024 to 1048576, default 262144.
	MaxMessageSize int         `json:"max_message_size"`
	DeadLetter     *DeadLetter `json:"dead_letter,omitempty"`
	Consumer       *Consumer   `json:"consumer,omitempty"`
}

// DeadLetter moves messages that were received too often to a queue of their
// own, which the stack owns.
type DeadLetter struct {
	// MaxReceives, 1 to 1000: the message moves when it would be received once
	// more.
	MaxReceives int `json:"max_receives"`
	// Retention of dead letters, 60s to 336h, default 336h.
	Retention Duration `json:"retention"`
}

// Consumer polls the queue and invokes a function with batches.
type Consumer struct {
	Function string `json:"function"`
	// BatchSize is the most messages per invocation, 1 to 10000 (FIFO: 10; above
	// 10 a window is needed), default 10.
	BatchSize int `json:"batch_size"`
	// BatchWindow is how long to gather a batch, 0s to 5m, default 0s.
	BatchWindow Duration `json:"batch_window"`
	// PartialFailures takes the function's batchItemFailures at their word.
	PartialFailures bool `json:"partial_failures,omitempty"`
	// MaxConcurrency is the most invocations at once, 2 to 1000; 0 (default) means
	// the function's own limit.
	MaxConcurrency int `json:"max_concurrency,omitempty"`
	// Filters are event patterns (JSON); a message that matches none is deleted.
	Filters []string `json:"filters,omitempty"`
	// Enabled, default true.
	Enabled bool `json:"enabled"`
}

// Schedule invokes functions at set times, as EventBridge Scheduler does.
type Schedule struct {
	Schedules map[string]ScheduleItem `json:"schedules"`
}

// ScheduleItem is one schedule of a stack.
type ScheduleItem struct {
	Function string `json:"function"`
	// Expression is cron(six fields), rate(n unit) or at(yyyy-mm-ddThh:mm:ss).
	Expression string `json:"expression"`
	// Timezone is an IANA name, default "UTC".
	Timezone string `json:"timezone"`
	// Input is the event, JSON; empty means a "Scheduled Event" record.
	Input string `json:"input,omitempty"`
	// FlexibleWindow spreads the firing over this long after its time, whole
	// minutes, 1m to 24h; 0 (default) is off.
	FlexibleWindow Duration `json:"flexible_window,omitempty"`
	// Start and End bound when it fires; nil means unbounded.
	Start *time.Time `json:"start,omitempty"`
	End   *time.Time `json:"end,omitempty"`
	// Retry says what to do when the function cannot be invoked.
	Retry ScheduleRetry `json:"retry"`
	// DeadLetter is the ARN of a queue for firings given up; empty means none.
	DeadLetter string `json:"dead_letter,omitempty"`
	// Enabled, default true.
	Enabled bool `json:"enabled"`
}

// ScheduleRetry is EventBridge Scheduler's retry policy.
type ScheduleRetry struct {
	// Attempts after the first, 0 to 185, default 185.
	Attempts int `json:"attempts"`
	// MaxAge of a firing, 60s to 24h, default 24h.
	MaxAge Duration `json:"max_age"`
}
