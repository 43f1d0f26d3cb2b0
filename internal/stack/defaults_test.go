package stack

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

func TestAFunctionThatIsLeftEmptyHasTheDocumentedDefaults(t *testing.T) {
	var f Function
	unmarshal(t, `{"runtime":"provided.al2023"}`, &f)
	want := Function{
		Config: Config{
			Runtime: "provided.al2023", Handler: "bootstrap", Memory: 128, Timeout: seconds(3), EphemeralStorage: 512, Tracing: "pass_through",
		},
		Async:        Async{Retries: 2, MaxAge: Duration(6 * time.Hour)},
		KeepVersions: 10,
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("%+v\nwant\n%+v", f, want)
	}
}

func TestAQueueThatIsLeftEmptyHasTheDocumentedDefaults(t *testing.T) {
	var q Queue
	unmarshal(t, `{"consumer":{"function":"f"},"dead_letter":{"max_receives":5}}`, &q)
	want := Queue{
		VisibilityTimeout: seconds(30), Retention: Duration(96 * time.Hour), MaxMessageSize: 262144,
		DeadLetter: &DeadLetter{MaxReceives: 5, Retention: Duration(336 * time.Hour)},
		Consumer:   &Consumer{Function: "f", BatchSize: 10, Enabled: true},
	}
	if !reflect.DeepEqual(q, want) {
		t.Errorf("%+v\nwant\n%+v", q, want)
	}
}

func TestSchedulesRoutesAndURLsThatAreLeftEmptyHaveTheDocumentedDefaults(t *testing.T) {
	var s Schedule
	unmarshal(t, `{"schedules":{"a":{"function":"f"}}}`, &s)
	want := ScheduleItem{Function: "f", Timezone: "UTC", Retry: ScheduleRetry{Attempts: 185, MaxAge: Duration(24 * time.Hour)}, Enabled: true}
	if got := s.Schedules["a"]; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	var api HTTPAPI
	unmarshal(t, `{"routes":{"$default":{"function":"f"}}}`, &api)
	if got, want := api.Routes["$default"], (Route{Function: "f", Auth: "inherit"}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	var f Function
	unmarshal(t, `{"url":{}}`, &f)
	if f.URL.Auth != "iam" {
		t.Errorf("%+v", f.URL)
	}
}

func TestExplicitZerosStay(t *testing.T) {
	var f Function
	unmarshal(t, `{"memory":0,"async":{"retries":0},"concurrency":{"reserved":0}}`, &f)
	if f.Memory != 0 || f.Async.Retries != 0 || f.Async.MaxAge == 0 || f.Concurrency.Reserved == nil || *f.Concurrency.Reserved != 0 {
		t.Errorf("%+v", f)
	}
	var q Queue
	unmarshal(t, `{"visibility_timeout":"0s","consumer":{"enabled":false}}`, &q)
	if q.VisibilityTimeout != 0 || q.Consumer.Enabled {
		t.Errorf("%+v", q)
	}
	var i ScheduleItem
	unmarshal(t, `{"retry":{"attempts":0},"enabled":false}`, &i)
	if i.Retry.Attempts != 0 || i.Retry.MaxAge == 0 || i.Enabled {
		t.Errorf("%+v", i)
	}
}

func TestMalformedJSONIsAnErrorOfEveryType(t *testing.T) {
	for _, v := range []any{&Function{}, &FunctionURL{}, &Route{}, &Queue{}, &DeadLetter{}, &Consumer{}, &ScheduleItem{}} {
		if err := json.Unmarshal([]byte(`{"function":1,"memory":"x","auth":1,"retention":"x"}`), v); err == nil {
			t.Errorf("%T takes it", v)
		}
	}
}

func TestWithDefaultsFillsZerosThatCannotBeMeant(t *testing.T) {
	for name, s := range map[string]Stack{"queue": validQueue(), "schedule": validSchedule(), "api": validHTTPAPI()} {
		t.Run(name, func(t *testing.T) {
			bare := s
			bare.Functions = map[string]Function{"fulfil": {
				Config: Config{Runtime: "python3.13", Handler: "app.handler", CodeSHA256: digest("code")},
				Async:  Async{Retries: 2},
				URL:    &FunctionURL{},
			}}
			want := bare
			want.Functions = map[string]Function{"fulfil": validFunction()}
			function(func(f *Function) { f.URL = &FunctionURL{Auth: "iam", InvokeMode: "buffered"} })(&want)
			switch {
			case s.Trigger.Queue != nil:
				bare.Trigger.Queue = &Queue{VisibilityTimeout: seconds(30), Consumer: &Consumer{Function: "fulfil", Enabled: true}, DeadLetter: &DeadLetter{MaxReceives: 1}}
				want.Trigger.Queue.DeadLetter = &DeadLetter{MaxReceives: 1, Retention: Duration(336 * time.Hour)}
			case s.Trigger.Schedule != nil:
				bare.Trigger.Schedule = &Schedule{Schedules: map[string]ScheduleItem{
					"nightly": {Function: "fulfil", Expression: "rate(5 minutes)", Retry: ScheduleRetry{Attempts: 185}, Enabled: true},
				}}
			case s.Trigger.HTTPAPI != nil:
				bare.Trigger.HTTPAPI = &HTTPAPI{Routes: map[string]Route{"POST /orders": {Function: "fulfil"}, "$default": {Function: "fulfil"}}}
			}
			before, err := json.Marshal(bare)
			if err != nil {
				t.Fatal(err)
			}
			if got := bare.WithDefaults(); !reflect.DeepEqual(got, want) {
				t.Errorf("%+v\nwant\n%+v", got, want)
			}
			if after, err := json.Marshal(bare); err != nil || string(after) != string(before) {
				t.Errorf("WithDefaults changed its receiver to %s", after)
			}
		})
	}
}

func unmarshal(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatal(err)
	}
}
