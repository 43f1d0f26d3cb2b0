package acctest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// functionOf takes a function's name or ARN apart.
func functionOf(nameOrARN string) (name, qualifier string) {
	words := strings.Split(nameOrARN, ":")
	if words[0] == "arn" && len(words) > 6 {
		words = words[6:]
	}
	if len(words) > 1 {
		qualifier = words[1]
	}
	return words[0], qualifier
}

func keepAliasOfMapping(m *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	answer, err := ask(r)
	if err != nil || !answer.OK() {
		return answer, err
	}
	_, qualifier := functionOf(r.Param("FunctionName"))
	named := r.Operation != "ListEventSourceMappings" && r.Param("FunctionName") != ""
	answer.EditJSON(func(body map[string]any) {
		all, isList := body["EventSourceMappings"].([]any)
		if !isList {
			all = []any{body}
		}
		m.locked(func() {
			for _, one := range all {
				mapping, _ := one.(map[string]any)
				id := fmt.Sprint(mapping["UUID"])
				if named {
					m.mappings[id] = qualifier
				}
				arn := strings.Split(fmt.Sprint(mapping["FunctionArn"]), ":")
				if is := m.mappings[id]; len(arn) >= 7 {
					if arn = arn[:7]; is != "" {
						arn = append(arn, is)
					}
					mapping["FunctionArn"] = strings.Join(arn, ":")
				}
			}
		})
	})
	return answer, nil
}

// A statement of a function's policy.
type statement struct {
	Sid       string
	Effect    string
	Principal any
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

// newStatement is what AWS makes of AddPermission. Moto knows the function's ARN.
func newStatement(r *awswire.Request, resource string) statement {
	s := statement{
		Sid: r.Param("StatementId"), Effect: "Allow", Action: r.Param("Action"), Resource: resource, Principal: r.Param("Principal"),
		Condition: map[string]map[string]string{},
	}
	switch principal := r.Param("Principal"); {
	case strings.HasSuffix(principal, ".amazonaws.com"):
		s.Principal = map[string]string{"Service": principal}
	case principal != "*":
		s.Principal = map[string]string{"AWS": principal}
	}
	condition := func(param, operator, key string) {
		if value := r.Param(param); value != "" {
			if s.Condition[operator] == nil {
				s.Condition[operator] = map[string]string{}
			}
			s.Condition[operator][key] = value
		}
	}
	condition("SourceArn", "ArnLike", "AWS:SourceArn")
	condition("SourceAccount", "StringEquals", "AWS:SourceAccount")
	condition("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType")
	condition("InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl")
	return s
}

func keepPolicies(m *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	name, qualifier := functionOf(r.Param("FunctionName"))
	if given := r.Param("Qualifier"); given != "" {
		qualifier = given
	}
	switch r.Operation {
	case "AddPermission":
		return m.addPermission(r, ask, name, qualifier)
	case "RemovePermission":
		found := false
		m.locked(func() {
			all := m.policies[name][qualifier]
			rest := slices.DeleteFunc(slices.Clone(all), func(s statement) bool { return s.Sid == r.Param("StatementId") })
			if found = len(rest) < len(all); found {
				m.policies[name][qualifier] = rest
			}
		})
		if !found {
			return noPolicy(r), nil
		}
		return &awswire.Answer{Status: http.StatusNoContent, Header: http.Header{}}, nil
	case "GetPolicy":
		var all []statement
		m.locked(func() { all = slices.Clone(m.policies[name][qualifier]) })
		if len(all) == 0 {
			return noPolicy(r), nil
		}
		policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Id": "default", "Statement": all})
		if err != nil {
			return nil, err
		}
		return answerJSON(http.StatusOK, map[string]any{"Policy": string(policy), "RevisionId": "0f9c1f0e-7a0f-4ac4-9d0a-6f0a4c1c2d3e"})
	}
	answer, err := ask(r)
	if err == nil && answer.OK() {
		m.locked(func() {
			switch {
			case r.Operation == "DeleteAlias":
				delete(m.policies[name], r.Param("Name"))
			case qualifier == "":
				delete(m.policies, name)
			}
		})
	}
	return answer, err
}

func noPolicy(r *awswire.Request) *awswire.Answer {
	return awswire.Error("ResourceNotFoundException", "The resource you requested does not exist.", awswire.Detail{Name: "Type", Value: "User"})(r)
}

// addPermission asks moto only whether there is such a function and qualifier.
func (m *memory) addPermission(r *awswire.Request, ask awswire.Ask, name, qualifier string) (*awswire.Answer, error) {
	var function struct{ Configuration struct{ FunctionArn string } }
	uri := "/2015-03-31/functions/" + name
	if qualifier != "" {
		uri += "?Qualifier=" + url.QueryEscape(qualifier)
	}
	answer, err := other(r, ask, http.MethodGet, uri, nil, &function)
	if err != nil || !answer.OK() {
		return answer, err
	}
	resource := strings.Join(strings.Split(function.Configuration.FunctionArn, ":")[:7], ":")
	if qualifier != "" {
		resource += ":" + qualifier
	}
	s := newStatement(r, resource)
	taken := false
	m.locked(func() {
		if m.policies[name] == nil {
			m.policies[name] = map[string][]statement{}
		}
		all := m.policies[name][qualifier]
		if taken = slices.ContainsFunc(all, func(other statement) bool { return other.Sid == s.Sid }); !taken {
			m.policies[name][qualifier] = append(all, s)
		}
	})
	if taken {
		return awswire.Error("ResourceConflictException", "The statement id ("+s.Sid+") provided already exists. "+
			"Please provide a new statement id, or remove the existing statement.", awswire.Detail{Name: "Type", Value: "User"})(r), nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return answerJSON(http.StatusCreated, map[string]any{"Statement": string(text)})
}

func replaceAsync(_ *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
	if _, err := other(r, ask, http.MethodDelete, r.URL.RequestURI(), nil, nil); err != nil {
		return nil, err
	}
	return ask(r)
}
