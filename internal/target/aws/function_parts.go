package aws

import (
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// functionParts are the components of one function.
type functionParts struct {
	logGroup    *logGroup
	role        *role
	policy      *rolePolicy
	layers      *layers
	function    *function
	versions    *versions
	alias       *alias
	concurrency *concurrency
	async       *async
	provisioned *provisioned
	url         *functionURL
	permissions *functionPermissions
}

// functionComponent names a component of a function, as stack.AliasComponent does.
func functionComponent(function, component string) string {
	return "functions/" + function + "/" + component
}

// functionTags are the tags of what belongs to one function of a stack.
func (i *inventory) functionTags(s stack.Stack, function string) map[string]string {
	return i.tags(i.name, s.Tags, map[string]string{tagFunction: function})
}

// addFunction adds the components of a function. The function itself is first, for
// what hangs on it is shown only if it is there.
func (i *inventory) addFunction(name string) *functionParts {
	p := &functionParts{logGroup: &logGroup{i: i, function: name}}
	p.role = newFunctionRole(i, name)
	p.policy = newFunctionPolicy(i, name, p.role)
	p.function, p.layers = &function{i: i, function: name}, &layers{i: i, function: name}
	p.versions, p.alias = &versions{i: i, function: name}, &alias{i: i, function: name}
	p.concurrency, p.provisioned = &concurrency{i: i, function: name}, &provisioned{i: i, function: name}
	p.async = &async{i: i, function: name}
	p.url, p.permissions = &functionURL{i: i, function: name}, &functionPermissions{i: i, function: name}
	i.add(p.function, nil, p.logGroup, p.role, p.policy, p.layers)
	// A function is found again by its log group, which is therefore made before all
	// else of the function and removed after it.
	i.add(p.logGroup, nil)
	i.add(p.role, nil, p.logGroup)
	i.add(p.policy, p.role)
	i.add(p.layers, nil, p.logGroup)
	i.add(p.versions, p.function)
	i.add(p.alias, p.function, p.versions)
	// Lambda keeps what is provisioned within what is reserved, whichever is changed.
	i.add(p.concurrency, p.function, p.alias)
	i.add(p.async, p.function, p.alias, p.policy)
	i.add(p.provisioned, p.function, p.alias, p.concurrency)
	i.add(p.url, p.function, p.alias)
	i.add(p.permissions, p.function, p.alias, p.url)
	return p
}
