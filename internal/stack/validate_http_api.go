package stack

import (
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

func (v *validation) httpAPI(api *HTTPAPI) {
	if len(api.Routes) == 0 {
		v.errorf(at("routes"), "an HTTP API has at least one route, and this one has none")
	}
	shapes := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(api.Routes)) {
		path := element("routes", key)
		parsed, err := ParseRouteKey(key)
		if err != nil {
			v.errorf(at(path), "%v", err)
		} else if other, taken := shapes[parsed.Shape()]; taken {
			v.errorf(at(path, element("routes", other)), "%q takes the same requests as %q, since parameters match whatever they are called; keep one of them",
				key, other)
		} else {
			shapes[parsed.Shape()] = key
		}
		v.routeAuth(api, api.Routes[key], path)
		v.routeAlias(api.Routes[key], path)
	}
	if api.CORS != nil {
		v.cors(api.CORS, "cors", corsMethods)
	}
	if t := api.Throttle; t != nil {
		if !(t.Rate > 0) || math.IsInf(t.Rate, 0) {
			v.errorf(at("throttle.rate"), "the rate is %v requests a second; it is more than 0", t.Rate)
		}
		if t.Burst < 1 {
			v.errorf(at("throttle.burst"), "the burst is %d requests; it is at least 1", t.Burst)
		}
	}
	if api.Auth != nil {
		v.jwtAuth(api.Auth)
	}
	if api.AccessLog != nil {
		v.accessLog(api.AccessLog)
	}
}

// maxAccessLogFormat is how long API Gateway lets the format of a line be.
const maxAccessLogFormat = 1024

func (v *validation) accessLog(l *AccessLog) {
	const path = "access_log.format"
	switch {
	case utf8.RuneCountInString(l.Format) > maxAccessLogFormat:
		v.errorf(at(path), "the format has %d characters; it can have %d", utf8.RuneCountInString(l.Format), maxAccessLogFormat)
	case strings.ContainsAny(l.Format, "\r\n"):
		v.errorf(at(path), "the format has more than one line; a request is one line of the log")
	case !strings.Contains(l.Format, "$context.requestId") && !strings.Contains(l.Format, "$context.extendedRequestId"):
		v.errorf(at(path), "the format lacks $context.requestId, without which API Gateway takes none")
	}
	v.retention("access_log.retention_days", l.RetentionDays)
}

func (v *validation) routeAuth(api *HTTPAPI, r Route, path string) {
	v.oneOf(path+".auth", "the authorization of the route", r.Auth, "inherit", "none")
	switch {
	case len(r.Scopes) == 0:
	case r.Auth == "none":
		v.errorf(at(path+".scopes", path+".auth"), "the route asks for scopes but for no token; leave out its auth or its scopes")
	case api.Auth == nil:
		v.errorf(at(path+".scopes", "auth"), "the route asks for scopes, but the API has no auth that reads tokens")
	}
	v.scopes(r.Scopes, path+".scopes")
}

func (v *validation) jwtAuth(a *JWTAuth) {
	issuer, err := url.Parse(a.Issuer)
	if err != nil || issuer.Scheme != "https" && issuer.Scheme != "http" || issuer.Host == "" || issuer.RawQuery != "" || issuer.Fragment != "" {
		v.errorf(at("auth.issuer"), "%q is not the URL of an issuer of tokens, such as \"https://login.example.org/realm\"", a.Issuer)
	}
	if len(a.Audience) == 0 || slices.Contains(a.Audience, "") {
		v.errorf(at("auth.audience"), "name the audiences that tokens must be for, at least one and none empty")
	}
	v.scopes(a.Scopes, "auth.scopes")
}

func (v *validation) scopes(scopes []string, path string) {
	if slices.Contains(scopes, "") {
		v.errorf(at(path), "a scope is empty; leave it out")
	}
}
