// Package example turns the provider's examples for Terraform into programs for Pulumi, in
// each of its languages, so that there is one set of examples to keep true.
package example

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge"
)

// A translator writes an example of Terraform's in PCL, the language that Pulumi's
// generators of programs read. Both are HCL, so that it changes names where they stand and
// leaves the rest, with its comments, as it is.
type translator struct {
	info  tfbridge.ProviderInfo
	words *bridge.Words
	src   []byte
	edits []edit
}

// An edit is text in place of the bytes from start to end.
type edit struct {
	start, end int
	text       string
}

// pcl translates an example. It fails where the example has something that this package
// does not know.
func pcl(info tfbridge.ProviderInfo, src []byte) ([]byte, error) {
	file, diags := hclsyntax.ParseConfig(src, "example.tf", hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	t := &translator{info: info, words: bridge.NewWords(info), src: src}
	blocks := file.Body.(*hclsyntax.Body).Blocks
	if err := t.comments(blocks); err != nil {
		return nil, err
	}
	for _, block := range blocks {
		if err := t.block(block); err != nil {
			return nil, fmt.Errorf("%s: %w", block.DefRange(), err)
		}
	}
	return t.edited(), nil
}

// comments takes those out that stand within a block, which the generators drop or put in
// other places, and those above a block that is left out.
func (t *translator) comments(blocks hclsyntax.Blocks) error {
	tokens, diags := hclsyntax.LexConfig(t.src, "example.tf", hcl.InitialPos)
	if diags.HasErrors() {
		return diags
	}
	for _, token := range tokens {
		if token.Type != hclsyntax.TokenComment {
			continue
		}
		next := slices.IndexFunc(blocks, func(b *hclsyntax.Block) bool { return b.Range().End.Byte > token.Range.Start.Byte })
		if next < 0 {
			continue
		}
		if inside := blocks[next].Range().Start.Byte < token.Range.Start.Byte; inside {
			t.replace(token.Range, "\n") // A comment has the end of its line.
		} else if needless(blocks[next]) {
			t.replace(token.Range, "")
		}
	}
	return nil
}

// needless tells whether a block has no counterpart: Pulumi finds its packages without
// being told, and needs no word of a provider that is not configured.
func needless(block *hclsyntax.Block) bool {
	return block.Type == "terraform" || block.Type == "provider" && len(block.Body.Attributes) == 0
}

func (t *translator) edited() []byte {
	slices.SortFunc(t.edits, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	var out []byte
	at := 0
	for _, e := range t.edits {
		out = append(append(out, t.src[at:e.start]...), e.text...)
		at = e.end
	}
	return append(out, t.src[at:]...)
}

func (t *translator) replace(r hcl.Range, text string) {
	t.edits = append(t.edits, edit{r.Start.Byte, r.End.Byte, text})
}

// insert puts text where a position is.
func (t *translator) insert(at hcl.Pos, text string) {
	t.edits = append(t.edits, edit{at.Byte, at.Byte, text})
}

// header is what stands before a block's opening brace.
func (t *translator) header(block *hclsyntax.Block, text string) {
	t.replace(hcl.Range{Start: block.TypeRange.Start, End: block.OpenBraceRange.Start}, text+" ")
}

func (t *translator) block(block *hclsyntax.Block) error {
	if needless(block) {
		t.replace(block.Range(), "")
		return nil
	}
	switch block.Type {
	case "provider":
		return t.provider(block)
	case "resource":
		kind, name := block.Labels[0], block.Labels[1]
		info, ok := t.info.Resources[kind]
		if !ok {
			return fmt.Errorf("there is no resource %s", kind)
		}
		t.header(block, fmt.Sprintf("resource %s %q", name, info.Tok))
		return t.body(block.Body, t.info.P.ResourcesMap().Get(kind).Schema(), info.Fields)
	case "data":
		kind, name := block.Labels[0], block.Labels[1]
		info, ok := t.info.DataSources[kind]
		if !ok {
			return fmt.Errorf("there is no data source %s", kind)
		}
		t.header(block, fmt.Sprintf("%s = invoke(%q,", name, info.Tok))
		t.insert(block.CloseBraceRange.End, ")")
		return t.body(block.Body, t.info.P.DataSourcesMap().Get(kind).Schema(), info.Fields)
	case "variable":
		return t.variable(block)
	case "output":
		return t.output(block)
	default:
		return fmt.Errorf("no example had a block %s", block.Type)
	}
}

// provider makes a configuration a resource of its own, named as its alias.
func (t *translator) provider(block *hclsyntax.Block) error {
	alias, ok := block.Body.Attributes["alias"]
	if !ok {
		return fmt.Errorf("a provider without an alias is configured by pulumi config")
	}
	name, diags := alias.Expr.Value(nil)
	if diags.HasErrors() {
		return diags
	}
	t.header(block, fmt.Sprintf("resource %s %q", name.AsString(), "pulumi:providers:"+bridge.Name))
	t.replace(alias.SrcRange, "")
	delete(block.Body.Attributes, "alias")
	return t.body(block.Body, t.info.P.Schema(), t.info.Config)
}

// variable makes a variable part of Pulumi's configuration, a secret one if Terraform is
// to keep it out of its output.
func (t *translator) variable(block *hclsyntax.Block) error {
	t.header(block, fmt.Sprintf("config %s %q", bridge.Camel(block.Labels[0]), "string"))
	for name, a := range block.Body.Attributes {
		switch name {
		case "type":
			t.replace(a.SrcRange, "")
		case "sensitive", "ephemeral":
			t.replace(a.NameRange, "secret")
		default:
			return fmt.Errorf("no example's variable had an attribute %s", name)
		}
	}
	return nil
}

// output makes the result of a function a variable of its own, since Pulumi's generator for
// Go knows no other place of it.
func (t *translator) output(block *hclsyntax.Block) error {
	name := bridge.Camel(block.Labels[0])
	result := name + "Result"
	if call, ok := block.Body.Attributes["value"].Expr.(*hclsyntax.FunctionCallExpr); ok {
		t.header(block, result+" =")
		t.replace(hcl.Range{Start: block.OpenBraceRange.Start, End: call.Range().Start}, "")
		t.replace(block.CloseBraceRange, fmt.Sprintf("output %s {\n  value = %s\n}", name, result))
		return t.call(call)
	}
	t.header(block, "output "+name)
	return t.body(block.Body, nil, nil)
}

// body renames the attributes of a block, whose schema this is.
func (t *translator) body(body *hclsyntax.Body, s shim.SchemaMap, infos map[string]*tfbridge.SchemaInfo) error {
	if len(body.Blocks) > 0 {
		return fmt.Errorf("no example had a block %s", body.Blocks[0].Type)
	}
	for name, a := range body.Attributes {
		var of attribute
		if s != nil {
			of = attribute{s.Get(name), infos[name]}
			t.replace(a.NameRange, tfbridge.TerraformToPulumiNameV2(name, s, infos))
		}
		if err := t.expression(a.Expr, of); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
