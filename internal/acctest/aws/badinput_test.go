package aws

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// The secrets of the configurations. No output, log or state may have one of them.
var (
	accessKey     = "AKIARECOGNISABLE1234"
	secretKey     = "recognisable/Secret+Key/0123456789abcdef"
	sessionToken  = "recognisable-session-token-9f8e7d6c"
	secretOfStack = "recognisable-api-key-5a4b3c2d"
	secrets       = []string{secretKey, sessionToken, secretOfStack}
)

// An ordeal is a workspace whose applies are to fail.
type ordeal struct {
	*workspace
	log string
}

// suffer opens a workspace on a new account, whose provider has those secrets and keeps
// a log of everything.
func suffer(t testing.TB, names ...string) *ordeal {
	t.Helper()
	o := &ordeal{workspace: open(t, acctest.Moto, names...)}
	o.log = filepath.Join(o.Dir, "trace.log")
	o.Workspace.Workspace.Env = append(o.Workspace.Workspace.Env, "TF_LOG=TRACE", "TF_LOG_PATH="+o.log)
	o.put("provider.tf", o.provider("", ""))
	t.Cleanup(o.keepsSecrets)
	return o
}

// provider is a provider block, with an alias if it has a name, and further lines of aws
// in place of those that it has.
func (o *ordeal) provider(alias, lines string) string {
	block := "provider \"tidegate\" {\n  target = \"aws\"\n"
	if alias != "" {
		block += fmt.Sprintf("  alias = %q\n", alias)
	}
	block += "  aws = {\n" + lines + "\n"
	for _, setting := range [][2]string{
		{"region", acctest.Region}, {"access_key", accessKey}, {"secret_key", secretKey}, {"session_token", sessionToken}, {"endpoint", o.Proxy.URL},
	} {
		if !strings.Contains(lines, setting[0]+" = ") { // null says that it has none.
			block += fmt.Sprintf("    %s = %q\n", setting[0], setting[1])
		}
	}
	block += "  }\n}\n"
	if alias == "" {
		block = "terraform {\n  required_providers {\n    tidegate = { source = \"tidegate-io/tidegate\" }\n  }\n}\n" + block
	}
	return block
}

// stack is a stack of a function, with further lines of both.
func (o *ordeal) stack(name, lines, function string) string {
	return fmt.Sprintf(`
resource "tidegate_stack" %q {
  name = %q
  %s
  functions = {
    f = {
      source  = "${path.module}/code/resize"
      runtime = "python3.13"
      handler = "app.handler"
      %s
    }
  }
}
`, name, name, lines, function)
}

// fails runs a Terraform command that is to fail, and returns its errors by the address
// of the resource, each on one line. There is no panic among them.
func (o *ordeal) fails(command string, args ...string) map[string][]string {
	o.t.Helper()
	out, err := o.Workspace.Workspace.Run(o.t.Context(), command, args...)
	var failed *harness.CommandError
	if !errors.As(err, &failed) {
		o.t.Fatalf("terraform %s did not fail: %v\n%s", command, err, out)
	}
	for _, word := range []string{"panic", "goroutine", "Plugin did not respond", "bug in the provider", "crashed"} {
		if strings.Contains(out, word) {
			o.t.Errorf("terraform %s printed %q:\n%s", command, word, out)
		}
	}
	o.noSecrets("the output of "+command, out)
	return failures(out)
}

// at is the resource that an error is about, and what Terraform shows of its source.
var at = regexp.MustCompile(`with (tidegate_\w+\.[\w-]+(?:\["[\w-]+"\])?), on \S+ line \d+, in resource "\w+" "[\w-]+": \d+: (resource "\w+" "[\w-]+" \{ )?`)

// failures takes apart what Terraform printed: its errors by address, "" for those that
// have none.
func failures(out string) map[string][]string {
	all := map[string][]string{}
	for _, part := range strings.Split(out, "Error: ")[1:] {
		text, _, _ := strings.Cut(part, "Warning: ")
		text = strings.Join(strings.Fields(strings.ReplaceAll(text, "│", "")), " ")
		text = strings.TrimSuffix(strings.TrimSpace(text), " ╵")
		address := ""
		if m := at.FindStringSubmatch(text); m != nil {
			address, text = m[1], strings.Replace(text, m[0], "", 1)
		}
		all[address] = append(all[address], text)
	}
	return all
}

// A complaint is what an error has to say.
type complaint []string

// check wants one error, of one sentence about what failed and at most one about what
// becomes of the rest, which has all words.
func (c complaint) check(t testing.TB, errs []string) {
	t.Helper()
	if len(errs) != 1 {
		t.Errorf("there are %d errors, want one: %q", len(errs), errs)
		return
	}
	t.Log(errs[0])
	for _, w := range c {
		if !strings.Contains(errs[0], w) {
			t.Errorf("the error lacks %q: %s", w, errs[0])
		}
	}
	if !strings.HasSuffix(errs[0], ".") || strings.Contains(errs[0], "..") || strings.Contains(errs[0], "operation error") {
		t.Errorf("the error is no sentence: %s", errs[0])
	}
}

// noSecrets fails the test if a text has one.
func (o *ordeal) noSecrets(where, text string) {
	o.t.Helper()
	for _, secret := range secrets {
		if i := strings.Index(text, secret); i >= 0 {
			o.t.Errorf("%s has a secret: %s", where, text[max(0, i-200):min(len(text), i+100)])
		}
	}
}

// keepsSecrets looks for secrets in the log and in every state.
func (o *ordeal) keepsSecrets() {
	for _, pattern := range []string{"trace.log", "*.tfstate*"} {
		files, err := filepath.Glob(filepath.Join(o.Dir, pattern))
		if err != nil {
			o.t.Error(err)
		}
		if len(files) == 0 && pattern == "trace.log" {
			o.t.Error("Terraform kept no log")
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				o.t.Error(err)
			}
			o.noSecrets(filepath.Base(file), string(text))
		}
	}
}

// components of a stack, by the state.
func (o *ordeal) components(address string) map[string]any {
	o.t.Helper()
	return componentsIn(o.state(), address)
}

// componentsIn is the same of a state that was read already.
func componentsIn(state map[string]map[string]any, address string) map[string]any {
	is, _ := state[address]["components"].(map[string]any)
	return is
}
