package acctest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// hideDeletedVersions keeps deleted versions from moto, which would use their numbers
// again.
func hideDeletedVersions(m *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	name, qualifier := functionOf(r.Param("FunctionName"))
	if given := r.Param("Qualifier"); given != "" {
		qualifier = given
	}
	var hidden []string
	m.locked(func() { hidden = slices.Clone(m.deletedVersions[name]) })
	if qualifier != "" && slices.Contains(hidden, qualifier) {
		return awswire.Error("ResourceNotFoundException", "Function not found: "+name+":"+qualifier, awswire.Detail{Name: "Type", Value: "User"})(r), nil
	}
	if r.Operation == "DeleteFunction" && qualifier != "" {
		answer, err := other(r, ask, http.MethodGet, "/2015-03-31/functions/"+name+"?Qualifier="+qualifier, nil, nil)
		if err != nil || !answer.OK() {
			return answer, err
		}
		m.locked(func() { m.deletedVersions[name] = append(m.deletedVersions[name], qualifier) })
		return &awswire.Answer{Status: http.StatusNoContent, Header: http.Header{}}, nil
	}
	answer, err := ask(r)
	if err != nil || !answer.OK() {
		return answer, err
	}
	switch r.Operation {
	case "DeleteFunction":
		m.locked(func() { delete(m.deletedVersions, name) })
	case "ListVersionsByFunction":
		answer.EditJSON(func(body map[string]any) {
			all, _ := body["Versions"].([]any)
			body["Versions"] = slices.DeleteFunc(all, func(one any) bool {
				version, _ := one.(map[string]any)
				return slices.Contains(hidden, fmt.Sprint(version["Version"]))
			})
		})
	}
	return answer, nil
}

// unchanging are the settings that moto takes when a function is made, and no more.
var unchanging = []string{"EphemeralStorage", "KMSKeyArn", "TracingConfig"}

// keepSettings remembers what such settings were changed to, of the function and of each
// version that was published since.
func keepSettings(m *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	name, qualifier := functionOf(r.Param("FunctionName"))
	answer, err := ask(r)
	if err != nil || !answer.OK() {
		return answer, err
	}
	if r.Operation == "DeleteFunction" {
		if qualifier == "" && r.Param("Qualifier") == "" {
			m.locked(func() { delete(m.settings, name) })
		}
		return answer, nil
	}
	const latest = "$LATEST"
	answer.EditJSON(func(body map[string]any) {
		m.mu.Lock()
		defer m.mu.Unlock()
		settings := m.settings[name]
		if settings == nil {
			settings = map[string]map[string]any{}
			m.settings[name] = settings
		}
		switch r.Operation {
		case "UpdateFunctionConfiguration":
			changed := maps.Clone(settings[latest])
			if changed == nil {
				changed = map[string]any{}
			}
			for _, key := range unchanging {
				if value, ok := r.Params[key]; ok {
					changed[key] = value
				}
			}
			settings[latest] = changed
			maps.Copy(body, changed)
		case "PublishVersion":
			version := fmt.Sprint(body["Version"])
			if _, known := settings[version]; !known {
				settings[version] = maps.Clone(settings[latest])
			}
			maps.Copy(body, settings[version])
		case "ListVersionsByFunction":
			all, _ := body["Versions"].([]any)
			for _, one := range all {
				if version, ok := one.(map[string]any); ok {
					maps.Copy(version, settings[fmt.Sprint(version["Version"])])
				}
			}
		default:
			configuration, nested := body["Configuration"].(map[string]any)
			if !nested {
				configuration = body
			}
			maps.Copy(configuration, settings[fmt.Sprint(configuration["Version"])])
		}
	})
	return answer, nil
}

// keepZeroReserved remembers functions that are stopped.
func keepZeroReserved(m *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	name, _ := functionOf(r.Param("FunctionName"))
	answer, err := ask(r)
	if err != nil || !answer.OK() {
		return answer, err
	}
	const reserved = "ReservedConcurrentExecutions"
	stopped := false
	m.locked(func() {
		switch r.Operation {
		case "PutFunctionConcurrency":
			m.stopped[name] = r.Param(reserved) == "0"
		case "DeleteFunctionConcurrency", "DeleteFunction":
			delete(m.stopped, name)
		default:
			stopped = m.stopped[name]
		}
	})
	if stopped {
		answer.EditJSON(func(body map[string]any) { body["Concurrency"] = map[string]any{reserved: 0} })
	}
	return answer, nil
}
