package stack

import (
	"cmp"
	"fmt"
)

// An Alias is a further name for one version of a function, or for two that share its
// traffic. Unlike "live" it does not belong to the stack: no deployment and no release
// moves it. It goes when its function goes, and a version that it points at stays.
type Alias struct {
	Routing Routing `json:"routing"`
	// URL gives the alias an address of its own; nil means none.
	URL *FunctionURL `json:"url,omitempty"`
}

// An AliasRef says which alias is meant. Its names are those in the configuration.
type AliasRef struct {
	Stack, Function, Name string
}

// String is "<stack>/<function>/<name>".
func (r AliasRef) String() string { return r.Stack + "/" + r.Function + "/" + r.Name }

// AliasStatus is an alias as its target has it.
type AliasStatus struct {
	Alias
	// ARN by which the alias is invoked.
	ARN string `json:"arn"`
	// FunctionURL is the alias's own address; empty if it has none.
	FunctionURL string `json:"function_url,omitempty"`
	// State is Ready, or says what is wrong with what the alias needs on its target.
	State string `json:"state"`
}

// WithDefaults returns the alias with defaults in place of what is empty.
func (a Alias) WithDefaults() Alias {
	if a.URL != nil {
		url := *a.URL
		url.Auth = cmp.Or(url.Auth, NewFunctionURL().Auth)
		url.InvokeMode = cmp.Or(url.InvokeMode, NewFunctionURL().InvokeMode)
		a.URL = &url
	}
	return a
}

// ValidateAlias returns everything that is wrong with an alias and that can be told
// without asking anyone. It expects defaults to be filled in.
func ValidateAlias(ref AliasRef, a Alias) Problems {
	v := &validation{}
	v.name("stack", "a stack", ref.Stack)
	v.name("function", "a function", ref.Function)
	v.name("name", "an alias", ref.Name)
	if ref.Name == AliasLive {
		v.errorf(at("name"), "the alias %q is the stack's own, which releases move; choose another name", AliasLive)
	}
	if err := a.Routing.Validate(); err != nil {
		v.errorf(at("routing"), "%v", err)
	}
	v.functionURL(a.URL, "url")
	return v.problems
}

// Qualifier is the alias that the route invokes.
func (r Route) Qualifier() string { return cmp.Or(r.Alias, AliasLive) }

// routeAlias checks the name of the alias that a route invokes; that there is one is
// for the target to know.
func (v *validation) routeAlias(r Route, path string) {
	if r.Alias != "" {
		v.name(path+".alias", "an alias", r.Alias)
	}
}

// Percentages says in words where the alias points: "90 % to version 7 and 10 % to
// version 8".
func (r Routing) Percentages() string {
	words := ""
	for i, version := range r.versions() {
		if i > 0 {
			words += " and "
		}
		words += fmt.Sprintf("%d %% to version %d", r[version], version)
	}
	return cmp.Or(words, "nothing")
}
