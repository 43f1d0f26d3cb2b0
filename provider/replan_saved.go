package provider

import (
	"archive/zip"
	"io"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A savedPlan is a file of `terraform plan -out`: a zip with one entry in protocol
// buffers, whose format (planfile.proto) Terraform and OpenTofu share and have not
// changed incompatibly since 2021. It is read only to find better words for an
// error, so whatever is not understood is passed over.
type savedPlan struct{ changes []savedChange }

// A savedChange is the planned change of one resource.
type savedChange struct {
	address string
	after   tfprotov6.DynamicValue
}

// The fields that are read, by message.
const (
	planResourceChanges = 3
	resourceAddress     = 13
	resourceChange      = 9
	changeValues        = 2
	valueMsgPack        = 1
)

// maxPlan is the most bytes of a plan that are read.
const maxPlan = 512 << 20

// openSavedPlan returns nil of what is not a plan.
func openSavedPlan(path string) *savedPlan {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil
	}
	defer z.Close()
	entry, err := z.Open("tfplan")
	if err != nil {
		return nil
	}
	defer entry.Close()
	raw, err := io.ReadAll(io.LimitReader(entry, maxPlan))
	if err != nil {
		return nil
	}
	return parseSavedPlan(raw)
}

func parseSavedPlan(raw []byte) *savedPlan {
	p := &savedPlan{}
	for _, change := range messages(raw, planResourceChanges) {
		c := savedChange{}
		for _, address := range messages(change, resourceAddress) {
			c.address = string(address)
		}
		for _, body := range messages(change, resourceChange) {
			// Of an update, the first value is the one before.
			for _, value := range messages(body, changeValues) {
				for _, packed := range messages(value, valueMsgPack) {
					c.after = tfprotov6.DynamicValue{MsgPack: packed}
				}
			}
		}
		p.changes = append(p.changes, c)
	}
	return p
}

// messages returns the occurrences of a length-delimited field.
func messages(raw []byte, field protowire.Number) [][]byte {
	var found [][]byte
	for len(raw) > 0 {
		number, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			break
		}
		raw = raw[n:]
		if kind == protowire.BytesType {
			value, n := protowire.ConsumeBytes(raw)
			if n < 0 {
				break
			}
			if number == field {
				found = append(found, value)
			}
			raw = raw[n:]
			continue
		}
		if n = protowire.ConsumeFieldValue(number, kind, raw); n < 0 {
			break
		}
		raw = raw[n:]
	}
	return found
}

// find returns what was planned for a stack's functions. Of two stacks with the
// same name, on different targets, it cannot tell which is meant, and returns
// none.
func (p *savedPlan) find(kind stack.Kind, name string, t tftypes.Type) map[string]plannedFunction {
	var found map[string]plannedFunction
	for _, c := range p.changes {
		if !strings.Contains(c.address, "tidegate_"+string(kind)+".") {
			continue
		}
		after, err := c.after.Unmarshal(t)
		if err != nil {
			continue
		}
		if planned, ok := text(fields(after)["name"]); !ok || planned != name {
			continue
		}
		if found != nil {
			return nil
		}
		found = map[string]plannedFunction{}
		for function, f := range fields(fields(after)["functions"]) {
			found[function] = readPlanned(fields(f))
		}
	}
	return found
}

// readPlanned reads what a plan says of a function's code.
func readPlanned(f map[string]tftypes.Value) plannedFunction {
	p := plannedFunction{Manifest: map[string]string{}}
	p.SHA256, _ = text(f["code_sha256"])
	for file, fingerprint := range fields(f["code_manifest"]) {
		p.Manifest[file], _ = text(fingerprint)
	}
	layers, _ := tree(f["layer_sha256"]).([]any)
	for _, layer := range layers {
		sha, _ := layer.(string)
		p.Layers = append(p.Layers, sha)
	}
	return p
}
