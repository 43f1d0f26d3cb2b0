package provider

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

// A badInput is a stack that cannot be, and what Terraform says of it.
type badInput struct {
	// kind of the stack, "stack" if empty.
	kind string
	// lines of the stack beside its name and functions, and of its function f.
	stack, function string
	words           []string
	// planned tells that it takes files or the runtime to see it; Terraform plans only
	// what is valid.
	planned bool
}

var badInputs = map[string]badInput{
	"source-missing":  {function: `source = "nowhere"`, words: []string{`functions["f"].source`, `source "nowhere": does not exist`}, planned: true},
	"source-empty":    {function: `source = "empty"`, words: []string{`functions["f"].source`, `source "empty"`}, planned: true},
	"source-file":     {function: `source = "main.tf"`, words: []string{"neither a folder nor a zip"}, planned: true},
	"source-link":     {function: `source = "linked"`, words: []string{"secret", "a link that leaves the source"}, planned: true},
	"source-zip":      {function: `source = "climbs.zip"`, words: []string{"../evil.py", "climbs out"}, planned: true},
	"handler-missing": {function: `handler = "index.handler"`, words: []string{`functions["f"].handler`, "index.py"}, planned: true},
	"layer-missing":   {function: `layers = ["nowhere"]`, words: []string{`functions["f"].layers[0]`, "does not exist"}, planned: true},
	"build-fails":     {function: `build = { command = "echo it broke; exit 3" }`, words: []string{`functions["f"].build`, "exit status 3", "it broke"}, planned: true},
	"build-nothing":   {function: `build = { command = "true" }`, words: []string{`functions["f"].build`, "$TIDEGATE_OUTPUT"}, planned: true},

	"runtime-not-here":  {function: `runtime = "python3.1"`, words: []string{`functions["f"].runtime`, "python3.1 is not available", "which has:"}, planned: true},
	"runtime-unknown":   {function: `runtime = "cobol85"`, words: []string{`functions["f"].runtime`, "cobol85"}},
	"code-none":         {function: "source = null", words: []string{`functions["f"].source`, "a source or an image, and this one has neither"}},
	"code-both":         {function: `image = "IMAGE"`, words: []string{`functions["f"].image`, "a source or an image, and this one has both"}},
	"image-runtime":     {function: "source = null\nimage = \"IMAGE\"", words: []string{`functions["f"].runtime`, "a runtime of its own"}},
	"image-build":       {function: "source = null\nruntime = null\nimage = \"IMAGE\"\nbuild = { command = \"make\" }", words: []string{`functions["f"].build`, "go with a source"}},
	"image-elsewhere":   {function: "source = null\nruntime = null\nimage = \"python:3.13\"", words: []string{`functions["f"].image`, "is not an image in ECR"}},
	"image-open":        {function: "source = null\nruntime = null\nimage = \"IMAGE\"", words: []string{`functions["f"].image`, "the open runtime runs packages only"}, planned: true},
	"runtime-missing":   {function: "runtime = null", words: []string{`functions["f"].runtime`, "has a runtime, such as"}},
	"role":              {function: `role_arn = "shop"`, words: []string{`functions["f"].role_arn`, "is not the ARN of a role"}},
	"role-made":         {function: `role_arn = "arn:aws:iam::123456789012:role/tidegate/shop/f"`, words: []string{`functions["f"].role_arn`, "is a role that Tidegate made"}},
	"role-permissions":  {function: "role_arn = \"arn:aws:iam::123456789012:role/shop\"\npermissions = [{ actions = [\"*\"], resources = [\"*\"] }]", words: []string{`functions["f"].permissions`, "one of its own"}},
	"network-subnets":   {function: `network = { subnet_ids = [], security_group_ids = ["sg-1"] }`, words: []string{`functions["f"].network.subnet_ids`, "1 to 16"}},
	"network-null":      {function: `network = { subnet_ids = [null], security_group_ids = ["sg-1"] }`, words: []string{`functions["f"].network.subnet_ids is null`}},
	"network-mode":      {function: `network = { mode = "host" }`, words: []string{`functions["f"].network.mode`, "is no mode of a network"}},
	"network-both":      {function: `network = { mode = "none", subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }`, words: []string{`functions["f"].network.mode`, "has nothing else"}},
	"key":               {function: `kms_key_arn = "alias/shop"`, words: []string{`functions["f"].kms_key_arn`, "is not the ARN of a key"}},
	"memory":            {function: "memory = 64", words: []string{`functions["f"].memory`, "128 to 10240"}},
	"memory-fraction":   {function: "memory = 128.5", words: []string{`functions["f"].memory is 128.5, which is not a whole number`}},
	"memory-huge":       {function: "memory = 1e30", words: []string{`functions["f"].memory is 1e+30, which is too large a number`}},
	"timeout":           {function: `timeout = "20m"`, words: []string{`functions["f"].timeout`, "20m"}},
	"duration":          {function: `timeout = "soon"`, words: []string{`functions["f"].timeout: "soon" is not a duration such as "30s"`}},
	"schedule-start":    {kind: "schedule", stack: `schedules = { s = { function = "f", expression = "rate(1 day)", start = "soon" } }`, words: []string{`schedules["s"].start: "soon" is not a time such as`}},
	"environment-large": {function: `environment = { BIG = join("", [for i in range(500) : "0123456789"]) }`, words: []string{`functions["f"].environment`, "4096"}},
	"environment-null":  {function: `environment = { EMPTY = null }`, words: []string{`functions["f"].environment["EMPTY"] is null`}},
	"environment-taken": {function: `environment = { TIDEGATE_TOKEN = "x" }`, words: []string{"TIDEGATE_TOKEN", "set by the runtime"}},
	"secrets-version":   {function: `secrets_wo = { KEY = "b" }`, words: []string{"secrets_version"}},
	"Name":              {words: []string{`"Name"`, "lower-case"}},

	"release-strategy":   {stack: `release = { strategy = "slow" }`, words: []string{"release.strategy", `"slow"`}},
	"release-weight":     {stack: `release = { strategy = "canary", weight = 100 }`, words: []string{"release.weight", "1 to 99"}},
	"release-nothing":    {stack: `release = { strategy = "canary", weight = 0 }`, words: []string{"release.weight", "no step of 0 percent"}},
	"release-no-time":    {stack: `release = { strategy = "canary", interval = "0s" }`, words: []string{`release.interval: "0s" says nothing`}},
	"release-no-hook":    {stack: `release = { strategy = "canary", after = "" }`, words: []string{`release.after: "" says nothing`}},
	"release-weightless": {stack: `release = { strategy = "blue_green", weight = 10 }`, words: []string{"release.weight", "has no weight"}},
	"release-named":      {stack: `release = { strategy = "Canary10Percent5Minutes", weight = 10 }`, words: []string{"release.weight", "names its weight itself"}},
	"release-fraction":   {stack: `release = { strategy = "canary", weight = 9.5 }`, words: []string{"release.weight is 9.5, which is not a whole number"}},
	"release-interval":   {stack: `release = { strategy = "canary", interval = "500ms" }`, words: []string{"release.interval", "500ms"}},
	"release-duration":   {stack: `release = { strategy = "canary", interval = "soon" }`, words: []string{`release.interval: "soon" is not a duration`}},
	"release-gate":       {stack: `release = { strategy = "canary", gate = {} }`, words: []string{"release.gate", "no condition"}},
	"release-at-once":    {stack: `release = { gate = { max_error_rate = 0.1 } }`, words: []string{"release.gate", "no time in which a gate could be watched"}},
	"release-errors":     {stack: `release = { strategy = "canary", gate = { max_error_rate = 1.5 } }`, words: []string{"release.gate.max_error_rate", "from 0 to 1"}},
	"release-hook":       {stack: `release = { strategy = "canary", before = "smoke" }`, words: []string{"release.before", `no function "smoke" in this stack`}},
	"release-failure":    {stack: `release = { strategy = "canary", on_failure = "cry" }`, words: []string{"release.on_failure", `"cry"`}},
	"release-timeout":    {stack: "timeouts = { update = \"5m\" }\nrelease = { strategy = \"linear\" }", words: []string{"timeouts.update", "an update may take 5m, and the release (linear, 10 % more every 1m) takes at least 9m"}},
	"release-alarms":     {stack: `release = { strategy = "canary", gate = { alarms = ["errors"] } }`, words: []string{"release.gate.alarms", "the open runtime has none"}, planned: true},

	"queue-consumer":    {kind: "queue", stack: `consumer = { function = "nobody" }`, words: []string{"consumer.function", `no function "nobody"`}},
	"queue-visibility":  {kind: "queue", stack: `consumer = { function = "f" }`, function: `timeout = "1m"`, words: []string{"visibility_timeout", "30s", "6m"}},
	"queue-filter":      {kind: "queue", stack: `consumer = { function = "f", filters = ["{"] }`, words: []string{"consumer.filters"}},
	"queue-deduplicate": {kind: "queue", stack: `content_based_deduplication = true`, words: []string{"content_based_deduplication", "FIFO"}},
	"api-duplicate":     {kind: "http_api", stack: `routes = { "GET /{a}" = { function = "f" }, "GET /{b}" = { function = "f" } }`, words: []string{`"GET /{a}"`, `"GET /{b}"`}},
	"api-route":         {kind: "http_api", stack: `routes = { "FETCH /" = { function = "f" } }`, words: []string{`routes["FETCH /"]`}},
	"api-log":           {kind: "http_api", stack: "routes = { \"$default\" = { function = \"f\" } }\naccess_log = { format = \"x\" }", words: []string{"access_log.format", "$context.requestId"}},
	"api-empty":         {kind: "http_api", stack: `routes = {}`, words: []string{"routes"}},
	"schedule-cron":     {kind: "schedule", stack: `schedules = { s = { function = "f", expression = "cron(0 2 * * *)" } }`, words: []string{`schedules["s"].expression`}},
	"schedule-zone":     {kind: "schedule", stack: `schedules = { s = { function = "f", expression = "rate(1 day)", timezone = "Europe/Bielefeld" } }`, words: []string{`schedules["s"].timezone`, "Europe/Bielefeld"}},
	"schedule-input":    {kind: "schedule", stack: `schedules = { s = { function = "f", expression = "rate(1 day)", input = "{" } }`, words: []string{"input"}},
}

// config is the stack; the function has what it needs unless lines say otherwise.
func (b badInput) config(label, name string) string {
	kind, function := b.kind, b.function
	if kind == "" {
		kind = "stack"
	}
	for attribute, standard := range map[string]string{"source": "good", "runtime": "PYTHON", "handler": "app.handler"} {
		if !strings.Contains(function, attribute+" = ") { // null says that it has none.
			function += fmt.Sprintf("\n      %s = %q", attribute, standard)
		}
	}
	function = strings.ReplaceAll(function, "IMAGE", someImage)
	return fmt.Sprintf(`
resource "tidegate_%s" %q {
  name = %q
  %s
  functions = {
    f = {
      %s
    }
  }
}
`, kind, label, name, b.stack, function)
}

// Each gives one error, which names the attribute, and nothing is changed.
func TestBadInputIsRefused(t *testing.T) {
	l := newLab(t, map[string]string{
		"good/app.py": handler("good"),
		"secret":      "a file that is none of the function's business",
	})
	if err := os.MkdirAll(filepath.Join(l.Dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	l.write("linked/app.py", handler("linked"))
	if err := os.Symlink("../secret", filepath.Join(l.Dir, "linked", "secret")); err != nil {
		t.Fatal(err)
	}
	writeZip(t, filepath.Join(l.Dir, "climbs.zip"), "../evil.py")

	for _, planned := range []bool{false, true} {
		var config strings.Builder
		for name, b := range badInputs {
			if b.planned == planned {
				config.WriteString(b.config(name, name))
			}
		}
		l.write("main.tf", config.String())
		errs := errorsByStack(l.fails("apply", "-auto-approve"))
		for name, b := range badInputs {
			if b.planned == planned {
				t.Run(name, func(t *testing.T) { b.check(t, errs[name]) })
			}
			delete(errs, name)
		}
		if len(errs) > 0 || len(l.runtimeStacks()) > 0 {
			t.Errorf("there are further errors %q, and the stacks %q", errs, l.runtimeStacks())
		}
	}
}

// errorsByStack finds the errors that Terraform printed, by the label of the
// resource.
func errorsByStack(out string) map[string][]string {
	errs := map[string][]string{}
	for _, part := range strings.Split(out, "Error: ")[1:] {
		_, rest, _ := strings.Cut(part, ` in resource "tidegate_`)
		_, rest, _ = strings.Cut(rest, `" "`)
		label, _, _ := strings.Cut(rest, `"`)
		errs[label] = append(errs[label], part)
	}
	return errs
}

func (b badInput) check(t *testing.T, errs []string) {
	if len(errs) != 1 {
		t.Fatalf("there are %d errors, want one: %q", len(errs), errs)
	}
	for _, w := range b.words {
		if !strings.Contains(errs[0], w) {
			t.Errorf("the error lacks %q: %s", w, errs[0])
		}
	}
}

func writeZip(t *testing.T, path string, names ...string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for _, name := range names {
		if _, err := z.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAShortVisibilityTimeoutIsAWarning(t *testing.T) {
	b := badInput{kind: "queue", stack: `consumer = { function = "f" }`, function: `timeout = "10s"`}
	l := newLab(t, map[string]string{"main.tf": b.config("orders", "orders"), "good/app.py": handler("good")})
	_, out := l.Plan()
	if out = oneLine(out); !strings.Contains(out, `Warning: Questionable stack "orders"`) || !strings.Contains(out, "six times as long, 1m") {
		t.Errorf("the plan does not warn:\n%s", out)
	}
}

func TestAProviderThatCannotReachItsRuntimeSaysWhy(t *testing.T) {
	l := newLab(t, map[string]string{"good/app.py": handler("good")})
	stackConfig := badInput{}.config("shop", "shop")
	nobody := fmt.Sprintf("http://127.0.0.1:%d", acctest.FreePort(t))
	for name, c := range map[string]struct {
		provider string
		words    []string
	}{
		"half a key":     {"target = \"aws\"\n  aws = { access_key = \"AKIA\" }", []string{"aws.access_key", "give both, or neither"}},
		"another target": {`target = "moon"`, []string{`The target is "moon"; it can be "open" or "aws"`}},
		"no URL":         {`open = { endpoint = "127.0.0.1:7420" }`, []string{`"127.0.0.1:7420"; it must be a URL`}},
		"nobody there":   {fmt.Sprintf("open = { endpoint = %q }", nobody), []string{"Cannot check stack", nobody, "connection refused", "`tidegate serve`"}},
		"a wrong token":  {`open = { token = "hush-hush" }`, []string{"refused the token", "TIDEGATE_TOKEN"}},
	} {
		t.Run(name, func(t *testing.T) {
			l.write("main.tf", "provider \"tidegate\" {\n  "+c.provider+"\n}\n"+stackConfig)
			out := l.fails("plan")
			for _, w := range append(c.words, "Error:") {
				if !strings.Contains(out, w) {
					t.Errorf("the output lacks %q:\n%s", w, out)
				}
			}
			if strings.Count(out, "Error:") != 1 || strings.Contains(out, "hush-hush") {
				t.Errorf("the output has more than one error, or the token:\n%s", out)
			}
		})
	}
}
