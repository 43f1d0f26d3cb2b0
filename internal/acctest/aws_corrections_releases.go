package acctest

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// speakCBOR asks moto in JSON, and answers in CBOR whoever asked in that.
func speakCBOR(_ *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	if r.Header.Get("Smithy-Protocol") == "" {
		return ask(r)
	}
	body, err := json.Marshal(r.Params)
	if err != nil {
		return nil, err
	}
	inJSON, err := r.Another(http.MethodPost, "/", body)
	if err != nil {
		return nil, err
	}
	inJSON.Header.Del("Smithy-Protocol")
	inJSON.Header.Set("Content-Type", "application/x-amz-json-1.0")
	inJSON.Header.Set("Accept", "application/json")
	inJSON.Header.Set("X-Amz-Target", "GraniteServiceVersion20100801."+r.Operation)
	answer, err := ask(inJSON)
	if err != nil {
		return nil, err
	}
	var said map[string]any
	if err := json.Unmarshal(answer.Body, &said); err != nil {
		return nil, fmt.Errorf("the emulator's answer to %s is no JSON: %w", r.Call(), err)
	}
	if !answer.OK() {
		code := fmt.Sprint(said["__type"])
		message, _ := said["message"].(string)
		return awswire.Error(fmt.Sprintf("%d %s", answer.Status, code[strings.LastIndex(code, "#")+1:]), message)(r), nil
	}
	return &awswire.Answer{
		Status: answer.Status, Body: cbor.Encode(inCBOR("", said)),
		Header: http.Header{"Content-Type": {"application/cbor"}, "Smithy-Protocol": {"rpc-v2-cbor"}},
	}, nil
}

// inCBOR is a value of JSON that has this name. Times are told by their names.
func inCBOR(name string, value any) cbor.Value {
	switch v := value.(type) {
	case map[string]any:
		object := cbor.Map{}
		for key, inner := range v {
			if inner != nil {
				object[key] = inCBOR(key, inner)
			}
		}
		return object
	case []any:
		list := cbor.List{}
		for _, inner := range v {
			list = append(list, inCBOR(name, inner))
		}
		return list
	case string:
		return cbor.String(v)
	case bool:
		return cbor.Bool(v)
	case float64:
		if strings.HasSuffix(strings.TrimSuffix(name, "s"), "Timestamp") {
			return &cbor.Tag{ID: 1, Value: cbor.Float64(v)}
		}
		if v >= 0 && v == math.Trunc(v) {
			return cbor.Uint(v)
		}
		return cbor.Float64(v)
	}
	return &cbor.Nil{}
}

// askForPercentiles asks moto for a percentile of a metric as the maximum of another one,
// into which tests put it: the percentile p95 of Duration is in "Duration p95".
func askForPercentiles(_ *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	text, err := json.Marshal(r.Params)
	if err != nil {
		return nil, err
	}
	asked := *r
	if err := json.Unmarshal(text, &asked.Params); err != nil {
		return nil, err
	}
	queries, _ := asked.Params["MetricDataQueries"].([]any)
	for _, one := range queries {
		query, _ := one.(map[string]any)
		stat, _ := query["MetricStat"].(map[string]any)
		metric, _ := stat["Metric"].(map[string]any)
		if percentile, is := stat["Stat"].(string); is && strings.HasPrefix(percentile, "p") {
			metric["MetricName"], stat["Stat"] = fmt.Sprintf("%v %s", metric["MetricName"], percentile), "Maximum"
		}
	}
	return ask(&asked)
}

// keepRevisions gives aliases revision ids that change with them, and refuses a change of
// another revision.
func keepRevisions(m *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	name, _ := functionOf(r.Param("FunctionName"))
	revision := func(alias any) string {
		return fmt.Sprintf("0a1b2c3d-0000-4000-8000-%012d", m.revisions[name+":"+fmt.Sprint(alias)])
	}
	if r.Operation == "UpdateAlias" {
		outdated := false
		m.locked(func() { outdated = r.Param("RevisionId") != "" && r.Param("RevisionId") != revision(r.Param("Name")) })
		if outdated {
			return awswire.Error("PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. "+
				"Call the GetFunction/GetAlias API to retrieve the latest Revision Id", awswire.Detail{Name: "Type", Value: "User"})(r), nil
		}
	}
	answer, err := ask(r)
	if err != nil || !answer.OK() {
		return answer, err
	}
	answer.EditJSON(func(body map[string]any) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if r.Operation == "CreateAlias" || r.Operation == "UpdateAlias" {
			m.revisions[name+":"+fmt.Sprint(body["Name"])]++
		}
		all, isList := body["Aliases"].([]any)
		if !isList {
			all = []any{body}
		}
		for _, one := range all {
			if alias, ok := one.(map[string]any); ok {
				alias["RevisionId"] = revision(alias["Name"])
			}
		}
	})
	return answer, nil
}
