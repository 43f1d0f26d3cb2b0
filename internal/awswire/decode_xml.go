package awswire

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// An element is an XML element.
type element struct {
	name       string
	attributes map[string]string
	text       string
	children   []*element
}

// parseXML reads a document into its root.
func parseXML(document []byte) (*element, error) {
	top := &element{}
	stack := []*element{top}
	for tokens := xml.NewDecoder(bytes.NewReader(document)); ; {
		token, err := tokens.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		current := stack[len(stack)-1]
		switch token := token.(type) {
		case xml.StartElement:
			child := &element{name: token.Name.Local, attributes: map[string]string{}}
			for _, a := range token.Attr {
				child.attributes[a.Name.Local] = a.Value
			}
			current.children = append(current.children, child)
			stack = append(stack, child)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			current.text += string(token)
		}
	}
	if len(top.children) != 1 {
		return nil, errors.New("there is no root element")
	}
	return top.children[0], nil
}

// xmlRoot reads a body whose root has a name, "" for any.
func (d *decoder) xmlRoot(sh *shape, body []byte, name, path string) map[string]any {
	root, err := parseXML(body)
	if err != nil {
		d.problem(path, "the body is not XML: %v", err)
		return map[string]any{}
	}
	if name != "" && root.name != name {
		d.problem(path, "the body is an element %s, want %s", root.name, name)
	}
	return d.xmlStruct(sh, root, path)
}

func (d *decoder) xmlStruct(sh *shape, e *element, path string) map[string]any {
	members := map[string]string{}
	params := map[string]any{}
	for name, ref := range sh.Members {
		if !ref.XMLAttribute {
			members[ref.wireName(name)] = name
			continue
		}
		_, local, _ := strings.Cut(":"+ref.wireName(name), ":")
		if at := strings.LastIndexByte(local, ':'); at >= 0 {
			local = local[at+1:]
		}
		if value, ok := e.attributes[local]; ok {
			params[name] = value
		}
	}
	flattened := map[string][]*element{}
	for _, child := range e.children {
		name, ok := members[child.name]
		if !ok {
			d.problem(join(path, child.name), "is unknown")
			continue
		}
		ref := sh.Members[name]
		inner := d.service.shape(ref)
		if inner.Type == "list" && (inner.Flattened || ref.Flattened) {
			flattened[name] = append(flattened[name], child)
			continue
		}
		if _, twice := params[name]; twice {
			d.problem(join(path, name), "is there twice")
		}
		params[name] = d.xml(inner, child, join(path, name))
	}
	for name, items := range flattened {
		params[name] = d.xmlList(d.service.shape(sh.Members[name]), items, join(path, name))
	}
	return params
}

func (d *decoder) xmlList(sh *shape, items []*element, path string) []any {
	list := make([]any, len(items))
	for i, item := range items {
		list[i] = d.xml(d.service.shape(sh.Member), item, at(path, i))
	}
	return list
}

func (d *decoder) xml(sh *shape, e *element, path string) any {
	switch sh.Type {
	case "structure":
		return d.xmlStruct(sh, e, path)
	case "list":
		want := sh.Member.wireName("member")
		for _, child := range e.children {
			if child.name != want {
				d.problem(path, "has an element %s, want %s", child.name, want)
			}
		}
		return d.xmlList(sh, e.children, path)
	}
	if len(e.children) > 0 {
		d.problem(path, "has elements in it, want a %s", sh.Type)
	}
	return d.text(sh, e.text, path, "iso8601")
}
