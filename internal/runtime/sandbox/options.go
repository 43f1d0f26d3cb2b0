package sandbox

import (
	"fmt"
	"log/slog"
	"time"
)

// defaultPoolWindow is Options.PoolWindow unless another is named.
const defaultPoolWindow = 3 * time.Minute

// Mode is what the user asked for with --isolation.
type Mode string

const (
	// ModeAuto enforces all that the host allows, and reports the rest.
	ModeAuto Mode = "auto"
	// ModeStrict refuses to start where anything is missing.
	ModeStrict Mode = "strict"
	// ModeProcess starts plain processes: no namespaces, the runtime's own user.
	ModeProcess Mode = "process"
	// ModeOCI runs instances through an OCI runtime of the host.
	ModeOCI Mode = "oci"
)

// Options for New.
type Options struct {
	// Dir is a folder of the sandbox's own, made if it is not there. Instances'
	// folders are in it while they run.
	Dir string
	// Mode defaults to ModeAuto.
	Mode Mode
	// OCIRuntime is the name or the path of the program for ModeOCI. Empty has the usual
	// ones looked for.
	OCIRuntime string
	// Ports of this host and Servers ("host:port") elsewhere are the runtime's own: no
	// instance reaches them, where it has a network of its own.
	Ports   []uint16
	Servers []string
	// PoolWindow is for how long as many sandboxes stay prepared as were asked for in one
	// second; default 3 minutes, and at least a second.
	PoolWindow time.Duration
	// Log defaults to slog.Default().
	Log *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, fmt.Errorf("sandbox: Options.Dir is empty; it must name a folder")
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.PoolWindow == 0 {
		o.PoolWindow = defaultPoolWindow
	}
	switch o.Mode {
	case "":
		o.Mode = ModeAuto
	case ModeAuto, ModeStrict, ModeProcess, ModeOCI:
	default:
		return o, fmt.Errorf("isolation %q is unknown; use auto, strict, process or oci", o.Mode)
	}
	if o.OCIRuntime != "" && o.Mode != ModeOCI {
		return o, fmt.Errorf("an OCI runtime is named, and isolation is %s; use isolation oci", o.Mode)
	}
	return o, nil
}
