package open

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestCheckFindsWhatOnlyAWSHas(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"runtimes":["python3.13"]}`))
	})
	s := stack.Stack{Name: "shop", Functions: map[string]stack.Function{
		"image":  {Config: stack.Config{Image: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:1"}},
		"inside": {Config: stack.Config{Runtime: "python3.13", Network: &stack.Network{}, RoleARN: "arn:aws:iam::123456789012:role/shop", KMSKeyARN: "arn:aws:kms:eu-central-1:123456789012:key/1"}},
	}}
	s.Trigger.HTTPAPI = &stack.HTTPAPI{AccessLog: &stack.AccessLog{}}
	s.Release = &stack.Release{Strategy: stack.Canary, Gate: &stack.Gate{Alarms: []string{"errors"}}}
	problems, err := c.Check(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var errs, warnings []string
	for _, p := range problems {
		if p.Warning {
			warnings = append(warnings, p.Paths[0])
		} else {
			errs = append(errs, p.Paths[0])
		}
	}
	if want := []string{`functions["image"].image`, "release.gate.alarms"}; !slices.Equal(errs, want) {
		t.Errorf("the errors are at %q, want %q", errs, want)
	}
	want := []string{`functions["inside"].role_arn`, `functions["inside"].network`, `functions["inside"].kms_key_arn`, "access_log"}
	if !slices.Equal(warnings, want) {
		t.Errorf("the warnings are at %q, want %q", warnings, want)
	}
}

func TestAFunctionWithoutANetworkNeedsAHostThatCanTakeItAway(t *testing.T) {
	for isolation, want := range map[string]int{
		`{"enforced":["network namespace per instance"],"missing":["own user per instance: no"]}`:      0,
		`{"enforced":[],"missing":["network namespace per instance: this host allows no namespaces"]}`: 1,
	} {
		c := answering(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/host") {
				_, _ = w.Write([]byte(`{"isolation":` + isolation + `}`))
				return
			}
			_, _ = w.Write([]byte(`{"runtimes":["python3.13"]}`))
		})
		s := stack.Stack{Functions: map[string]stack.Function{"f": {Config: stack.Config{Runtime: "python3.13", Network: &stack.Network{Mode: stack.NetworkNone}}}}}
		problems, err := c.Check(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if len(problems) != want || want > 0 && (problems[0].Paths[0] != `functions["f"].network.mode` || !strings.Contains(problems[0].Message, "(this host allows no namespaces)")) {
			t.Errorf("with isolation %s the problems are %v", isolation, problems)
		}
	}
}

func TestAStackOfImagesNeedsNoInterpreter(t *testing.T) {
	c := answering(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the runtime is asked for %s", r.URL) })
	s := stack.Stack{Functions: map[string]stack.Function{"f": {Config: stack.Config{Image: "x"}}}}
	if problems, err := c.Check(t.Context(), s); err != nil || len(problems) != 1 {
		t.Errorf("Check returned %v, %v", problems, err)
	}
}
