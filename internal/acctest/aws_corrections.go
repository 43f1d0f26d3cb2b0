package acctest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

func keepRedriveAllow(m *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	const attribute = "RedriveAllowPolicy"
	answer, err := ask(r)
	if err != nil || !answer.OK() {
		return answer, err
	}
	queue := r.Param("QueueUrl")
	if r.Operation == "CreateQueue" {
		var made struct{ QueueUrl string }
		if err := json.Unmarshal(answer.Body, &made); err != nil {
			return nil, err
		}
		queue = made.QueueUrl
	}
	queue = queue[strings.LastIndex(queue, "/")+1:]
	m.mu.Lock()
	defer m.mu.Unlock()
	switch r.Operation {
	case "CreateQueue", "SetQueueAttributes":
		set, _ := r.Params["Attributes"].(map[string]any)
		if policy, ok := set[attribute].(string); ok {
			m.redriveAllow[queue] = policy
		}
	case "DeleteQueue":
		delete(m.redriveAllow, queue)
	case "GetQueueAttributes":
		names, _ := r.Params["AttributeNames"].([]any)
		if policy := m.redriveAllow[queue]; policy != "" && (slices.Contains(names, any("All")) || slices.Contains(names, any(attribute))) {
			answer.EditJSON(func(body map[string]any) {
				if all, ok := body["Attributes"].(map[string]any); ok {
					all[attribute] = policy
				}
			})
		}
	}
	return answer, nil
}

func missTagsOfMissingGroups(_ *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	_, group, _ := strings.Cut(r.Param("resourceArn"), ":log-group:")
	body, err := json.Marshal(map[string]string{"logGroupNamePrefix": group})
	if err != nil {
		return nil, err
	}
	look, err := r.Another(http.MethodPost, "/", body)
	if err != nil {
		return nil, err
	}
	look.Header.Set("X-Amz-Target", "Logs_20140328.DescribeLogGroups")
	answer, err := ask(look)
	if err != nil || !answer.OK() {
		return answer, err
	}
	var found struct {
		LogGroups []struct {
			LogGroupName string `json:"logGroupName"`
		} `json:"logGroups"`
	}
	if err := json.Unmarshal(answer.Body, &found); err != nil {
		return nil, err
	}
	for _, g := range found.LogGroups {
		if g.LogGroupName == group {
			return ask(r)
		}
	}
	return awswire.Error("ResourceNotFoundException", "The specified log group does not exist.")(r), nil
}

// replaceSchedule makes the schedule anew.
func replaceSchedule(_ *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	group := r.Param("GroupName")
	if group == "" {
		group = "default"
	}
	answer, err := other(r, ask, http.MethodDelete, r.URL.Path+"?groupName="+group, nil, nil)
	if err != nil || !answer.OK() {
		return answer, err
	}
	create, err := r.Another(http.MethodPost, r.URL.RequestURI(), r.Body)
	if err != nil {
		return nil, err
	}
	return ask(create)
}

func listAuthorizers(m *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	api := r.Param("ApiId")
	if r.Operation == "CreateAuthorizer" {
		answer, err := ask(r)
		if err != nil || !answer.OK() {
			return answer, err
		}
		var made struct{ AuthorizerId string }
		if err := json.Unmarshal(answer.Body, &made); err != nil {
			return nil, err
		}
		m.locked(func() { m.authorizers[api] = append(m.authorizers[api], made.AuthorizerId) })
		return answer, nil
	}
	var ids []string
	m.locked(func() { ids = slices.Clone(m.authorizers[api]) })
	items := []any{}
	for _, id := range ids {
		var one map[string]any
		answer, err := other(r, ask, http.MethodGet, "/v2/apis/"+api+"/authorizers/"+id, nil, &one)
		if err != nil {
			return nil, err
		}
		if answer.OK() { // Else it was deleted.
			items = append(items, one)
		}
	}
	return answerJSON(http.StatusOK, map[string]any{"items": items})
}

// changeStage makes a stage anew, with what is changed.
func changeStage(_ *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	stages := "/v2/apis/" + r.Param("ApiId") + "/stages"
	one := stages + "/" + r.Param("StageName")
	var stage map[string]any
	if answer, err := other(r, ask, http.MethodGet, one, nil, &stage); err != nil || !answer.OK() {
		return answer, err
	}
	switch r.Operation {
	case "DeleteAccessLogSettings":
		delete(stage, "accessLogSettings")
	case "DeleteRouteSettings":
		routes, _ := stage["routeSettings"].(map[string]any)
		if _, ok := routes[r.Param("RouteKey")]; !ok {
			return awswire.Error("NotFoundException", "Unable to find Route by key "+r.Param("RouteKey")+" within the provided RouteSettings")(r), nil
		}
		delete(routes, r.Param("RouteKey"))
	default:
		var change map[string]any
		if err := json.Unmarshal(r.Body, &change); err != nil {
			return nil, err
		}
		merge(stage, change)
	}
	if answer, err := other(r, ask, http.MethodDelete, one, nil, nil); err != nil || !answer.OK() {
		return answer, err
	}
	answer, err := other(r, ask, http.MethodPost, stages, stage, nil)
	if err == nil && answer.OK() && r.Operation != "UpdateStage" {
		return &awswire.Answer{Status: http.StatusNoContent, Header: http.Header{}}, nil
	}
	return answer, err
}

// merge puts what is in change into object; an empty text in place of a stage's
// variable removes it.
func merge(object, change map[string]any) {
	for key, value := range change {
		inner, isObject := value.(map[string]any)
		before, wasObject := object[key].(map[string]any)
		switch {
		case isObject && wasObject:
			merge(before, inner)
		case value == "" && key != "description":
			delete(object, key)
		default:
			object[key] = value
		}
	}
}
