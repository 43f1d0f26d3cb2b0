package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestPathsAreReadAsTheyAreWritten(t *testing.T) {
	functions := path.Root("functions").AtMapKey("fulfil")
	for text, want := range map[string]path.Path{
		"name":                            path.Root("name"),
		"consumer.batch_size":             path.Root("consumer").AtName("batch_size"),
		`functions["fulfil"].timeout`:     functions.AtName("timeout"),
		`routes["POST /a.b[0]\"x"].auth`:  path.Root("routes").AtMapKey(`POST /a.b[0]"x`).AtName("auth"),
		`functions["fulfil"].layers[12]`:  functions.AtName("layers").AtListIndex(12),
		`functions["fulfil"].a["b"]["c"]`: functions.AtName("a").AtMapKey("b").AtMapKey("c"),
	} {
		got, err := parsePath(text)
		if err != nil || !got.Equal(want) {
			t.Errorf("parsePath(%q) = %s, %v", text, got, err)
		}
		if got.String() != text {
			t.Errorf("%s is written %q", got, text)
		}
	}
}

func TestWhatIsNoPathIsRefused(t *testing.T) {
	for _, text := range []string{`[0]`, `a[`, `a[x]`, `a[-1]`, `a["x`, `a["x"`, "a[`x`]", `a..b`, `a.`, `.a`, `a]b`, `a[0]b`} {
		if got, err := parsePath(text); err == nil {
			t.Errorf("parsePath(%q) = %s", text, got)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	f.Add(`functions["fulfil"].layers[12]`)
	f.Add(`routes["POST /"].auth`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePath(text)
		if err != nil || text == "" {
			return
		}
		again, err := parsePath(p.String())
		if err != nil || !again.Equal(p) {
			t.Errorf("%q is %s, which is %s, %v", text, p, again, err)
		}
	})
}

func TestAProblemIsDroppedWhileItMayNotBeOne(t *testing.T) {
	v := tftypes.NewValue(tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"name":        tftypes.String,
		"environment": tftypes.Map{ElementType: tftypes.String},
		"tags":        tftypes.Map{ElementType: tftypes.String},
	}}, map[string]tftypes.Value{
		"name": tftypes.NewValue(tftypes.String, tftypes.UnknownValue),
		"environment": tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, map[string]tftypes.Value{
			"A": tftypes.NewValue(tftypes.String, tftypes.UnknownValue),
		}),
		"tags": tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, tftypes.UnknownValue),
	})
	unknown := unknownPaths(v)
	for attribute, decided := range map[string]bool{
		"name":             false,
		"environment":      false, // Its size follows from its elements.
		`environment["A"]`: false,
		`environment["B"]`: true,
		`tags["team"]`:     false,
		"functions":        true,
	} {
		problems := stack.Problems{{Paths: []string{"functions", attribute}, Message: "is wrong"}}
		if got := len(decidable(problems, unknown)) == 1; got != decided {
			t.Errorf("a problem that follows from %s is kept: %v, want %v", attribute, got, decided)
		}
	}
}
