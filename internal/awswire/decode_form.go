package awswire

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A field is a name of a form (Tags.member.1.Key) taken apart at its dots.
type field struct {
	value    string
	isSet    bool
	children map[string]*field
}

func parseForm(form url.Values) *field {
	root := &field{}
	for name, values := range form {
		if name == "Action" || name == "Version" {
			continue
		}
		f := root
		for _, part := range strings.Split(name, ".") {
			if f.children == nil {
				f.children = map[string]*field{}
			}
			if f.children[part] == nil {
				f.children[part] = &field{}
			}
			f = f.children[part]
		}
		f.value, f.isSet = values[0], true
	}
	return root
}

// formName is what a member is called in a form.
func (d *decoder) formName(name string, ref *reference) string {
	if d.service.Metadata.Protocol == "ec2" {
		switch {
		case ref.QueryName != "":
			return ref.QueryName
		case ref.LocationName != "":
			return strings.ToUpper(ref.LocationName[:1]) + ref.LocationName[1:]
		}
		return name
	}
	sh := d.service.shape(ref)
	if sh.Type == "list" && sh.Flattened && sh.Member.LocationName != "" {
		return sh.Member.LocationName
	}
	return ref.wireName(name)
}

func (d *decoder) formStruct(sh *shape, f *field, path string) map[string]any {
	members := map[string]string{}
	for name, ref := range sh.Members {
		members[d.formName(name, ref)] = name
	}
	params := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(f.children)) {
		name, ok := members[key]
		if !ok {
			d.problem(join(path, key), "is unknown")
			continue
		}
		params[name] = d.form(d.service.shape(sh.Members[name]), f.children[key], join(path, name))
	}
	return params
}

func (d *decoder) form(sh *shape, f *field, path string) any {
	switch sh.Type {
	case "structure":
		return d.formStruct(sh, f, path)
	case "list":
		if f.isSet && f.value == "" && len(f.children) == 0 {
			return []any{} // how an empty list is written
		}
		if !sh.Flattened && d.service.Metadata.Protocol != "ec2" {
			f = d.only(f, sh.Member.wireName("member"), path)
		}
		list := []any{}
		for i, item := range d.numbered(f, path) {
			list = append(list, d.form(d.service.shape(sh.Member), item, at(path, i)))
		}
		return list
	case "map":
		if !sh.Flattened {
			f = d.only(f, "entry", path)
		}
		m := map[string]any{}
		for i, entry := range d.numbered(f, path) {
			key, value := entry.children[sh.Key.wireName("key")], entry.children[sh.Value.wireName("value")]
			if key == nil || value == nil || len(entry.children) != 2 {
				d.problem(at(path, i), "is not a key with a value")
				continue
			}
			m[key.value] = d.form(d.service.shape(sh.Value), value, join(path, key.value))
		}
		return m
	}
	if len(f.children) > 0 {
		d.problem(path, "has parts, want a %s", sh.Type)
	}
	return d.text(sh, f.value, path, "iso8601")
}

// only returns the one child that a list or map has around its items.
func (d *decoder) only(f *field, name, path string) *field {
	child := f.children[name]
	if child == nil || len(f.children) != 1 {
		d.problem(path, "has %q, want only %q", slices.Sorted(maps.Keys(f.children)), name)
		return &field{}
	}
	return child
}

// numbered returns the children 1, 2, 3 and so on.
func (d *decoder) numbered(f *field, path string) []*field {
	items := make([]*field, 0, len(f.children))
	for n := 1; n <= len(f.children); n++ {
		item := f.children[strconv.Itoa(n)]
		if item == nil {
			d.problem(path, "has items %q, want numbers from 1 on", slices.Sorted(maps.Keys(f.children)))
			return items
		}
		items = append(items, item)
	}
	return items
}
