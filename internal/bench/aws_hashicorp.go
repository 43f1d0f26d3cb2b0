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
)

// What hashicorp/aws 5.100.0 took for queueStacks on a machine of two cores, where it
// is not at hand to be measured.
const (
	knownApply = 112 * time.Second
	knownPlan  = 6100 * time.Millisecond
)

// hashicorpQueues is the same stacks as bench.queues, put together from resources of
// hashicorp/aws.
//
//go:embed hashicorp_queues.tf
var hashicorpQueues string

// hashicorp measures one apply and some plans of hashicorp/aws, or returns what is
// known of it.
func (b bench) hashicorp(ctx context.Context) (beside string, apply, plan time.Duration, err error) {
	mirror := hashicorpMirror()
	if mirror == "" {
		return "hashicorp/aws (as known)", knownApply, knownPlan, nil
	}
	moto, err := b.moto(ctx, "moto-hashicorp")
	if err != nil {
		return "", 0, 0, err
	}
	defer moto.stop()
	w, err := b.workspace(ctx, "hashicorp", moto.env()...)
	if err != nil {
		return "", 0, 0, err
	}
	archive, err := queueArchive()
	if err != nil {
		return "", 0, 0, err
	}
	rc := fmt.Sprintf("provider_installation {\n  filesystem_mirror { path = %q }\n}\n", mirror)
	for name, text := range map[string]string{".terraformrc": rc, "app.zip": archive, "main.tf": hashicorpQueues} {
		if err := w.Write(name, text); err != nil {
			return "", 0, 0, err
		}
	}
	if _, err := w.Run(ctx, "init"); err != nil {
		return "", 0, 0, err
	}
	stacks := fmt.Sprintf("-var=stacks=%d", queueStacks)
	if apply, _, err = timed(ctx, w, "apply", "-auto-approve", stacks); err != nil {
		return "", 0, 0, err
	}
	var plans []time.Duration
	for range runs {
		// It may find changes: the emulator does not give back all that it was told.
		if plan, _, err = timed(ctx, w, "plan", stacks); err != nil {
			return "", 0, 0, err
		}
		plans = append(plans, plan)
	}
	return "hashicorp/aws", apply, median(plans), nil
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
