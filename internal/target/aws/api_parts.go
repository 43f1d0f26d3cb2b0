package aws

// apiParts are the components of an HTTP API.
type apiParts struct {
	api          *api
	accessLog    component
	stage        component
	authorizer   component
	integrations component
	routes       component
}

func (i *inventory) addAPI() *apiParts {
	p := &apiParts{api: &api{i: i}, accessLog: &nothing{"access_log"}, stage: &nothing{"stage"}, authorizer: &nothing{"authorizer"}, integrations: &nothing{"integrations"}, routes: &nothing{"routes"}}
	i.add(p.api, nil)
	i.add(p.accessLog, nil)
	i.add(p.stage, p.api, p.accessLog)
	i.add(p.authorizer, p.api)
	i.add(p.integrations, p.api)
	i.add(p.routes, p.api, p.integrations, p.authorizer)
	for _, f := range i.functions {
		// The API's id is in the permission that lets it invoke the function.
		i.needMore(f.permissions, p.api)
		i.needMore(p.integrations, f.alias)
	}
	return p
}
