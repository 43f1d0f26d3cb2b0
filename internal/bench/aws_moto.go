package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// lambdaRate is how many calls a second awswire's LambdaQuotas lets through.
const lambdaRate = 15

// A moto is an emulator of AWS, behind a proxy that counts the calls and corrects the
// answers that AWS would not give.
type moto struct {
	emulator *harness.Emulator
	proxy    *awswire.Proxy
}

// moto starts an emulator with files of its own.
func (b bench) moto(ctx context.Context, name string) (*moto, error) {
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	environment, err := harness.EmulatorEnvironment(ctx)
	if err != nil {
		return nil, err
	}
	models, err := awswire.OpenModels(environment)
	if err != nil {
		return nil, err
	}
	emulator, err := harness.StartEmulator(ctx, harness.Moto, dir)
	if err != nil {
		return nil, err
	}
	m := &moto{emulator: emulator}
	m.proxy, err = awswire.Start(awswire.Options{Backend: emulator.URL, Models: models, Correct: acctest.Corrections(harness.Moto)})
	if err != nil {
		_ = emulator.Kill()
		return nil, err
	}
	return m, nil
}

// stop ends the emulator, which nobody will miss.
func (m *moto) stop() {
	_ = m.proxy.Close()
	_ = m.emulator.Kill()
}

// env has both providers talk to the emulator.
func (m *moto) env() []string {
	return []string{
		"TIDEGATE_TARGET=aws", "AWS_ENDPOINT_URL=" + m.proxy.URL, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"TF_VAR_endpoint=" + m.proxy.URL,
	}
}

// cost measures one Terraform command against the emulator.
func (m *moto) cost(ctx context.Context, w *harness.Workspace, args ...string) (c cost, err error) {
	m.proxy.Forget()
	if c.took, c.memory, err = timed(w.Command(ctx, args...), providerProcess); err != nil {
		return cost{}, err
	}
	c.calls = map[string]int{}
	for _, r := range m.proxy.Requests() {
		c.calls[r.Call()]++
	}
	return c, nil
}

// limited counts the calls that Lambda's quota of lambdaRate let through.
func (m *moto) limited() int {
	return len(slices.DeleteFunc(m.proxy.Matching("lambda:*"), func(r *awswire.Request) bool {
		return r.Operation == "GetFunction" || r.Operation == "GetPolicy" || r.Status == http.StatusTooManyRequests
	}))
}

// check returns an error if AWS itself would have refused a call.
func (m *moto) check() error {
	if problems := m.proxy.Problems(); len(problems) > 0 {
		return fmt.Errorf("AWS would refuse %s", problems[0])
	}
	return nil
}
