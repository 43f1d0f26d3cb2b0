package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A meaning is what a string stands for: spelling "1m" as "60s" is no change. (The
// framework's own types for such strings do not name the attribute in their
// errors, and compare meanings when reading and applying, but not when planning.)
type meaning struct {
	// parse returns something that is equal for strings that mean the same.
	parse func(string) (any, error)
}

var (
	durationMeaning = meaning{func(text string) (any, error) {
		var d stack.Duration
		err := d.UnmarshalText([]byte(text))
		return d, err
	}}
	timeMeaning = meaning{func(text string) (any, error) {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a time such as \"2026-01-31T12:00:00Z\"", text)
		}
		return t.UTC(), nil
	}}
	jsonMeaning = meaning{func(text string) (any, error) {
		var compact bytes.Buffer
		err := json.Compact(&compact, []byte(text))
		return htmlEscapes.Replace(compact.String()), err
	}}
)

// htmlEscapes are the characters that Terraform's jsonencode escapes, and few others
// do. The first pair steps over a backslash that is itself escaped.
var htmlEscapes = strings.NewReplacer(`\\`, `\\`, `\u003c`, "<", `\u003e`, ">", `\u0026`, "&")

// same tells whether two strings mean the same.
func (m meaning) same(a, b string) bool {
	x, err1 := m.parse(a)
	y, err2 := m.parse(b)
	return err1 == nil && err2 == nil && x == y
}

// meaningOf returns the meaning of an attribute that has one.
func meaningOf(a schema.Attribute) (meaning, bool) {
	if a, ok := a.(schema.StringAttribute); ok {
		for _, m := range a.PlanModifiers {
			if m, ok := m.(sameMeaning); ok {
				return m.meaning, true
			}
		}
	}
	return meaning{}, false
}

// sameMeaning keeps the state's spelling where the configuration's means the same,
// so that the plan is empty.
type sameMeaning struct{ meaning }

var _ planmodifier.String = sameMeaning{}

func (sameMeaning) Description(context.Context) string { return "" }

func (sameMeaning) MarkdownDescription(context.Context) string { return "" }

func (m sameMeaning) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if req.StateValue.IsNull() || req.PlanValue.IsNull() || req.PlanValue.IsUnknown() {
		return
	}
	if m.same(req.StateValue.ValueString(), req.PlanValue.ValueString()) {
		resp.PlanValue = req.StateValue
	}
}

// meansSomething refuses strings that cannot be parsed.
type meansSomething struct{ meaning }

var _ validator.String = meansSomething{}

func (meansSomething) Description(context.Context) string { return "" }

func (meansSomething) MarkdownDescription(context.Context) string { return "" }

func (m meansSomething) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := m.parse(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid value", fmt.Sprintf("%s: %s.", req.Path, err))
	}
}
