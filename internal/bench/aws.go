package main

import (
	"archive/zip"
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// queueStacks is how many stacks of a queue, its dead letters and a function
// queuesOnAWS measures.
const queueStacks = 10

// What hashicorp/aws 5.100.0 took for them on a machine of two cores, where it is not
// at hand to be measured.
const (
	knownApply = 112 * time.Second
	knownPlan  = 6100 * time.Millisecond
)

// hashicorpQueues is the same stacks as queueConfig, put together from resources of
// hashicorp/aws.
//
//go:embed hashicorp_queues.tf
var hashicorpQueues string

// queuesOnAWS measures ten queue stacks on an emulator of AWS, beside the provider of
// hashicorp/aws, if the machine has it, on another such emulator.
func (b bench) queuesOnAWS(ctx context.Context) ([]row, error) {
	apply := row{what: fmt.Sprintf("apply of %d queue stacks on AWS (moto)", queueStacks), fasterBy: 15, memoryAtMost: 120 << 20}
	plan := row{what: "empty plan of them", fasterBy: 5, memoryAtMost: 120 << 20}
	var err error
	if apply.beside, apply.base, plan.base, err = b.hashicorp(ctx); err != nil {
		return nil, err
	}
	plan.beside = apply.beside

	emulator, err := b.emulator(ctx, "moto-tidegate")
	if err != nil {
		return nil, err
	}
	defer func() { _ = emulator.Kill() }()
	w, err := b.workspace(ctx, "queues", awsEnv(emulator.URL)...)
	if err != nil {
		return nil, err
	}
	if err := writeQueues(w, queueStacks); err != nil {
		return nil, err
	}
	var applies, plans []time.Duration
	for range runs {
		wall, memory, err := timed(ctx, w, "apply", "-auto-approve")
		if err != nil {
			return nil, err
		}
		applies, apply.memory = append(applies, wall), max(apply.memory, memory)
		for range runs {
			wall, memory, err := timed(ctx, w, "plan", "-detailed-exitcode")
			if err != nil {
				return nil, err
			}
			plans, plan.memory = append(plans, wall), max(plan.memory, memory)
		}
		if _, err := w.Destroy(ctx); err != nil {
			return nil, err
		}
	}
	apply.took, plan.took = median(applies), median(plans)
	return []row{apply, plan}, nil
}

// emulator starts moto with files of its own.
func (b bench) emulator(ctx context.Context, name string) (*harness.Emulator, error) {
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	return harness.StartEmulator(ctx, harness.Moto, dir)
}

// awsEnv has both providers talk to the emulator at that address.
func awsEnv(endpoint string) []string {
	return []string{
		"TIDEGATE_TARGET=aws", "AWS_ENDPOINT_URL=" + endpoint, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true",
		"TF_VAR_endpoint=" + endpoint,
	}
}

// writeQueues writes a configuration of so many queue stacks.
func writeQueues(w *harness.Workspace, stacks int) error {
	var config strings.Builder
	config.WriteString("terraform {\n  required_providers {\n    tidegate = { source = \"tidegate-io/tidegate\" }\n  }\n}\n")
	for i := range stacks {
		fmt.Fprintf(&config, `
resource "tidegate_queue" "q%[1]d" {
  name               = "bench-%[1]d"
  visibility_timeout = "3m"
  dead_letter        = { max_receives = 5 }
  consumer           = { function = "fulfil" }
  functions = {
    fulfil = {
      source  = "${path.module}/src"
      runtime = "python3.13"
      handler = "app.handler"
      timeout = "30s"
      logs    = { retention_days = 14 }
    }
  }
}
`, i)
	}
	if err := w.Write("src/app.py", queueCode); err != nil {
		return err
	}
	return w.Write("main.tf", config.String())
}

const queueCode = "def handler(event, context):\n    return len(event['Records'])\n"

// hashicorp measures one apply and some plans of hashicorp/aws, or returns what is
// known of it.
func (b bench) hashicorp(ctx context.Context) (beside string, apply, plan time.Duration, err error) {
	mirror := hashicorpMirror()
	if mirror == "" {
		return "hashicorp/aws (as known)", knownApply, knownPlan, nil
	}
	emulator, err := b.emulator(ctx, "moto-hashicorp")
	if err != nil {
		return "", 0, 0, err
	}
	defer func() { _ = emulator.Kill() }()
	w, err := b.workspace(ctx, "hashicorp", awsEnv(emulator.URL)...)
	if err != nil {
		return "", 0, 0, err
	}
	rc := fmt.Sprintf("provider_installation {\n  filesystem_mirror { path = %q }\n}\n", mirror)
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	file, err := z.Create("app.py")
	if err == nil {
		_, err = file.Write([]byte(queueCode))
	}
	if err == nil {
		err = z.Close()
	}
	for name, text := range map[string]string{".terraformrc": rc, "app.zip": archive.String(), "main.tf": hashicorpQueues} {
		if err == nil {
			err = w.Write(name, text)
		}
	}
	if err == nil {
		_, err = w.Run(ctx, "init")
	}
	if err == nil {
		apply, _, err = timed(ctx, w, "apply", "-auto-approve", fmt.Sprintf("-var=stacks=%d", queueStacks))
	}
	var plans []time.Duration
	for range runs {
		if err == nil {
			// It may find changes: the emulator does not give back all that it was told.
			plan, _, err = timed(ctx, w, "plan", fmt.Sprintf("-var=stacks=%d", queueStacks))
			plans = append(plans, plan)
		}
	}
	return "hashicorp/aws", apply, median(plans), err
}

// hashicorpMirror is a folder from which Terraform can install hashicorp/aws 5.100.0,
// or "".
func hashicorpMirror() string {
	home, _ := os.UserHomeDir()
	places := []string{filepath.Join(home, ".terraform.d", "plugins"), "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins"}
	more, _ := filepath.Glob("/opt/*")
	for _, dir := range slices.Concat(places, more) {
		found, _ := filepath.Glob(filepath.Join(dir, "*", "hashicorp", "aws", "5.100.0", "*", "terraform-provider-aws*"))
		if len(found) > 0 {
			return dir
		}
	}
	return ""
}
