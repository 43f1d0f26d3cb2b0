package provider

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// manifests are `code_manifest` of functions by name, each by the `code_sha256` that it
// is of. No target knows them. While a release is under way, nobody knows either which
// code a state will find in the end: that of its own apply, or, if the release is rolled
// back, that of before. So the private state keeps both until then.
type manifests map[string]map[string]map[string]string

// keep adds those of a state or a plan.
func (m manifests) keep(v tftypes.Value) {
	for name, f := range fields(fields(v)["functions"]) {
		f := fields(f)
		sha, ok := text(f["code_sha256"])
		if !ok || !f["code_manifest"].IsFullyKnown() || f["code_manifest"].IsNull() {
			continue
		}
		manifest := map[string]string{}
		for file, fingerprint := range fields(f["code_manifest"]) {
			manifest[file], _ = text(fingerprint)
		}
		if m[name] == nil {
			m[name] = map[string]map[string]string{}
		}
		m[name][sha] = manifest
	}
}

// during is what is to be kept of m, and of states and plans besides, beside a deployment.
func (m manifests) during(d *stack.Deployment, more ...tftypes.Value) manifests {
	if !d.Release.UnderWay() {
		return nil
	}
	all := manifests{}
	for name, known := range m {
		all[name] = maps.Clone(known)
	}
	for _, v := range more {
		all.keep(v)
	}
	return all
}

// restored is a state in which every function has the manifest of the code that it has.
func (m manifests) restored(state tftypes.Value) tftypes.Value {
	if len(m) == 0 {
		return state
	}
	attributes := fields(state)
	functions := fields(attributes["functions"])
	for name, v := range functions {
		f := fields(v)
		sha, _ := text(f["code_sha256"])
		manifest, known := m[name][sha]
		if !known {
			continue
		}
		files := map[string]tftypes.Value{}
		for file, fingerprint := range manifest {
			files[file] = tftypes.NewValue(tftypes.String, fingerprint)
		}
		f["code_manifest"] = tftypes.NewValue(f["code_manifest"].Type(), files)
		functions[name] = tftypes.NewValue(v.Type(), f)
	}
	if functions == nil {
		return state
	}
	attributes["functions"] = tftypes.NewValue(attributes["functions"].Type(), functions)
	return tftypes.NewValue(state.Type(), attributes)
}
