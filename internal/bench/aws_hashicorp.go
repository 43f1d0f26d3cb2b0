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
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// What hashicorp/aws 5.100.0 took for queueStacks on a machine of two cores, where it
// is not at hand to be measured.
var knownRival = map[string]cost{
	"apply": {took: 112 * time.Second},
	"plan":  {took: 6100 * time.Millisecond, memory: 619 << 20},
}

// hashicorpQueues is the same stacks as bench.queues, put together from resources of
// hashicorp/aws.
//
//go:embed hashicorp_queues.tf
var hashicorpQueues string

// A rival is a workspace of hashicorp/aws with the same stacks, on an emulator of its own.
type rival struct {
	*harness.Workspace
	moto *moto
}

// hashicorp makes a rival, or nil if the machine has no hashicorp/aws.
func (b bench) hashicorp(ctx context.Context) (_ *rival, err error) {
	mirror := hashicorpMirror()
	if mirror == "" {
		return nil, nil
	}
	r := &rival{}
	if r.moto, err = b.moto(ctx, "moto-hashicorp"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.moto.stop()
		}
	}()
	if r.Workspace, err = b.workspace(ctx, "hashicorp", r.moto.env()...); err != nil {
		return nil, err
	}
	archive, err := queueArchive()
	if err != nil {
		return nil, err
	}
	rc := fmt.Sprintf("provider_installation {\n  filesystem_mirror { path = %q }\n}\n", mirror)
	variables := fmt.Sprintf("stacks = %d\n", queueStacks)
	for name, text := range map[string]string{".terraformrc": rc, "app.zip": archive, "main.tf": hashicorpQueues, "terraform.tfvars": variables} {
		if err := r.Write(name, text); err != nil {
			return nil, err
		}
	}
	_, err = r.Run(ctx, "init")
	return r, err
}

// queueArchive is the code of the stacks' functions as a zip.
func queueArchive() (string, error) {
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	file, err := z.Create("app.py")
	if err != nil {
		return "", err
	}
	if _, err := file.Write([]byte(queueCode)); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return archive.String(), nil
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
