package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest/soak"
)

const (
	// soakTime is how long the runtime is soaked, unless another time is named.
	soakTime = time.Hour
	// soakWarm cycles are not counted, soakCycles are.
	soakWarm, soakCycles = 2, 18
)

// soakFor soaks the runtime, prints what it had after each cycle, and fails if that grows.
func soakFor(ctx context.Context, args []string) (err error) {
	d := soakTime
	if len(args) > 0 {
		if d, err = time.ParseDuration(args[0]); err != nil {
			return fmt.Errorf("%q is no duration such as 10m", args[0])
		}
	}
	dir, err := os.MkdirTemp("", "tidegate-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	report, err := soak.Run(ctx, soak.Options{
		Dir: dir, Cycle: d / (soakWarm + soakCycles), Warm: soakWarm, Cycles: soakCycles, Log: os.Stderr,
	})
	if err != nil {
		return err
	}
	fmt.Printf("did %v, and had after each cycle\n%s", report.Did, soak.Table(report.Quiet))
	if grown := soak.Grown(report.Quiet); len(grown) > 0 {
		return fmt.Errorf("something is left behind:\n  %s", strings.Join(grown, "\n  "))
	}
	return nil
}
