package aws

import (
	"fmt"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// environment is all the function is to get, and which of it is secret.
func (f *function) environment() (all, secrets map[string]string, err error) {
	secrets, err = f.secrets()
	if err != nil {
		return nil, nil, err
	}
	all = joinEnvironment(f.wish.config.Environment, secrets, f.wish.config.SecretsVersion)
	return all, secrets, checkEnvironment(all)
}

// secrets are those of the version to go live if it exists already; else those that
// were sent; else, where they stay, those of the live version, or of the function.
func (f *function) secrets() (map[string]string, error) {
	c := f.wish.config
	var latest *snapshot
	if f.have != nil {
		latest = f.have.snapshot
	}
	_, same := f.parts().versions.find(c)
	for _, from := range []*snapshot{same, nil, f.live(), latest} {
		if from == nil {
			if sent := f.i.secrets[f.function]; sent != nil && same == nil {
				return sent, nil
			}
			continue
		}
		if note, ok := noteOf(from.variables()); ok && note.Version == c.SecretsVersion && len(secretVariables(from.variables())) == len(note.Names) {
			return secretVariables(from.variables()), nil
		}
	}
	if sent := f.i.secrets[f.function]; sent != nil || c.SecretsVersion == "" {
		return sent, nil
	}
	return nil, fmt.Errorf("its secrets of secrets_version %q are no longer on AWS; change secrets_version, so that they are sent again", c.SecretsVersion)
}

// hidden are the variables of a snapshot that are secrets although its note is lost:
// who removes the note must not make them plain variables thereby. What was a secret
// once is one still, unless the user wants it as a plain variable.
func (f *function) hidden(s *snapshot, like stack.Config) map[string]bool {
	if _, ok := noteOf(s.variables()); ok {
		return nil
	}
	names := map[string]bool{}
	for _, v := range f.parts().versions.have {
		note, _ := noteOf(v.variables())
		for _, name := range note.Names {
			if _, plain := like.Environment[name]; !plain {
				names[name] = true
			}
		}
	}
	return names
}
