package plugin

import (
	"sync"

	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
)

// What follows remembers the schema of resources. The bridge derives the type of an
// attribute from the framework's, with all that is within, every time it asks; it does so
// for every property of every resource of a preview, which took half of a diff's time.

// ResourcesMap is the shim's, whose schemas are remembered.
func (k keeping) ResourcesMap() shim.ResourceMap {
	return remembered{k.ShimProvider.ResourcesMap(), k.schemas}
}

// remembered are resources by name; their schemas are looked up once.
type remembered struct {
	shim.ResourceMap
	// schemas by the names of resources: *schemaMap.
	schemas *sync.Map
}

func (r remembered) Get(name string) shim.Resource {
	found, ok := r.GetOk(name)
	if !ok {
		return nil
	}
	return found
}

func (r remembered) GetOk(name string) (shim.Resource, bool) {
	found, ok := r.ResourceMap.GetOk(name)
	if !ok {
		return nil, false
	}
	s, ok := r.schemas.Load(name)
	if !ok {
		s, _ = r.schemas.LoadOrStore(name, newSchemaMap(found.Schema()))
	}
	return resourceSchema{found, s.(*schemaMap)}, true
}

func (r remembered) Range(each func(string, shim.Resource) bool) {
	r.ResourceMap.Range(func(name string, _ shim.Resource) bool { return each(name, r.Get(name)) })
}

// resourceSchema is a resource, or what an attribute holds as one.
type resourceSchema struct {
	shim.Resource
	schema *schemaMap
}

func (r resourceSchema) Schema() shim.SchemaMap { return r.schema }

// schemaMap are attributes by name. It never changes.
type schemaMap struct {
	shim.SchemaMap
	names  []string
	byName map[string]shim.Schema
}

func newSchemaMap(of shim.SchemaMap) *schemaMap {
	m := &schemaMap{SchemaMap: of, byName: map[string]shim.Schema{}}
	of.Range(func(name string, s shim.Schema) bool {
		m.names = append(m.names, name)
		m.byName[name] = newSchema(s)
		return true
	})
	return m
}

func (m *schemaMap) Len() int { return len(m.names) }

func (m *schemaMap) Get(name string) shim.Schema { return m.byName[name] }

func (m *schemaMap) GetOk(name string) (shim.Schema, bool) {
	s, ok := m.byName[name]
	return s, ok
}

func (m *schemaMap) Range(each func(string, shim.Schema) bool) {
	for _, name := range m.names {
		if !each(name, m.byName[name]) {
			return
		}
	}
}

// schema is an attribute, or an element of one.
type schema struct {
	shim.Schema
	kind shim.ValueType
	elem any
}

func newSchema(of shim.Schema) shim.Schema {
	s := &schema{Schema: of, kind: of.Type(), elem: of.Elem()}
	switch elem := s.elem.(type) {
	case shim.Resource:
		s.elem = resourceSchema{elem, newSchemaMap(elem.Schema())}
	case shim.Schema:
		s.elem = newSchema(elem)
	}
	return s
}

func (s *schema) Type() shim.ValueType { return s.kind }

func (s *schema) Elem() any { return s.elem }
