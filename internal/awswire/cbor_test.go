package awswire

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// cborCall is a call of CloudWatch, which speaks CBOR.
func cborCall(operation string, body cbor.Value) call {
	return call{
		service: "monitoring", uri: "/service/GraniteServiceVersion20100801/operation/" + operation, body: string(cbor.Encode(body)),
		header: map[string]string{"Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"},
	}
}

func TestRequestsInCBORAreChecked(t *testing.T) {
	query := cbor.Map{
		"Id": cbor.String("c0_0"), "MetricStat": cbor.Map{
			"Metric": cbor.Map{"Namespace": cbor.String("AWS/Lambda"), "MetricName": cbor.String("Errors")}, "Period": cbor.Uint(60), "Stat": cbor.String("Sum"),
		},
	}
	at := &cbor.Tag{ID: 1, Value: cbor.Float64(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC).Unix())}
	for name, c := range map[string]struct {
		call    call
		problem string
	}{
		"well":               {cborCall("GetMetricData", cbor.Map{"MetricDataQueries": cbor.List{query}, "StartTime": at, "EndTime": at}), ""},
		"an unknown member":  {cborCall("DescribeAlarms", cbor.Map{"Alarms": cbor.List{}}), "Alarms: is unknown"},
		"another type":       {cborCall("DescribeAlarms", cbor.Map{"MaxRecords": cbor.String("1")}), "MaxRecords: is a string, want a integer"},
		"too much":           {cborCall("DescribeAlarms", cbor.Map{"MaxRecords": cbor.Uint(101)}), "MaxRecords"},
		"no such operation":  {cborCall("Describe", cbor.Map{}), `cloudwatch has no operation "Describe"`},
		"no CBOR":            {call{service: "monitoring", uri: "/service/GraniteServiceVersion20100801/operation/DescribeAlarms", body: "{}", header: map[string]string{"Smithy-Protocol": "rpc-v2-cbor"}}, "the body is not CBOR"},
		"an earlier address": {call{service: "monitoring", uri: "/", body: ""}, "is due, with the header Smithy-Protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.call.request(t)
			theModels(t).read(r)
			if problems := strings.Join(r.Problems, "; "); (problems == "") != (c.problem == "") || !strings.Contains(problems, c.problem) {
				t.Errorf("the problems are %q, want %q", problems, c.problem)
			}
		})
	}
	r := cborCall("GetMetricData", cbor.Map{"MetricDataQueries": cbor.List{query}, "StartTime": at, "EndTime": at}).request(t)
	theModels(t).read(r)
	if r.Call() != "cloudwatch:GetMetricData" {
		t.Errorf("the call is %s", r.Call())
	}
	answer := AccessDenied("cloudwatch:GetMetricData", "*")(r)
	body, err := cbor.Decode(answer.Body)
	if err != nil || answer.Status != 403 || answer.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" || !strings.HasSuffix(string(body.(cbor.Map)["__type"].(cbor.String)), "#AccessDenied") {
		t.Errorf("the denial is %d %v, %v", answer.Status, body, err)
	}
}
