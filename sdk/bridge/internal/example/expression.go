package example

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	"github.com/zclconf/go-cty/cty"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge"
)

// An attribute is what an expression is the value of: none if its names are the user's own.
type attribute struct {
	schema shim.Schema
	info   *tfbridge.SchemaInfo
}

// object returns the schema of the attribute's properties, if its value is an object.
func (a attribute) object() (shim.SchemaMap, map[string]*tfbridge.SchemaInfo) {
	if a.schema == nil || a.schema.Type() != shim.TypeMap {
		return nil, nil
	}
	object, ok := a.schema.Elem().(shim.Resource)
	if !ok {
		return nil, nil
	}
	if a.info != nil && a.info.Elem != nil {
		return object.Schema(), a.info.Elem.Fields
	}
	return object.Schema(), nil
}

// element is what an element of the attribute's value is the value of.
func (a attribute) element() attribute {
	if a.schema == nil {
		return attribute{}
	}
	var info *tfbridge.SchemaInfo
	if a.info != nil {
		info = a.info.Elem
	}
	switch elem := a.schema.Elem().(type) {
	case shim.Schema:
		return attribute{elem, info}
	case shim.Resource:
		// A list of objects: each is as a single one would be.
		return attribute{single{a.schema}, a.info}
	default:
		return attribute{}
	}
}

// single is the schema of one of the objects of a list.
type single struct{ shim.Schema }

func (single) Type() shim.ValueType { return shim.TypeMap }

// expression renames what an expression names.
func (t *translator) expression(e hclsyntax.Expression, of attribute) error {
	switch e := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		s, infos := of.object()
		for _, item := range e.Items {
			value := of.element()
			if s != nil {
				key := hcl.ExprAsKeyword(item.KeyExpr)
				t.replace(item.KeyExpr.Range(), tfbridge.TerraformToPulumiNameV2(key, s, infos))
				value = attribute{s.Get(key), infos[key]}
			}
			if err := t.expression(item.ValueExpr, value); err != nil {
				return err
			}
		}
		return nil
	case *hclsyntax.TupleConsExpr:
		return t.all(e.Exprs, of.element())
	case *hclsyntax.LiteralValueExpr:
		return nil
	case *hclsyntax.TemplateExpr:
		return t.template(e)
	case *hclsyntax.ScopeTraversalExpr:
		text, err := t.traversal(e.Traversal)
		t.replace(e.Range(), text)
		return err
	case *hclsyntax.FunctionCallExpr:
		return t.call(e)
	default:
		return fmt.Errorf("no example had a %T", e)
	}
}

func (t *translator) all(expressions []hclsyntax.Expression, of attribute) error {
	for _, e := range expressions {
		if err := t.expression(e, of); err != nil {
			return err
		}
	}
	return nil
}

// template writes a path below the module's folder as one below the program's.
func (t *translator) template(e *hclsyntax.TemplateExpr) error {
	if len(e.Parts) == 2 {
		folder, ok := e.Parts[0].(*hclsyntax.ScopeTraversalExpr)
		rest, literal := e.Parts[1].(*hclsyntax.LiteralValueExpr)
		if ok && literal && string(t.src[folder.Range().Start.Byte:folder.Range().End.Byte]) == "path.module" {
			t.replace(e.Range(), fmt.Sprintf("%q", "."+rest.Val.AsString()))
			return nil
		}
	}
	if !e.IsStringLiteral() {
		return fmt.Errorf("no example had a template but those of paths")
	}
	return nil
}

// traversal is a path to a value of something that the example declares.
func (t *translator) traversal(path hcl.Traversal) (string, error) {
	attr := func(i int) string {
		if i < len(path) {
			if step, ok := path[i].(hcl.TraverseAttr); ok {
				return step.Name
			}
		}
		return ""
	}
	var text strings.Builder
	var steps hcl.Traversal
	switch root := path.RootName(); root {
	case "var":
		text.WriteString(bridge.Camel(attr(1)))
		steps = path[2:]
	case "data":
		text.WriteString(attr(2))
		steps = path[3:]
	default:
		if _, ok := t.info.Resources[root]; !ok {
			return "", fmt.Errorf("no example had a path that begins with %s", root)
		}
		text.WriteString(attr(1))
		steps = path[2:]
	}
	properties := t.words.Properties()
	for _, step := range steps {
		switch step := step.(type) {
		case hcl.TraverseAttr:
			name := step.Name
			if pulumi, ok := properties[name]; ok {
				name = pulumi
			}
			text.WriteString("." + name)
		case hcl.TraverseIndex:
			if step.Key.Type() == cty.String {
				fmt.Fprintf(&text, "[%q]", step.Key.AsString())
			} else {
				fmt.Fprintf(&text, "[%s]", step.Key.AsBigFloat().Text('f', 0))
			}
		default:
			return "", fmt.Errorf("no example had a path with a %T", step)
		}
	}
	return text.String(), nil
}

// call writes a call of a function of the provider's, or of Terraform's that Pulumi has.
func (t *translator) call(e *hclsyntax.FunctionCallExpr) error {
	name, ours := strings.CutPrefix(e.Name, "provider::tidegate::")
	switch {
	case ours:
		f, ok := t.info.Functions[name]
		if !ok {
			return fmt.Errorf("there is no function %s", name)
		}
		t.replace(hcl.Range{Start: e.NameRange.Start, End: e.OpenParenRange.End}, fmt.Sprintf("invoke(%q, ", f.Tok))
	case name == "jsonencode":
		t.replace(e.NameRange, "toJSON")
	default:
		return fmt.Errorf("no example called %s", name)
	}
	return t.all(e.Args, attribute{})
}
