package provider

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

func TestMain(m *testing.M) { acctest.Main(m) }

// source makes a folder of files: name -> content.
func source(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		writeFile(t, filepath.Join(dir, name), content)
	}
	return dir
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// shop is a stack of two functions, "a" and "b", each with code of its own.
type shop struct{ a, b string }

func newShop(t *testing.T) shop {
	return shop{
		a: source(t, map[string]string{"app.py": "a"}),
		b: source(t, map[string]string{"app.py": "b"}),
	}
}

// config of the stack, with further lines for the stack and for function a.
func (s shop) config(stackLines, functionLines string) string {
	return `
resource "tidegate_stack" "shop" {
  name = "shop"
  ` + stackLines + `
  functions = {
    a = {
      source  = "` + s.a + `"
      runtime = "python3.13"
      handler = "app.handler"
      ` + functionLines + `
    }
    b = {
      source  = "` + s.b + `"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }
}`
}

const theShop = "tidegate_stack.shop"

func ofA(attribute string) tfjsonpath.Path {
	return tfjsonpath.New("functions").AtMapKey("a").AtMapKey(attribute)
}

func ofB(attribute string) tfjsonpath.Path {
	return tfjsonpath.New("functions").AtMapKey("b").AtMapKey(attribute)
}

func planned(checks ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: checks}
}

var unchanged = planned(plancheck.ExpectEmptyPlan())

func run(t *testing.T, f *fakeTarget, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: f.factories(), Steps: steps})
}

func TestThePlanOfANewStackKnowsWhatWillBeReleased(t *testing.T) {
	s := newShop(t)
	run(t, &fakeTarget{}, resource.TestStep{
		Config: s.config("", ""),
		ConfigPlanChecks: planned(
			plancheck.ExpectResourceAction(theShop, plancheck.ResourceActionCreate),
			plancheck.ExpectKnownValue(theShop, tfjsonpath.New("release_id"), knownvalue.StringRegexp(regexp.MustCompile(`^r-[0-9a-f]{12}$`))),
			plancheck.ExpectKnownValue(theShop, ofA("code_sha256"), knownvalue.StringRegexp(regexp.MustCompile(`^[A-Za-z0-9+/]{43}=$`))),
			plancheck.ExpectKnownValue(theShop, ofA("code_manifest"), knownvalue.MapSizeExact(1)),
			plancheck.ExpectKnownValue(theShop, tfjsonpath.New("components"), knownvalue.MapExact(map[string]knownvalue.Check{
				"functions/a/alias": knownvalue.StringExact("ready"),
				"functions/b/alias": knownvalue.StringExact("ready"),
			})),
			plancheck.ExpectUnknownValue(theShop, ofA("version")),
		),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue(theShop, tfjsonpath.New("id"), knownvalue.StringExact("shop")),
			statecheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(1)),
			statecheck.ExpectKnownValue(theShop, ofA("routing"), knownvalue.MapExact(map[string]knownvalue.Check{"1": knownvalue.Int64Exact(100)})),
			statecheck.ExpectKnownValue(theShop, ofA("arn"), knownvalue.StringExact("arn:aws:lambda:open-1:000000000000:function:shop-a")),
			statecheck.ExpectKnownValue(theShop, ofA("log_group"), knownvalue.StringExact("/aws/lambda/shop-a")),
			statecheck.ExpectKnownValue(theShop, ofA("function_url"), knownvalue.Null()),
		},
	})
}

func TestAChangeOfOneFunctionPublishesThatOneOnly(t *testing.T) {
	s := newShop(t)
	f := &fakeTarget{}
	run(
		t, f,
		resource.TestStep{Config: s.config("", "")},
		resource.TestStep{
			PreConfig: func() { writeFile(t, s.a+"/app.py", "changed") },
			Config:    s.config("", ""),
			ConfigPlanChecks: planned(
				plancheck.ExpectResourceAction(theShop, plancheck.ResourceActionUpdate),
				plancheck.ExpectUnknownValue(theShop, ofA("version")),
				plancheck.ExpectKnownValue(theShop, ofB("version"), knownvalue.Int64Exact(1)),
			),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(2)),
				statecheck.ExpectKnownValue(theShop, ofB("version"), knownvalue.Int64Exact(1)),
			},
		},
		resource.TestStep{
			PreConfig: func() { writeFile(t, s.a+"/app.py", "a") },
			Config:    s.config("", ""),
			// It was version 1 before and is again.
			ConfigPlanChecks: planned(plancheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(1))),
		},
	)
}

func TestWhatIsSpelledInAnotherWayIsNoChange(t *testing.T) {
	s := newShop(t)
	run(
		t, &fakeTarget{},
		resource.TestStep{Config: s.config(`tags = { a = "1", b = "2" }`, `
			timeout     = "60s"
			environment = { XX = "1", YY = "2" }
			permissions = []
			url         = { cors = { allow_origins = ["*"], max_age = "300s" } }`)},
		resource.TestStep{Config: s.config(`
			tags     = { b = "2", a = "1" }
			release  = { strategy = "all_at_once" }`, `
			timeout           = "1m"
			environment       = { YY = "2", XX = "1" }
			permissions       = []
			memory            = 128
			ephemeral_storage = 512
			tracing           = "pass_through"
			keep_versions     = 10
			async             = { retries = 2 }
			concurrency       = {}
			logs              = { retention_days = 0 }
			url               = { auth = "iam", cors = { allow_origins = ["*"], max_age = "5m", allow_credentials = false } }`), ConfigPlanChecks: unchanged},
	)
}

func TestATouchIsNoChange(t *testing.T) {
	s := newShop(t)
	run(
		t, &fakeTarget{},
		resource.TestStep{Config: s.config("", "")},
		resource.TestStep{
			PreConfig: func() {
				later := time.Now().Add(time.Hour)
				if err := os.Chtimes(s.a+"/app.py", later, later); err != nil {
					t.Error(err)
				}
				if err := os.Chmod(s.b+"/app.py", 0o600); err != nil {
					t.Error(err)
				}
			},
			Config:           s.config("", ""),
			ConfigPlanChecks: unchanged,
		},
	)
}

func TestAnUnknownVariableLeavesTheCodeKnown(t *testing.T) {
	s := newShop(t)
	config := `
resource "terraform_data" "table" { input = "orders" }
` + s.config(`tags = { table = terraform_data.table.output }`, `environment = { TABLE = terraform_data.table.output }`)
	run(
		t, &fakeTarget{},
		resource.TestStep{
			Config: config,
			ConfigPlanChecks: planned(
				plancheck.ExpectKnownValue(theShop, ofA("code_sha256"), knownvalue.NotNull()),
				plancheck.ExpectUnknownValue(theShop, tfjsonpath.New("release_id")),
				plancheck.ExpectKnownValue(theShop, tfjsonpath.New("components"), knownvalue.MapSizeExact(2)),
			),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(theShop, tfjsonpath.New("release_id"), knownvalue.NotNull()),
			},
		},
		resource.TestStep{Config: config, ConfigPlanChecks: unchanged},
	)
}

// Nothing of a stack need be known while planning.
func TestAnythingMayBeUnknown(t *testing.T) {
	s := newShop(t)
	const pending = "\nresource \"terraform_data\" \"later\" { input = %s }\n"
	function := `{ source = "` + s.a + `", runtime = "python3.13", handler = "app.handler" }`
	for name, c := range map[string]struct{ input, config string }{
		"the name":      {`"shop"`, `name = LATER, functions = { a = ` + function + ` }`},
		"the functions": {`{ a = ` + function + ` }`, `name = "shop", functions = LATER`},
		"the source":    {`"` + s.a + `"`, `name = "shop", functions = { a = { source = LATER, runtime = "python3.13", handler = "app.handler" } }`},
		"the runtime":   {`"python3.13"`, `name = "shop", functions = { a = { source = "` + s.a + `", runtime = LATER, handler = "app.handler" } }`},
		"the handler":   {`"app.handler"`, `name = "shop", functions = { a = { source = "` + s.a + `", runtime = "python3.13", handler = LATER } }`},
		"a number":      {`256`, `name = "shop", functions = { a = { source = "` + s.a + `", runtime = "python3.13", handler = "app.handler", memory = LATER } }`},
		"a duration":    {`"60s"`, `name = "shop", functions = { a = { source = "` + s.a + `", runtime = "python3.13", handler = "app.handler", timeout = LATER } }`},
		"an object":     {`{ retries = 1, max_age = "1h", on_failure = null, on_success = null }`, `name = "shop", functions = { a = { source = "` + s.a + `", runtime = "python3.13", handler = "app.handler", async = LATER } }`},
		"the url":       {`{ auth = "none", cors = null }`, `name = "shop", functions = { a = { source = "` + s.a + `", runtime = "python3.13", handler = "app.handler", url = LATER } }`},
		"the build":     {`{ command = "cp app.py $TIDEGATE_OUTPUT", environment = {} }`, `name = "shop", functions = { a = { source = "` + s.a + `", runtime = "python3.13", handler = "app.handler", build = LATER } }`},
		"the image":     {`"` + someImage + `"`, `name = "shop", functions = { a = { image = LATER } }`},
		"the role":      {`"` + someRole + `"`, `name = "shop", functions = { a = { source = "` + s.a + `", runtime = "python3.13", handler = "app.handler", role_arn = LATER } }`},
		"the network":   {`{ subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"], ipv6 = false }`, `name = "shop", functions = { a = { source = "` + s.a + `", runtime = "python3.13", handler = "app.handler", network = LATER } }`},
		"a subnet":      {`"subnet-1"`, `name = "shop", functions = { a = { source = "` + s.a + `", runtime = "python3.13", handler = "app.handler", network = { subnet_ids = [LATER], security_group_ids = ["sg-1"] } } }`},
		"the key":       {`"arn:aws:kms:eu-central-1:123456789012:key/1"`, `name = "shop", functions = { a = { source = "` + s.a + `", runtime = "python3.13", handler = "app.handler", environment = { AA = "1" }, kms_key_arn = LATER } }`},
		"the secrets":   {`{ PASSWORD = "hunter2" }`, `name = "shop", functions = { a = { source = "` + s.a + `", runtime = "python3.13", handler = "app.handler", secrets_wo = LATER, secrets_version = "1" } }`},
		"the tags":      {`{ team = "shop" }`, `name = "shop", tags = LATER, functions = { a = ` + function + ` }`},
	} {
		t.Run(name, func(t *testing.T) {
			body := strings.ReplaceAll(strings.ReplaceAll(c.config, "LATER", "terraform_data.later.output"), ", functions", "\n  functions")
			body = strings.ReplaceAll(body, ", tags", "\n  tags")
			config := strings.ReplaceAll(pending, "%s", c.input) + "resource \"tidegate_stack\" \"shop\" {\n  " + body + "\n}"
			run(
				t, &fakeTarget{},
				resource.TestStep{
					Config:            config,
					ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(1))},
				},
				resource.TestStep{Config: config, ConfigPlanChecks: unchanged},
			)
		})
	}
}

func TestSecretsTravelWithTheirVersionAndAreKeptNowhere(t *testing.T) {
	s := newShop(t)
	f := &fakeTarget{}
	secret := func(value, version string) string {
		return `secrets_wo = { PASSWORD = "` + value + `" }
			secrets_version = "` + version + `"`
	}
	wantSent := func(want string) resource.TestCheckFunc {
		return func(*terraformState) error {
			if got := f.lastSent(t).Stack.Functions["a"].Secrets["PASSWORD"]; got != want {
				t.Errorf("the secret that was sent is %q, want %q", got, want)
			}
			return nil
		}
	}
	run(
		t, f,
		resource.TestStep{
			Config:            s.config("", secret("hunter2", "1")),
			Check:             wantSent("hunter2"),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(theShop, ofA("secrets_wo"), knownvalue.Null())},
		},
		resource.TestStep{Config: s.config("", secret("ignored", "1")), ConfigPlanChecks: unchanged},
		resource.TestStep{Config: s.config("", secret("ignored", "1")+"\nmemory = 256"), Check: wantSent("")},
		resource.TestStep{Config: s.config("", secret("hunter3", "2")), Check: wantSent("hunter3")},
	)
}

func TestAnotherNameIsAnotherStack(t *testing.T) {
	s := newShop(t)
	f := &fakeTarget{}
	run(
		t, f,
		resource.TestStep{Config: s.config("", "")},
		resource.TestStep{
			Config:           strings.Replace(s.config("", ""), `"shop"`+"\n", `"store"`+"\n", 1),
			ConfigPlanChecks: planned(plancheck.ExpectResourceAction(theShop, plancheck.ResourceActionDestroyBeforeCreate)),
			Check: func(*terraformState) error {
				if len(f.stacks) != 1 || f.stacks["store"] == nil {
					t.Errorf("the stacks are %v", f)
				}
				return nil
			},
		},
	)
}

func TestAFIFOQueueIsAnotherQueue(t *testing.T) {
	s := newShop(t)
	config := func(fifo string) string {
		return strings.Replace(s.config(fifo, ""), `"tidegate_stack"`, `"tidegate_queue"`, 1)
	}
	run(
		t, &fakeTarget{},
		resource.TestStep{Config: config("")},
		resource.TestStep{Config: config("fifo = false"), ConfigPlanChecks: unchanged},
		resource.TestStep{
			Config:           config("fifo = true"),
			ConfigPlanChecks: planned(plancheck.ExpectResourceAction("tidegate_queue.shop", plancheck.ResourceActionDestroyBeforeCreate)),
		},
	)
}

func TestAddressesComeAndGoWithWhatTheyAreOf(t *testing.T) {
	s := newShop(t)
	config := func(stackLines, functionLines string) string {
		return strings.Replace(s.config(stackLines, functionLines), `"tidegate_stack"`, `"tidegate_queue"`, 1)
	}
	const q = "tidegate_queue.shop"
	deadLetterARN := tfjsonpath.New("dead_letter_arn")
	run(
		t, &fakeTarget{},
		resource.TestStep{Config: config("", ""), ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue(q, deadLetterARN, knownvalue.Null()),
			statecheck.ExpectKnownValue(q, tfjsonpath.New("url"), knownvalue.StringExact("http://fake/queues/shop")),
		}},
		resource.TestStep{
			Config: config(`dead_letter = { max_receives = 3 }`, "url = {}"),
			ConfigPlanChecks: planned(
				plancheck.ExpectUnknownValue(q, deadLetterARN),
				plancheck.ExpectUnknownValue(q, ofA("function_url")),
				plancheck.ExpectKnownValue(q, tfjsonpath.New("url"), knownvalue.NotNull()),
				plancheck.ExpectKnownValue(q, ofA("version"), knownvalue.Int64Exact(1)),
			),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(q, deadLetterARN, knownvalue.StringExact("arn:aws:sqs:open-1:000000000000:shop-dead-letters")),
				statecheck.ExpectKnownValue(q, ofA("function_url"), knownvalue.StringExact("http://fake/functions/shop/a")),
			},
		},
		resource.TestStep{Config: config("", ""), ConfigPlanChecks: planned(
			plancheck.ExpectKnownValue(q, deadLetterARN, knownvalue.Null()),
			plancheck.ExpectKnownValue(q, ofA("function_url"), knownvalue.Null()),
		)},
	)
}

func TestACreateThatMadeAllAndThenFailsIsNotMadeAnew(t *testing.T) {
	s := newShop(t)
	f := &fakeTarget{fail: errors.New("the answer got lost")}
	run(
		t, f,
		resource.TestStep{Config: s.config("", "")},
		resource.TestStep{Config: s.config("", ""), ConfigPlanChecks: unchanged},
		resource.TestStep{
			Config:           s.config("", "memory = 256"),
			ConfigPlanChecks: planned(plancheck.ExpectResourceAction(theShop, plancheck.ResourceActionUpdate)),
		},
	)
}

func TestAnUpdateThatFailsIsOfferedAgain(t *testing.T) {
	s := newShop(t)
	f := &fakeTarget{}
	run(
		t, f,
		resource.TestStep{Config: s.config("", "")},
		resource.TestStep{
			PreConfig:   func() { f.fail = errors.New("the disk is on fire") },
			Config:      s.config("", "memory = 256"),
			ExpectError: regexp.MustCompile(`Cannot change stack "shop"\n[^E]*The disk is on fire\.`),
		},
		resource.TestStep{Config: s.config("", "memory = 256")},
		resource.TestStep{Config: s.config("", "memory = 256"), ConfigPlanChecks: unchanged},
	)
}

func TestAStackThatChangedSinceThePlanIsLeftAlone(t *testing.T) {
	s := newShop(t)
	f := &conflictingTarget{}
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: f.factories(), Steps: []resource.TestStep{
		{Config: s.config("", "")},
		{
			PreConfig: func() {
				f.meddle = f.behind(t, "shop", func(d *stack.Deployment) { d.Stack.Tags = map[string]string{"by": "somebody"} })
			},
			Config:      s.config("", "memory = 256"),
			ExpectError: regexp.MustCompile(`changed by\s+somebody\s+else\s+since\s+it\s+was\s+read;\s+nothing\s+was\s+changed\s+now:\s+plan\s+again`),
		},
	}})
}

// conflictingTarget lets somebody else change the stack just before an update.
type conflictingTarget struct {
	fakeTarget
	meddle func()
}

func (f *conflictingTarget) factories() providerFactories { return factoriesOf(f) }

func (f *conflictingTarget) Update(ctx testContext, d target.Deploy) (*stack.Deployment, error) {
	if f.meddle != nil {
		f.meddle()
		f.meddle = nil
	}
	return f.fakeTarget.Update(ctx, d)
}

func TestAStackOfAnotherConfigurationIsNotTaken(t *testing.T) {
	s := newShop(t)
	f := &fakeTarget{}
	run(
		t, f,
		resource.TestStep{Config: s.config("", "")},
		resource.TestStep{
			Config:      s.config("", "") + strings.Replace(s.config("", ""), `"tidegate_stack" "shop"`, `"tidegate_stack" "other"`, 1),
			ExpectError: regexp.MustCompile(`terraform\s+import\s+tidegate_stack\.<label>\s+shop`),
		},
	)
}

func TestTimeoutsHold(t *testing.T) {
	s := newShop(t)
	run(t, &fakeTarget{},
		resource.TestStep{Config: s.config(`timeouts = { create = "1h", read = "1h", update = "1h", delete = "1h" }`, "")},
		resource.TestStep{
			Config:      s.config(`timeouts = { update = "soon" }`, "memory = 256"),
			ExpectError: regexp.MustCompile(`soon`),
		},
		resource.TestStep{Config: s.config("", ""), ConfigPlanChecks: planned(plancheck.ExpectResourceAction(theShop, plancheck.ResourceActionUpdate))},
	)
}
