package stack

import (
	"slices"
	"testing"
)

func TestBindingsNameTheirAttributeAsHCLDoes(t *testing.T) {
	tests := []struct {
		name    string
		trigger Trigger
		want    []Binding
	}{
		{"no trigger", Trigger{}, nil},
		{"a queue without a consumer", Trigger{Queue: &Queue{}}, nil},
		{"a queue", Trigger{Queue: &Queue{Consumer: &Consumer{Function: "f"}}}, []Binding{{"consumer.function", "consumer", "f"}}},
		{"routes in order", Trigger{HTTPAPI: &HTTPAPI{Routes: map[string]Route{"POST /b": {Function: "g"}, "$default": {Function: "f"}}}}, []Binding{
			{`routes["$default"].function`, "$default", "f"}, {`routes["POST /b"].function`, "POST /b", "g"},
		}},
		{"schedules in order", Trigger{Schedule: &Schedule{Schedules: map[string]ScheduleItem{"b": {Function: "g"}, "a": {Function: "f"}}}}, []Binding{
			{`schedules["a"].function`, "a", "f"}, {`schedules["b"].function`, "b", "g"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.trigger.Bindings(); !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
