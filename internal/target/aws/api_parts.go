package aws

// apiParts are the components of an HTTP API.
type apiParts struct {
	api          *api
	stage        *stage
	accessLog    *accessLog
	authorizer   *authorizer
	integrations *integrations
	routes       *routes
}

// addAPI adds the components of an HTTP API. What is shown of one may build on those
// before it. The stage is made last, so that it deploys all routes at once.
func (i *inventory) addAPI() *apiParts {
	p := &apiParts{
		api: &api{i: i}, stage: &stage{i: i}, accessLog: &accessLog{i: i},
		authorizer: &authorizer{i: i}, integrations: &integrations{i: i}, routes: &routes{i: i},
	}
	// The API needs the access log so as to be gone before it.
	i.add(p.api, nil, p.accessLog)
	i.add(p.stage, p.api, p.accessLog, p.routes)
	i.add(p.accessLog, nil)
	i.add(p.authorizer, p.api)
	i.add(p.integrations, p.api)
	i.add(p.routes, p.api, p.integrations, p.authorizer)
	for _, f := range i.functions {
		// The API's id is in the permission that lets it invoke the function, and a
		// route must not lead to a function before that.
		i.needMore(f.permissions, p.api)
		i.needMore(p.integrations, f.alias)
		i.needMore(p.routes, f.permissions)
	}
	return p
}
