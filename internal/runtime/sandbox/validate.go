package sandbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
)

var validID = regexp.MustCompile(`^[a-z0-9-]{1,100}$`)

func (s Spec) validate() error {
	switch {
	case !validID.MatchString(s.ID):
		return fmt.Errorf("instance id %q is not made of a-z, 0-9 and -", s.ID)
	case len(s.Argv) == 0:
		return errors.New("Spec.Argv is empty")
	case s.RuntimeAPI == nil:
		return errors.New("Spec.RuntimeAPI is nil")
	case !filepath.IsAbs(s.TaskDir):
		return fmt.Errorf("Spec.TaskDir %q is not an absolute path", s.TaskDir)
	case s.Memory <= 0:
		return fmt.Errorf("Spec.Memory is %d MB; it must be positive", s.Memory)
	case s.EphemeralStorage <= 0:
		return fmt.Errorf("Spec.EphemeralStorage is %d MB; it must be positive", s.EphemeralStorage)
	}
	return nil
}
