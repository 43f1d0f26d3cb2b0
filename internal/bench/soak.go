package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest/soak"
)

const (
	// soakTime is how long the runtime is soaked, unless another time is named.
	soakTime = time.Hour
	// soakCycles, the first of which is not compared, share it.
	soakCycles = 10
)

// soakFor soaks the runtime, prints what it had after each cycle, and fails if that grows.
func soakFor(ctx context.Context, args []string) (err error) {
	d := soakTime
	if len(args) > 0 {
		if d, err = time.ParseDuration(args[0]); err != nil {
			return fmt.Errorf("%q is no duration such as 10m", args[0])
		}
	}
	load := 0.5
	if len(args) > 1 {
		if load, err = strconv.ParseFloat(args[1], 64); err != nil || load <= 0 || load > 1 {
			return fmt.Errorf("%q is no load such as 0.5", args[1])
		}
	}
	dir, err := os.MkdirTemp("", "tidegate-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	report, err := soak.Run(ctx, soak.Options{
		Dir: dir, Warm: d / soakCycles, Cycle: d / soakCycles, Cycles: soakCycles - 1, Load: load, Log: os.Stderr,
	})
	if len(report.AtRest) > 0 {
		fmt.Printf("did %v, and had when at rest\n%s", report.Did, soak.Table(report.AtRest))
	}
	if len(report.Grown) > 0 {
		err = errors.Join(err, fmt.Errorf("something is left behind:\n  %s", strings.Join(report.Grown, "\n  ")))
	}
	return err
}
