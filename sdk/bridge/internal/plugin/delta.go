package plugin

import (
	"strconv"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/reservedkeys"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"google.golang.org/protobuf/types/known/structpb"
)

// Beside a resource's properties the bridge keeps how to make Terraform's state of them
// again. There it notes every attribute that is null, each as a secret of its own. Of a
// stack that was most of what Pulumi's engine stores, decrypts, hands on and logs at every
// preview, and it says nothing: an attribute that a state lacks is null.

// withoutNulls takes such notes out of the properties of a resource.
func withoutNulls(properties *structpb.Struct) {
	if delta, ok := properties.GetFields()[reservedkeys.RawStateDelta]; ok {
		dropNulls(delta, structpb.NewStructValue(properties))
	}
}

// dropNulls takes them out of the delta of a value. What a note says of a property that is
// there stays.
func dropNulls(delta, value *structpb.Value) {
	of := fieldsIn(value)
	kinds := fieldsIn(delta)
	deltas := fieldsIn(fieldsIn(kinds["obj"])["ps"])
	for name, d := range deltas {
		if _, there := of[name]; there {
			dropNulls(d, of[name])
		} else if saysNull(d) {
			delete(deltas, name)
		}
	}
	for name, d := range fieldsIn(fieldsIn(kinds["map"])["el"]) {
		dropNulls(d, of[name])
	}
	elements := value.GetListValue().GetValues()
	for index, d := range fieldsIn(fieldsIn(kinds["arr"])["el"]) {
		if i, err := strconv.Atoi(index); err == nil && i < len(elements) {
			dropNulls(d, elements[i])
		}
	}
}

// saysNull tells whether all that a delta does is to insert null.
func saysNull(delta *structpb.Value) bool {
	raw, ok := fieldsIn(fieldsIn(delta)["replace"])["raw"]
	_, null := raw.GetKind().(*structpb.Value_NullValue)
	return ok && null
}

// fieldsIn are the fields of an object, be it secret or not.
func fieldsIn(value *structpb.Value) map[string]*structpb.Value {
	fields := value.GetStructValue().GetFields()
	for fields[resource.SigKey].GetStringValue() == resource.SecretSig {
		fields = fields["value"].GetStructValue().GetFields()
	}
	return fields
}
