package aws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// policyVersion is the version of IAM's language that every document is written in.
const policyVersion = "2012-10-17"

// A policyDocument is a policy in IAM's language: of what a role may do, of who may
// take it on (its trust policy), or of who may use a resource.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
type policyDocument struct {
	Version    string
	Statements []policyStatement
}

// A policyStatement allows or denies something. Those lists are empty that it does
// without.
type policyStatement struct {
	Sid    string `json:"Sid,omitempty"`
	Effect string `json:"Effect"`
	// Principal is by kind: "Service", "AWS", "Federated".
	Principal    principals  `json:"Principal,omitempty"`
	NotPrincipal principals  `json:"NotPrincipal,omitempty"`
	Action       policyWords `json:"Action,omitempty"`
	NotAction    policyWords `json:"NotAction,omitempty"`
	Resource     policyWords `json:"Resource,omitempty"`
	NotResource  policyWords `json:"NotResource,omitempty"`
	// Condition is by operator, then by key.
	Condition map[string]map[string]policyWords `json:"Condition,omitempty"`
}

// allow is a statement of what a role may do.
func allow(sid string, resources []string, actions ...string) policyStatement {
	return policyStatement{Sid: sid, Effect: "Allow", Action: actions, Resource: resources}
}

// trust is the trust policy of a role that a service of AWS takes on. A condition may
// be nil.
func trust(service string, condition map[string]map[string]policyWords) policyDocument {
	return policyDocument{Version: policyVersion, Statements: []policyStatement{{
		Effect: "Allow", Principal: principals{"Service": {service}}, Action: policyWords{"sts:AssumeRole"}, Condition: condition,
	}}}
}

// String is the document as compact JSON.
func (d policyDocument) String() string {
	document := struct {
		Version   string            `json:",omitempty"`
		Statement []policyStatement `json:"Statement"`
	}{d.Version, d.Statements}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	// An escaped character would count as six.
	encoder.SetEscapeHTML(false)
	// Texts, lists and maps of them always encode.
	_ = encoder.Encode(document)
	return strings.TrimSuffix(text.String(), "\n")
}

// size is what IAM counts against its limits: characters. (It leaves out white space,
// of which there is hardly any here.)
func (d policyDocument) size() int { return utf8.RuneCountInString(d.String()) }

// parsePolicy reads a document as services answer it. IAM's are URL-encoded.
func parsePolicy(text string) (policyDocument, error) {
	if strings.HasPrefix(text, "%") {
		plain, err := url.PathUnescape(text)
		if err != nil {
			return policyDocument{}, fmt.Errorf("AWS answered with a policy that is not URL-encoded: %w", err)
		}
		text = plain
	}
	var document struct {
		Version   string
		Statement json.RawMessage
	}
	err := json.Unmarshal([]byte(text), &document)
	d := policyDocument{Version: document.Version}
	if err == nil && len(document.Statement) > 0 {
		if document.Statement[0] == '{' { // A single statement needs no list.
			d.Statements = make([]policyStatement, 1)
			err = json.Unmarshal(document.Statement, &d.Statements[0])
		} else {
			err = json.Unmarshal(document.Statement, &d.Statements)
		}
	}
	if err != nil {
		return policyDocument{}, fmt.Errorf("AWS answered with a policy that is not one: %w", err)
	}
	return d, nil
}

// policyWords are one or more texts, which are written as a text if it is one.
type policyWords []string

// UnmarshalJSON takes a text, a number or a truth value, or a list of them.
func (w *policyWords) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	*w = make(policyWords, 0, len(list))
	for _, word := range list {
		switch word.(type) {
		case string, bool, json.Number:
			*w = append(*w, fmt.Sprint(word))
		default:
			return fmt.Errorf("%s is neither a text nor a list of texts", text)
		}
	}
	return nil
}

// MarshalJSON writes a text or a list of texts.
func (w policyWords) MarshalJSON() ([]byte, error) {
	var value any = []string(w)
	if len(w) == 1 {
		value = w[0]
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSpace(text.Bytes()), err
}

// sorted returns the words, each once, in order.
func (w policyWords) sorted(normal func(string) string) policyWords {
	out := make(policyWords, 0, len(w))
	for _, word := range w {
		out = append(out, normal(word))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// principals are who a statement is about, by kind.
type principals map[string]policyWords

// everybody is written as "*".
var everybody = principals{"AWS": {"*"}}

// UnmarshalJSON takes "*" or an object.
func (p *principals) UnmarshalJSON(text []byte) error {
	if string(text) == `"*"` {
		*p = everybody
		return nil
	}
	var object map[string]policyWords
	err := json.Unmarshal(text, &object)
	*p = object
	return err
}

// rootARN is how IAM writes an account as a principal.
var rootARN = regexp.MustCompile(`^arn:[^:]+:iam::([0-9]{12}):root$`)

// meaning is the same text for two statements that say the same. Their Sids do not
// matter, nor the order of lists, nor whether one text is a list; neither does the
// case of actions and of the names in conditions.
func (s policyStatement) meaning() string {
	same := func(word string) string { return word }
	normalPrincipals := func(p principals) principals {
		if p == nil {
			return nil
		}
		out := principals{}
		for kind, who := range p {
			out[kind] = who.sorted(func(word string) string { return rootARN.ReplaceAllString(word, "$1") })
		}
		return out
	}
	normal := policyStatement{
		Effect:    s.Effect,
		Principal: normalPrincipals(s.Principal), NotPrincipal: normalPrincipals(s.NotPrincipal),
		Action: s.Action.sorted(strings.ToLower), NotAction: s.NotAction.sorted(strings.ToLower),
		Resource: s.Resource.sorted(same), NotResource: s.NotResource.sorted(same),
		Condition: map[string]map[string]policyWords{},
	}
	for operator, keys := range s.Condition {
		conditions := map[string]policyWords{}
		for key, values := range keys {
			conditions[strings.ToLower(key)] = values.sorted(same)
		}
		normal.Condition[strings.ToLower(operator)] = conditions
	}
	// Texts, lists and maps of them always marshal, and the keys of maps sorted.
	text, _ := json.Marshal(normal)
	return string(text)
}

// differs says in words how a document is not what it should be; "" if it means the
// same.
func (d policyDocument) differs(want policyDocument) string {
	var words []string
	if d.Version != want.Version {
		words = append(words, fmt.Sprintf("its version is %q", d.Version))
	}
	have := slices.Clone(d.Statements)
	take := func(is func(policyStatement) bool) bool {
		n := slices.IndexFunc(have, is)
		if n >= 0 {
			have = slices.Delete(have, n, n+1)
		}
		return n >= 0
	}
	var open []policyStatement
	for _, w := range want.Statements {
		if !take(func(s policyStatement) bool { return s.Sid == w.Sid && s.meaning() == w.meaning() }) {
			open = append(open, w)
		}
	}
	for _, w := range open {
		switch {
		case take(func(s policyStatement) bool { return s.meaning() == w.meaning() }):
		case take(func(s policyStatement) bool { return s.Sid == w.Sid }):
			words = append(words, "its statement"+called(w)+" differs")
		default:
			words = append(words, "its statement"+called(w)+" is missing")
		}
	}
	for _, s := range have {
		words = append(words, "it has a further statement"+called(s))
	}
	return strings.Join(words, ", ")
}

// called is a statement's Sid with a space before it, if it has one.
func called(s policyStatement) string {
	if s.Sid == "" {
		return ""
	}
	return " " + s.Sid
}
