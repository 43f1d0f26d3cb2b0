package sandbox

import (
	"path/filepath"
	"strings"

	"github.com/opencontainers/cgroups/fs2"
)

// container implements hierarchy. A path that is not absolute is below the cgroup of who
// starts the OCI runtime, in each controller's tree; with one part only, nothing of it
// stays when the container is gone.
func (h *hierarchy1) container(id string, l groupLimits) (string, group, error) {
	g := &group1{dirs: map[string]string{}, limits: l}
	name := groupFolder + "-" + h.owner + "-" + id
	for controller, own := range h.owns {
		g.dirs[controller] = filepath.Join(own, name)
	}
	return name, g, nil
}

// container implements hierarchy.
func (h *hierarchy2) container(id string, l groupLimits) (string, group, error) {
	g, err := h.create(id)
	if err != nil {
		return "", nil, err
	}
	if err := g.limitMemory(l); err != nil {
		g.remove() //nolint:errcheck // the first error says it
		return "", nil, err
	}
	return filepath.Join("/", strings.TrimPrefix(g.(*group2).dir, fs2.UnifiedMountpoint)), g, nil
}
