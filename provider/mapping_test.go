package provider

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"pgregory.net/rapid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// onlyHere are attributes that the model does not have, by the path of their
// object, and why.
var onlyHere = map[string][]string{
	"":            {"id", "timeouts", "release_id", "components", "arn", "url", "dead_letter_arn"},
	"release":     {"wait"},
	"functions[]": {"source", "build", "layer_sha256", "code_manifest", "secrets_wo", "arn", "alias_arn", "version", "routing", "log_group", "function_url"},
}

// onlyInModel are fields that have no attribute of the same name.
var onlyInModel = map[string][]string{
	"":            {"trigger"},
	"functions[]": {"secrets"},
}

func TestEveryFieldOfTheModelIsAnAttributeAndTheOtherWayRound(t *testing.T) {
	triggers := map[stack.Kind]reflect.Type{
		stack.KindNone:     reflect.TypeFor[struct{}](),
		stack.KindHTTPAPI:  reflect.TypeFor[stack.HTTPAPI](),
		stack.KindQueue:    reflect.TypeFor[stack.Queue](),
		stack.KindSchedule: reflect.TypeFor[stack.Schedule](),
	}
	for _, k := range kinds {
		t.Run(string(k.kind), func(t *testing.T) {
			fields := jsonFields(reflect.TypeFor[stack.Stack]())
			maps.Copy(fields, jsonFields(triggers[k.kind]))
			sameNames(t, "", k.schema().Attributes, fields)
		})
	}
}

// sameNames compares an object's attributes with a struct's fields, and so on
// within them.
func sameNames(t *testing.T, at string, attributes map[string]schema.Attribute, fields map[string]reflect.Type) {
	t.Helper()
	for name, a := range attributes {
		if slices.Contains(onlyHere[at], name) {
			continue
		}
		field, ok := fields[name]
		if !ok {
			t.Errorf("%s.%s is an attribute, but no field of the model", at, name)
			continue
		}
		below := strings.TrimPrefix(at+"."+name, ".")
		for field.Kind() == reflect.Pointer {
			field = field.Elem()
		}
		switch a := a.(type) {
		case schema.SingleNestedAttribute:
			sameNames(t, below, a.Attributes, jsonFields(field))
		case schema.MapNestedAttribute:
			sameNames(t, below+"[]", a.NestedObject.Attributes, jsonFields(field.Elem()))
		case schema.ListNestedAttribute:
			sameNames(t, below+"[]", a.NestedObject.Attributes, jsonFields(field.Elem()))
		}
	}
	for name := range fields {
		if _, ok := attributes[name]; !ok && !slices.Contains(onlyInModel[at], name) {
			t.Errorf("%s.%s is in the model, but no attribute", at, name)
		}
	}
}

func jsonFields(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && !f.Anonymous {
			fields[name] = f.Type
		}
	}
	return fields
}

func TestSchemaDefaultsAreTheModels(t *testing.T) {
	for _, k := range kinds {
		attributes := k.schema().Attributes
		v, err := encodeObject(attributes, map[string]any{"functions": map[string]any{"f": map[string]any{"runtime": "provided.al2023"}}}, tftypes.Value{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := toStack(k.kind, v)
		if err != nil {
			t.Fatal(err)
		}
		want := stack.NewFunction()
		want.Runtime, want.Handler = "provided.al2023", "bootstrap"
		if got := s.Functions["f"]; asJSON(t, got) != asJSON(t, want) {
			t.Errorf("of a %s, the defaults of a function are\n%s, want\n%s", k.kind, asJSON(t, got), asJSON(t, want))
		}
	}
}

// A deployment becomes a state, and the state the same stack again.
func TestAStackSurvivesBeingAState(t *testing.T) {
	for _, k := range kinds {
		t.Run(string(k.kind), func(t *testing.T) {
			attributes := k.schema().Attributes
			rapid.Check(t, func(t *rapid.T) {
				want := randomStack(k.kind).Draw(t, "stack")
				state, err := fromDeployment(k.kind, attributes, &stack.Deployment{Stack: want}, tftypes.Value{})
				if err != nil {
					t.Fatal(err)
				}
				got, err := toStack(k.kind, state)
				if err != nil {
					t.Fatal(err)
				}
				if asJSON(t, got) != asJSON(t, want) {
					t.Fatalf("the stack is\n%s, want\n%s", asJSON(t, got), asJSON(t, want))
				}
				again, err := fromDeployment(k.kind, attributes, &stack.Deployment{Stack: want}, state)
				if err != nil || !again.Equal(state) {
					t.Fatalf("reading it again changes the state (%v):\n%s\n%s", err, state, again)
				}
			})
		})
	}
}

func asJSON(t interface{ Fatal(...any) }, v any) string {
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The generators make what JSON can tell apart: nil, and never an empty map or
// list.

func randomStack(k stack.Kind) *rapid.Generator[stack.Stack] {
	return rapid.Custom(func(t *rapid.T) stack.Stack {
		s := stack.Stack{
			Name:      name.Draw(t, "name"),
			Functions: rapid.MapOfN(name, randomFunction, 1, 3).Draw(t, "functions"),
			Release:   rapid.Ptr(randomRelease, true).Draw(t, "release"),
			Tags:      texts.Draw(t, "tags"),
		}
		switch k {
		case stack.KindHTTPAPI:
			s.Trigger.HTTPAPI = rapid.Ptr(randomAPI, false).Draw(t, "http_api")
		case stack.KindQueue:
			s.Trigger.Queue = rapid.Ptr(randomQueue, false).Draw(t, "queue")
		case stack.KindSchedule:
			s.Trigger.Schedule = &stack.Schedule{Schedules: rapid.MapOfN(name, randomItem, 1, 3).Draw(t, "schedules")}
		}
		return s
	})
}

var (
	name     = rapid.StringMatching(`[a-z][a-z0-9-]{0,39}`)
	word     = rapid.StringN(1, 20, -1)
	maybe    = rapid.OneOf(rapid.Just(""), word)
	count    = rapid.IntRange(0, 10240)
	duration = rapid.Map(rapid.IntRange(0, 900), func(s int) stack.Duration { return stack.Duration(time.Duration(s) * time.Second) })
	texts    = rapid.Map(rapid.MapOfN(word, rapid.String(), 0, 3), func(m map[string]string) map[string]string {
		if len(m) == 0 {
			return nil
		}
		return m
	})
	words = rapid.Map(rapid.SliceOfN(word, 0, 3), func(l []string) []string {
		if len(l) == 0 {
			return nil
		}
		return l
	})

	randomFunction = rapid.Custom(func(t *rapid.T) stack.Function {
		f := stack.Function{
			Config: stack.Config{
				CodeSHA256:       word.Draw(t, "code"),
				Runtime:          word.Draw(t, "runtime"),
				Handler:          word.Draw(t, "handler"),
				Memory:           count.Draw(t, "memory"),
				Timeout:          duration.Draw(t, "timeout"),
				Environment:      texts.Draw(t, "environment"),
				SecretsVersion:   maybe.Draw(t, "secrets_version"),
				EphemeralStorage: count.Draw(t, "storage"),
				Architecture:     maybe.Draw(t, "architecture"),
				Layers:           words.Draw(t, "layers"),
				Tracing:          word.Draw(t, "tracing"),
				RoleARN:          maybe.Draw(t, "role"),
				Network:          rapid.Ptr(randomNetwork, true).Draw(t, "network"),
				KMSKeyARN:        maybe.Draw(t, "key"),
			},
			Concurrency:  stack.Concurrency{Provisioned: count.Draw(t, "provisioned")},
			Async:        stack.Async{Retries: count.Draw(t, "retries"), MaxAge: duration.Draw(t, "max_age"), OnFailure: maybe.Draw(t, "on_failure"), OnSuccess: maybe.Draw(t, "on_success")},
			Logs:         stack.Logs{RetentionDays: count.Draw(t, "retention")},
			KeepVersions: count.Draw(t, "keep"),
		}
		if rapid.Bool().Draw(t, "is an image") {
			f.Image, f.CodeSHA256, f.Runtime, f.Layers = word.Draw(t, "image"), "", "", nil
			f.Handler = maybe.Draw(t, "command")
		}
		f.Concurrency.Reserved = rapid.Ptr(count, true).Draw(t, "reserved")
		for range rapid.IntRange(0, 2).Draw(t, "permissions") {
			f.Permissions = append(f.Permissions, stack.Permission{
				Actions:   rapid.SliceOfN(word, 1, 2).Draw(t, "actions"),
				Resources: rapid.SliceOfN(word, 1, 2).Draw(t, "resources"),
			})
		}
		if rapid.Bool().Draw(t, "has url") {
			f.URL = &stack.FunctionURL{Auth: word.Draw(t, "auth"), CORS: rapid.Ptr(randomCORS, true).Draw(t, "cors")}
		}
		return f
	})
	randomRelease = rapid.Custom(func(t *rapid.T) stack.Release {
		r := stack.Release{
			Strategy: word.Draw(t, "strategy"), Weight: count.Draw(t, "weight"), Interval: duration.Draw(t, "interval"),
			Before: maybe.Draw(t, "before"), After: maybe.Draw(t, "after"), OnFailure: word.Draw(t, "on_failure"),
		}
		if rapid.Bool().Draw(t, "has a gate") {
			r.Gate = &stack.Gate{
				MaxErrorRate: rapid.Ptr(rapid.Float64Range(0, 1), true).Draw(t, "errors"), MaxP95Ratio: rapid.Ptr(rapid.Float64Range(0.001, 1000), true).Draw(t, "ratio"),
				MaxThrottleRate: rapid.Ptr(rapid.Float64Range(0, 1), true).Draw(t, "throttles"), MinInvocations: count.Draw(t, "invocations"),
				Timeout: duration.Draw(t, "gate timeout"), Alarms: words.Draw(t, "alarms"),
			}
		}
		return r
	})
	randomNetwork = rapid.Custom(func(t *rapid.T) stack.Network {
		if rapid.Bool().Draw(t, "none") {
			return stack.Network{Mode: stack.NetworkNone}
		}
		return stack.Network{SubnetIDs: ids.Draw(t, "subnets"), SecurityGroupIDs: ids.Draw(t, "groups"), IPv6: rapid.Bool().Draw(t, "ipv6")}
	})
	// ids are what a set becomes: each once, in order.
	ids = rapid.Map(rapid.SliceOfNDistinct(word, 1, 3, rapid.ID[string]), func(l []string) []string {
		slices.Sort(l)
		return l
	})
	randomCORS = rapid.Custom(func(t *rapid.T) stack.CORS {
		return stack.CORS{
			AllowOrigins: words.Draw(t, "origins"), AllowMethods: words.Draw(t, "methods"), AllowHeaders: words.Draw(t, "headers"),
			ExposeHeaders: words.Draw(t, "expose"), AllowCredentials: rapid.Bool().Draw(t, "credentials"), MaxAge: duration.Draw(t, "max_age"),
		}
	})
	randomAPI = rapid.Custom(func(t *rapid.T) stack.HTTPAPI {
		a := stack.HTTPAPI{
			Routes: rapid.MapOfN(word, rapid.Custom(func(t *rapid.T) stack.Route {
				return stack.Route{Function: word.Draw(t, "function"), Auth: word.Draw(t, "auth"), Scopes: words.Draw(t, "scopes")}
			}), 1, 3).Draw(t, "routes"),
			CORS: rapid.Ptr(randomCORS, true).Draw(t, "cors"),
		}
		if rapid.Bool().Draw(t, "throttled") {
			a.Throttle = &stack.Throttle{Rate: rapid.Float64Range(0.001, 1e6).Draw(t, "rate"), Burst: count.Draw(t, "burst")}
		}
		if rapid.Bool().Draw(t, "has an access log") {
			a.AccessLog = &stack.AccessLog{Format: word.Draw(t, "format"), RetentionDays: count.Draw(t, "days")}
		}
		if rapid.Bool().Draw(t, "has auth") {
			a.Auth = &stack.JWTAuth{Issuer: word.Draw(t, "issuer"), Audience: rapid.SliceOfN(word, 1, 2).Draw(t, "audience"), Scopes: words.Draw(t, "scopes")}
		}
		return a
	})
	randomQueue = rapid.Custom(func(t *rapid.T) stack.Queue {
		q := stack.Queue{
			FIFO: rapid.Bool().Draw(t, "fifo"), ContentBasedDeduplication: rapid.Bool().Draw(t, "dedup"),
			VisibilityTimeout: duration.Draw(t, "visibility"), Retention: duration.Draw(t, "retention"), Delay: duration.Draw(t, "delay"),
			MaxMessageSize: count.Draw(t, "size"),
		}
		if rapid.Bool().Draw(t, "has dead letters") {
			q.DeadLetter = &stack.DeadLetter{MaxReceives: count.Draw(t, "receives"), Retention: duration.Draw(t, "dead retention")}
		}
		if rapid.Bool().Draw(t, "has consumer") {
			q.Consumer = &stack.Consumer{
				Function: word.Draw(t, "function"), BatchSize: count.Draw(t, "batch"), BatchWindow: duration.Draw(t, "window"),
				PartialFailures: rapid.Bool().Draw(t, "partial"), MaxConcurrency: count.Draw(t, "concurrency"),
				Filters: words.Draw(t, "filters"), Enabled: rapid.Bool().Draw(t, "enabled"),
			}
		}
		return q
	})
	randomItem = rapid.Custom(func(t *rapid.T) stack.ScheduleItem {
		i := stack.ScheduleItem{
			Function: word.Draw(t, "function"), Expression: word.Draw(t, "expression"), Timezone: word.Draw(t, "timezone"),
			Input: maybe.Draw(t, "input"), FlexibleWindow: duration.Draw(t, "window"),
			Retry:      stack.ScheduleRetry{Attempts: count.Draw(t, "attempts"), MaxAge: duration.Draw(t, "max_age")},
			DeadLetter: maybe.Draw(t, "dead_letter"), Enabled: rapid.Bool().Draw(t, "enabled"),
		}
		if rapid.Bool().Draw(t, "bounded") {
			start := time.Unix(int64(rapid.IntRange(0, 1<<31).Draw(t, "start")), 0).UTC()
			i.Start = &start
		}
		return i
	})
)
