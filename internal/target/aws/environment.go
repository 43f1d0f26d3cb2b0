package aws

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// secretsVariable is one more variable in the environment of a function that has
// secrets. It says which of the variables they are, and which secrets_version they
// are of, so that reading the function tells secrets from the rest, and so that each
// published version keeps this of its own.
const secretsVariable = "TIDEGATE_SECRETS"

// maxEnvironment is Lambda's limit on the JSON of all variables, in bytes.
const maxEnvironment = 4096

// A secretsNote is the value of secretsVariable, as JSON.
type secretsNote struct {
	Version string   `json:"version"`
	Names   []string `json:"names"`
}

// noteOf reads the note; ok is false if there is none, or it is not one.
func noteOf(variables map[string]string) (note secretsNote, ok bool) {
	text, ok := variables[secretsVariable]
	if !ok || json.Unmarshal([]byte(text), &note) != nil {
		return secretsNote{}, false
	}
	return note, true
}

// plainVariables are those that are no secrets; nil if there are none. Names are
// secrets besides those that the environment's own note tells.
func plainVariables(variables map[string]string, names map[string]bool) map[string]string {
	note, _ := noteOf(variables)
	var plain map[string]string
	for name, value := range variables {
		if name == secretsVariable || slices.Contains(note.Names, name) || names[name] {
			continue
		}
		if plain == nil {
			plain = map[string]string{}
		}
		plain[name] = value
	}
	return plain
}

// secretVariables are those that the environment's note tells, without such as are
// missing.
func secretVariables(variables map[string]string) map[string]string {
	note, _ := noteOf(variables)
	secrets := map[string]string{}
	for _, name := range note.Names {
		if value, ok := variables[name]; ok {
			secrets[name] = value
		}
	}
	return secrets
}

// joinEnvironment is all that a function gets; never nil.
func joinEnvironment(plain, secrets map[string]string, secretsVersion string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, secrets)
	maps.Copy(all, plain)
	if len(secrets) > 0 || secretsVersion != "" {
		// Strings always marshal.
		text, _ := json.Marshal(secretsNote{Version: secretsVersion, Names: append([]string{}, slices.Sorted(maps.Keys(secrets))...)})
		all[secretsVariable] = string(text)
	}
	return all
}

// environmentSize is what Lambda measures: the JSON, in which it escapes only what it
// must.
func environmentSize(variables map[string]string) int {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(variables) // Strings always do.
	return len(strings.TrimSuffix(text.String(), "\n"))
}

// checkEnvironment fails where Lambda would, whose own words quote every variable.
func checkEnvironment(variables map[string]string) error {
	if size := environmentSize(variables); size > maxEnvironment {
		return fmt.Errorf("the environment, the secrets and Tidegate's note of the secrets' names have %d bytes as JSON, and Lambda allows %d; "+
			"shorten names or values, or read large ones from elsewhere", size, maxEnvironment)
	}
	return nil
}

// secretsDrift says which secrets are not as the live version has them; "" if all are.
// Live may be nil. Values are never told.
func secretsDrift(latest, live map[string]string) string {
	note, ok := noteOf(latest)
	if !ok {
		return ""
	}
	was, known := noteOf(live)
	known = known && was.Version == note.Version
	var wrong []string
	for _, name := range note.Names {
		value, there := latest[name]
		before, had := live[name]
		switch {
		case !there:
			wrong = append(wrong, "the secret "+name+" is missing")
		case known && had && slices.Contains(was.Names, name) && before != value:
			wrong = append(wrong, "the secret "+name+" was changed")
		}
	}
	return strings.Join(wrong, " and ")
}

// redacted is an error without the secrets that AWS may have quoted in it.
func redacted(err error, secrets map[string]string) error {
	if err == nil {
		return nil
	}
	explained := explain(err).Error()
	text := redact(explained, secrets)
	if text == explained {
		return err
	}
	return &explainedError{text: text, cause: err}
}

// redact replaces the values of secrets. Those so short that they are part of any
// sentence are so only where they stand in quotes, as Lambda writes variables.
func redact(text string, secrets map[string]string) string {
	const short = 4
	values := slices.Collect(maps.Values(secrets))
	// A value that contains another goes first.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	for _, value := range values {
		if value == "" {
			continue
		}
		quoted, _ := json.Marshal(value) // A string always marshals.
		forms := []string{string(quoted), `"` + value + `"`}
		if len(value) >= short {
			forms = append(forms, strings.Trim(string(quoted), `"`), value)
		}
		for _, form := range forms {
			text = strings.ReplaceAll(text, form, "(secret)")
		}
	}
	return text
}
