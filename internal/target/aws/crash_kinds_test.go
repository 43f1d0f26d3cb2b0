package aws

import (
	"archive/zip"
	"bytes"
	"maps"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// crashKinds are a stack of every kind, before and after a change of as much as one can
// have.
var crashKinds = map[string]struct{ before, after stack.Stack }{
	"plain": {
		before: stack.Stack{Functions: map[string]stack.Function{
			"resize": crashFunction("one", func(f *stack.Function) {
				f.Layers, f.Environment = []string{crashCode("layer one")}, map[string]string{"BUCKET": "pictures"}
				f.SecretsVersion, f.Secrets = "1", map[string]string{"API_KEY": "correct-horse-battery"}
				f.Permissions = []stack.Permission{{Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::pictures/*"}}}
				f.Concurrency.Reserved = new(int)
				f.Async.Retries, f.Async.OnFailure, f.Logs.RetentionDays = 1, "arn:aws:sqs:us-east-1:123456789012:failed", 14
				f.URL = &stack.FunctionURL{Auth: "none", InvokeMode: "buffered", CORS: &stack.CORS{AllowOrigins: []string{"https://media.example.org"}}}
			}),
		}},
		after: stack.Stack{Tags: map[string]string{"team": "media"}, Functions: map[string]stack.Function{
			"resize": crashFunction("two", func(f *stack.Function) {
				f.Layers, f.KeepVersions = []string{crashCode("layer two")}, 1
				f.SecretsVersion, f.Secrets = "2", map[string]string{"API_KEY": "staple-horse-battery"}
			}),
			"audit": crashFunction("one", func(f *stack.Function) { f.URL = &stack.FunctionURL{Auth: "iam", InvokeMode: "buffered"} }),
		}},
	},
	"http_api": {
		before: stack.Stack{
			Functions: map[string]stack.Function{"create": crashFunction("one")},
			Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{
				Routes: map[string]stack.Route{
					"POST /orders": {Function: "create", Auth: "inherit", Scopes: []string{"orders"}},
					"GET /health":  {Function: "create", Auth: "none"},
				},
				CORS:      &stack.CORS{AllowOrigins: []string{"https://shop.example.org"}, AllowMethods: []string{"POST"}},
				Throttle:  &stack.Throttle{Rate: 50.5, Burst: 100},
				Auth:      &stack.JWTAuth{Issuer: "https://login.example.org/", Audience: []string{"shop"}},
				AccessLog: &stack.AccessLog{Format: stack.DefaultAccessLogFormat, RetentionDays: 30},
			}},
		},
		after: stack.Stack{
			Functions: map[string]stack.Function{"create": crashFunction("two"), "read": crashFunction("one")},
			Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{
				Routes: map[string]stack.Route{
					"POST /orders":     {Function: "create", Auth: "inherit", Scopes: []string{"admin"}},
					"GET /orders/{id}": {Function: "read", Auth: "inherit"},
				},
				Throttle: &stack.Throttle{Rate: 10, Burst: 20},
				Auth:     &stack.JWTAuth{Issuer: "https://login.example.org/", Audience: []string{"shop", "admin"}},
			}},
		},
	},
	"queue": {
		before: stack.Stack{
			Functions: map[string]stack.Function{"fulfil": crashFunction("one")},
			Trigger:   stack.Trigger{Queue: crashQueue(&stack.DeadLetter{MaxReceives: 5, Retention: seconds(86400)}, stack.Consumer{Function: "fulfil", BatchSize: 10, Enabled: true})},
		},
		after: stack.Stack{
			Tags:      map[string]string{"team": "orders"},
			Functions: map[string]stack.Function{"fulfil": crashFunction("two"), "audit": crashFunction("one")},
			Trigger:   stack.Trigger{Queue: crashQueue(nil, stack.Consumer{Function: "audit", BatchSize: 5, Enabled: true})},
		},
	},
	"schedule": {
		before: stack.Stack{
			Functions: map[string]stack.Function{"report": crashFunction("one")},
			Trigger: stack.Trigger{Schedule: &stack.Schedule{Schedules: map[string]stack.ScheduleItem{
				"hourly": crashSchedule("report", "rate(1 hour)"), "daily": crashSchedule("report", "rate(1 day)"),
			}}},
		},
		after: stack.Stack{
			Tags:      map[string]string{"team": "reports"},
			Functions: map[string]stack.Function{"report": crashFunction("two"), "clean": crashFunction("one")},
			Trigger: stack.Trigger{Schedule: &stack.Schedule{Schedules: map[string]stack.ScheduleItem{
				"hourly": crashSchedule("clean", "rate(2 hours)"), "weekly": crashSchedule("report", "cron(0 2 ? * MON *)"),
			}}},
		},
	},
}

func crashFunction(code string, edit ...func(f *stack.Function)) stack.Function {
	f := stack.NewFunction()
	f.CodeSHA256, f.Runtime, f.Handler = crashCode(code), "python3.13", "app.handler"
	for _, e := range edit {
		e(&f)
	}
	return f
}

func crashQueue(dead *stack.DeadLetter, consumer stack.Consumer) *stack.Queue {
	q := stack.NewQueue()
	q.DeadLetter, q.Consumer = dead, &consumer
	return &q
}

func crashSchedule(function, expression string) stack.ScheduleItem {
	item := stack.NewScheduleItem()
	item.Function, item.Expression = function, expression
	return item
}

// crashPackages are the packages of all these stacks.
var crashPackages = map[string]target.Package{}

// crashCode is the digest of a package with this text.
func crashCode(text string) string {
	var buffer bytes.Buffer
	archive := zip.NewWriter(&buffer)
	// Writing to memory does not fail.
	file, _ := archive.CreateHeader(&zip.FileHeader{Name: "app.py", Method: zip.Store})
	_, _ = file.Write([]byte(text))
	_ = archive.Close()
	p := testPackage(buffer.Bytes())
	crashPackages[p.sha()] = p
	return p.sha()
}

// crashStack is one of the stacks by a name of its own.
func crashStack(kind string, changed bool, name string) stack.Stack {
	s := crashKinds[kind].before
	if changed {
		s = crashKinds[kind].after
	}
	s.Name, s.Functions = name, maps.Clone(s.Functions)
	return s
}
