package awswire

import (
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/aws/smithy-go/encoding/cbor"
)

// protocolCBOR is what services call their protocol that speak CBOR and have the
// operation in the path: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
const protocolCBOR = "smithy-rpc-v2-cbor"

// parseCBOR reads a body as if it was JSON; an empty one is an empty object.
func (d *decoder) parseCBOR(body []byte) any {
	if len(body) == 0 {
		return map[string]any{}
	}
	value, err := cbor.Decode(body)
	if err == nil {
		var plain any
		if plain, err = plainCBOR(value); err == nil {
			return plain
		}
	}
	d.problem("", "the body is not CBOR: %v", err)
	return map[string]any{}
}

// plainCBOR is a value in the types that JSON has: a time is a number of seconds, and
// bytes are base64.
func plainCBOR(value cbor.Value) (any, error) {
	switch v := value.(type) {
	case cbor.Map:
		object := map[string]any{}
		for name, inner := range v {
			plain, err := plainCBOR(inner)
			if err != nil {
				return nil, err
			}
			object[name] = plain
		}
		return object, nil
	case cbor.List:
		list := make([]any, len(v))
		for n, inner := range v {
			plain, err := plainCBOR(inner)
			if err != nil {
				return nil, err
			}
			list[n] = plain
		}
		return list, nil
	case *cbor.Tag:
		const time = 1 // in seconds since 1970
		if v.ID == time {
			return plainCBOR(v.Value)
		}
	case cbor.String:
		return string(v), nil
	case cbor.Slice:
		return base64.StdEncoding.EncodeToString(v), nil
	case cbor.Bool:
		return bool(v), nil
	case cbor.Uint:
		return float64(v), nil
	case cbor.NegInt:
		return -float64(v), nil
	case cbor.Float32:
		return float64(v), nil
	case cbor.Float64:
		return float64(v), nil
	case *cbor.Nil, *cbor.Undefined:
		return nil, nil
	}
	return nil, fmt.Errorf("it has a %T, which no service takes", value)
}

// cborError is an error as services write it that speak CBOR.
func (a *Answer) cborError(s *service, sh *shape, code, message string, details []Detail) {
	body := cbor.Map{"__type": cbor.String("com.amazonaws." + s.name + "#" + code), "message": cbor.String(message)}
	for _, d := range details {
		body[d.Name] = cbor.String(d.Value)
	}
	a.Header = http.Header{
		"X-Amzn-Requestid": {requestID}, "Content-Type": {"application/cbor"}, "Smithy-Protocol": {"rpc-v2-cbor"},
		"X-Amzn-Query-Error": {queryCode(s, sh, code) + ";Sender"},
	}
	a.Body = cbor.Encode(body)
}
