package acctest

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

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
	inJSON.Service, inJSON.Operation, inJSON.Params = r.Service, r.Operation, r.Params
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

// A datum is what one entry of PutMetricData has of a metric.
type datum struct {
	metric string
	at     float64 // in seconds since 1970
	values []float64
}

// metricOf a namespace, a name and dimensions in one text.
func metricOf(namespace any, metric map[string]any) string {
	var dimensions []string
	all, _ := metric["Dimensions"].([]any)
	for _, one := range all {
		if d, ok := one.(map[string]any); ok {
			dimensions = append(dimensions, fmt.Sprintf("%v=%v", d["Name"], d["Value"]))
		}
	}
	slices.Sort(dimensions)
	return fmt.Sprintf("%v %v %v", namespace, metric["MetricName"], dimensions)
}

// keepPercentiles remembers the values that metrics get, and tells their percentiles.
func keepPercentiles(m *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	answer, err := ask(r)
	if err != nil || !answer.OK() {
		return answer, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Operation == "PutMetricData" {
		entries, _ := r.Params["MetricData"].([]any)
		for _, one := range entries {
			d, err := datumOf(r.Params["Namespace"], one)
			if err != nil {
				return nil, err
			}
			m.data = append(m.data, d)
		}
		return answer, nil
	}
	queries := map[any]map[string]any{}
	all, _ := r.Params["MetricDataQueries"].([]any)
	for _, one := range all {
		if q, ok := one.(map[string]any); ok {
			queries[q["Id"]], _ = q["MetricStat"].(map[string]any)
		}
	}
	answer.EditJSON(func(body map[string]any) {
		results, _ := body["MetricDataResults"].([]any)
		for _, one := range results {
			result, _ := one.(map[string]any)
			stat := queries[result["Id"]]
			var percent float64
			if _, err := fmt.Sscanf(fmt.Sprint(stat["Stat"]), "p%g", &percent); err != nil {
				continue
			}
			metric, _ := stat["Metric"].(map[string]any)
			times, _ := result["Timestamps"].([]any)
			values := make([]any, len(times))
			for n := range times {
				from, _ := times[n].(float64)
				period, _ := stat["Period"].(float64)
				values[n] = m.percentile(percent, metricOf(metric["Namespace"], metric), from, from+period)
			}
			result["Values"] = values
		}
	})
	return answer, nil
}

// datumOf an entry of PutMetricData.
func datumOf(namespace, entry any) (d datum, err error) {
	e, _ := entry.(map[string]any)
	d.metric = metricOf(namespace, e)
	switch at := e["Timestamp"].(type) {
	case float64:
		d.at = at
	case string:
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return d, err
		}
		d.at = float64(t.Unix())
	default:
		return d, fmt.Errorf("a value of %s has the time %v", d.metric, at)
	}
	if value, ok := e["Value"].(float64); ok {
		d.values = append(d.values, value)
	}
	values, _ := e["Values"].([]any)
	counts, _ := e["Counts"].([]any)
	for n := range values {
		value, _ := values[n].(float64)
		times := 1.0
		if n < len(counts) {
			times, _ = counts[n].(float64)
		}
		d.values = append(d.values, slices.Repeat([]float64{value}, int(times))...)
	}
	return d, nil
}

// percentile of what a metric got in some seconds, by the nearest rank. The memory is
// locked.
func (m *memory) percentile(percent float64, metric string, from, to float64) float64 {
	var values []float64
	for _, d := range m.data {
		if d.metric == metric && d.at >= from && d.at < to {
			values = append(values, d.values...)
		}
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[max(int(math.Ceil(percent/100*float64(len(values)))), 1)-1]
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
