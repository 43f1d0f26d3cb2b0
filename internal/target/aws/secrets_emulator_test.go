package aws

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// byHand changes the environment of the function behind Tidegate's back.
func (s *shop) byHand(edit func(variables map[string]string)) {
	s.t.Helper()
	now, err := s.lambda.GetFunctionConfiguration(s.t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: shopCreate})
	if err != nil {
		s.t.Fatal(err)
	}
	edit(now.Environment.Variables)
	if _, err := s.lambda.UpdateFunctionConfiguration(s.t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: shopCreate, Environment: &types.Environment{Variables: now.Environment.Variables},
	}); err != nil {
		s.t.Fatal(err)
	}
}

// variables of the function, or of a version.
func (s *shop) variables(qualifier string) map[string]string {
	s.t.Helper()
	now, err := s.lambda.GetFunctionConfiguration(s.t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: shopCreate, Qualifier: aws.String(qualifier)})
	if err != nil {
		s.t.Fatal(err)
	}
	if now.Environment == nil {
		return nil
	}
	return now.Environment.Variables
}

func TestSecretsAreInTheEnvironmentAndNeverInTheModel(t *testing.T) {
	s := openShop(t)
	const secret = "correct-horse-battery-staple"
	code := s.pack("one")
	with := func(version string, secrets map[string]string) stack.Stack {
		return s.stack(code, func(f *stack.Function) {
			f.Environment, f.SecretsVersion, f.Secrets = map[string]string{"PLAIN": "yes"}, version, secrets
		})
	}
	silent := func(d *stack.Deployment, when string) {
		t.Helper()
		if text, err := json.Marshal(d); err != nil || strings.Contains(string(text), "horse") {
			t.Errorf("%s the deployment tells the secret: %s, %v", when, text, err)
		}
	}
	silent(s.create(with("1", map[string]string{"PASSWORD": secret, "KEY": "k"})), "after the create")
	if got := s.variables("1"); got["PASSWORD"] != secret || got["PLAIN"] != "yes" {
		t.Errorf("version 1 has %v", got)
	}

	same := with("1", nil)
	same.Functions["create"] = func() stack.Function { f := same.Functions["create"]; f.Memory = 256; return f }()
	silent(s.update(same), "after a change of something else")
	if got := s.variables("2")["PASSWORD"]; got != secret {
		t.Errorf("version 2 has the password %q", got)
	}

	s.byHand(func(v map[string]string) { v["PASSWORD"] = "changed-horse" })
	if is := s.is(same, "function"); is != "the secret PASSWORD was changed" {
		t.Errorf("after a change of the secret: %q", is)
	}
	silent(s.read(same), "after a change of the secret")
	s.update(same)
	if got := s.variables("$LATEST")["PASSWORD"]; got != secret {
		t.Errorf("after the repair the password is %q", got)
	}

	s.byHand(func(v map[string]string) { delete(v, "KEY") })
	if is := s.is(same, "function"); is != "the secret KEY is missing" {
		t.Errorf("after the loss of a secret: %q", is)
	}
	s.update(same)

	s.byHand(func(v map[string]string) { delete(v, "TIDEGATE_SECRETS") })
	silent(s.read(same), "after the loss of the note")
	silent(s.read(stack.Stack{Name: "shop"}), "imported after the loss of the note")
	s.update(same)

	if d := s.update(with("2", map[string]string{"PASSWORD": "other-horse"})); d.Functions["create"].Version != 3 {
		t.Errorf("new secrets became version %d", d.Functions["create"].Version)
	}
	if got := s.variables("3"); got["PASSWORD"] != "other-horse" || got["KEY"] != "" {
		t.Errorf("version 3 has %v", got)
	}
	s.update(s.stack(code))
	if got := s.variables("$LATEST"); len(got) > 0 {
		t.Errorf("without secrets: %v", got)
	}
}

func TestSecretsThatAreLostHaveToBeSentAgain(t *testing.T) {
	s := openShop(t)
	want := s.stack(s.pack("one"), func(f *stack.Function) {
		f.SecretsVersion, f.Secrets = "1", map[string]string{"PASSWORD": "correct-horse"}
	})
	s.create(want)
	if _, err := s.lambda.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: shopCreate}); err != nil {
		t.Fatal(err)
	}
	silent := want.Functions["create"]
	silent.Secrets = nil
	_, err := s.tryUpdate(stack.Stack{Name: "shop", Functions: map[string]stack.Function{"create": silent}})
	if err == nil || !strings.Contains(err.Error(), "change secrets_version") {
		t.Errorf("without the secrets: %v", err)
	}
	s.update(want)
}
