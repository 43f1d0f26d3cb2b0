package acctest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// nameConflict calls a conflict what Lambda calls it.
func nameConflict(_ *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	answer, err := ask(r)
	if err != nil || answer.Status != http.StatusConflict {
		return answer, err
	}
	var said struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(answer.Body, &said); err != nil {
		return nil, err
	}
	return awswire.Error("ResourceConflictException", said.Message, awswire.Detail{Name: "Type", Value: "User"})(r), nil
}

// refuseSecondRoute lets no route be made that exists.
func refuseSecondRoute(_ *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	var routes struct {
		Items []struct{ RouteKey string }
	}
	if answer, err := other(r, ask, http.MethodGet, r.URL.Path, nil, &routes); err != nil || !answer.OK() {
		return answer, err
	}
	for _, route := range routes.Items {
		if key := r.Param("RouteKey"); route.RouteKey == key {
			return awswire.Error("ConflictException", "Route with key "+key+" already exists for this API")(r), nil
		}
	}
	return ask(r)
}

// refuseSecondAuthorizer lets an API have one authorizer of a name.
func refuseSecondAuthorizer(_ *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	var authorizers struct {
		Items []struct{ Name string }
	}
	if answer, err := other(r, ask, http.MethodGet, r.URL.Path, nil, &authorizers); err != nil || !answer.OK() {
		return answer, err
	}
	for _, authorizer := range authorizers.Items {
		if name := r.Param("Name"); authorizer.Name == name {
			return awswire.Error("BadRequestException", "Authorizer name must be unique. Authorizer "+name+" already exists in this RestApi.")(r), nil
		}
	}
	return ask(r)
}

// refuseSecondMapping lets no mapping be made that exists.
func refuseSecondMapping(_ *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	var mappings struct {
		EventSourceMappings []struct{ UUID, FunctionArn string }
	}
	queue, function := r.Param("EventSourceArn"), r.Param("FunctionName")
	if answer, err := other(r, ask, http.MethodGet, r.URL.Path+"?EventSourceArn="+url.QueryEscape(queue), nil, &mappings); err != nil || !answer.OK() {
		return answer, err
	}
	for _, mapping := range mappings.EventSourceMappings {
		if mapping.FunctionArn == function {
			return awswire.Error("ResourceConflictException", fmt.Sprintf("An event source mapping with SQS arn (\" %s \") and function (\" %s \") already exists. "+
				"Please update or delete the existing mapping with UUID %s", queue, function, mapping.UUID), awswire.Detail{Name: "Type", Value: "User"})(r), nil
		}
	}
	return ask(r)
}

// missMissingScheduleGroup says of a group that is not there what moto says to one who
// looks for it.
func missMissingScheduleGroup(_ *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	if answer, err := other(r, ask, http.MethodGet, r.URL.Path, nil, nil); err != nil || !answer.OK() {
		return answer, err
	}
	return ask(r)
}
