package sandbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
)

// RuntimeAPIPort is where an instance with a network of its own finds the Runtime API,
// as on Lambda.
const RuntimeAPIPort = 9001

// maxExtensions is Lambda's limit.
const maxExtensions = 10

var validID = regexp.MustCompile(`^[a-z0-9-]{1,100}$`)

func (s Spec) validate() error {
	switch {
	case !validID.MatchString(s.ID):
		return fmt.Errorf("instance id %q is not made of a-z, 0-9 and -", s.ID)
	case len(s.Argv) == 0:
		return errors.New("Spec.Argv is empty")
	case slices.ContainsFunc(s.Extensions, func(e Extension) bool { return len(e.Argv) == 0 }):
		return errors.New("an Argv of Spec.Extensions is empty")
	case len(s.Extensions) > maxExtensions:
		return fmt.Errorf("Spec.Extensions has %d extensions; at most %d are possible", len(s.Extensions), maxExtensions)
	case s.RuntimeAPI == nil:
		return errors.New("Spec.RuntimeAPI is nil")
	case !filepath.IsAbs(s.TaskDir):
		return fmt.Errorf("Spec.TaskDir %q is not an absolute path", s.TaskDir)
	case s.Memory <= 0:
		return fmt.Errorf("Spec.Memory is %d MB; it must be positive", s.Memory)
	case s.Network != "" && s.Network != NetworkNone:
		return fmt.Errorf("Spec.Network is %q; it can be empty or %q", s.Network, NetworkNone)
	case s.Ingress != nil && (s.Ingress.Port <= 0 || s.Ingress.Port > 65535 || s.Ingress.Port == RuntimeAPIPort):
		return fmt.Errorf("Spec.Ingress.Port is %d; it must be a port, and not %d, which is the Runtime API's", s.Ingress.Port, RuntimeAPIPort)
	case s.EphemeralStorage <= 0:
		return fmt.Errorf("Spec.EphemeralStorage is %d MB; it must be positive", s.EphemeralStorage)
	}
	return nil
}
