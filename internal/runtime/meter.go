package runtime

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// openMeter makes what counts functions' usage.
func (r *Runtime) openMeter(ctx context.Context) error {
	node, err := meterNode(filepath.Join(r.store.Dir(), "meter"))
	if err != nil {
		return err
	}
	r.meter, err = telemetry.OpenMeter(ctx, telemetry.MeterOptions{
		JetStream: r.store.JetStream(),
		Replicas:  r.store.Replicas(),
		Node:      node,
		Log:       r.log,
	})
	if err != nil {
		return err
	}
	r.metrics.Registry().MustRegister(r.meter.Gauge())
	r.onClose(func(context.Context) {
		if err := r.meter.Close(); err != nil {
			r.log.Warn("the functions' last usage could not be written", "error", err)
		}
	})
	return nil
}

// meterNode is the name under which this data folder's processes count, one after the
// other: unlike a process's it outlives a restart.
func meterNode(path string) (string, error) {
	text, err := os.ReadFile(path)
	if node := strings.TrimSpace(string(text)); err == nil && node != "" {
		return node, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("cannot read the name under which usage is counted: %w", err)
	}
	node := rand.Text()
	if err := os.WriteFile(path, []byte(node+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("cannot write the name under which usage is counted: %w", err)
	}
	return node, nil
}
