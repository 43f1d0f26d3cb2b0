package stack

import (
	"net/url"
	"regexp"
	"slices"
	"time"
)

// corsMethods are the methods that CORS rules can name. OPTIONS is last since
// not every kind of rule has it.
var corsMethods = []string{"*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// headerPattern is an HTTP field name (RFC 9110, section 5.1), or all of them.
var headerPattern = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func (v *validation) cors(c *CORS, path string, methods []string) {
	if len(c.AllowOrigins) == 0 {
		v.errorf(at(path+".allow_origins"), "the CORS rules allow no origin; name one such as \"https://example.org\", or leave them out")
	}
	for i, origin := range c.AllowOrigins {
		paths := at(index(path+".allow_origins", i), path+".allow_origins")
		switch {
		case origin == "*" && c.AllowCredentials:
			v.errorf(at(path+".allow_origins", path+".allow_credentials"), "credentials cannot be allowed from every origin; name the origins")
		case !validOrigin(origin):
			v.errorf(paths, "%q is not an origin such as \"https://example.org\" or \"*\"", origin)
		}
	}
	for i, method := range c.AllowMethods {
		if !slices.Contains(methods, method) {
			v.errorf(at(index(path+".allow_methods", i), path+".allow_methods"), "%q is not a method to allow; it can be %s",
				method, quotedList(methods, "or"))
		}
	}
	for _, list := range []struct {
		name   string
		values []string
	}{{"allow_headers", c.AllowHeaders}, {"expose_headers", c.ExposeHeaders}} {
		for i, header := range list.values {
			if !headerPattern.MatchString(header) {
				v.errorf(at(index(path+"."+list.name, i), path+"."+list.name), "%q is not the name of a header", header)
			}
		}
	}
	v.seconds(path+".max_age", "the age of a preflight's answer", c.MaxAge, 0, Duration(24*time.Hour))
}

// validOrigin accepts a scheme and a host, with or without a port; API Gateway
// also has "https://*".
func validOrigin(origin string) bool {
	if origin == "*" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Scheme != "" && u.Host != "" && u.User == nil && u.String() == u.Scheme+"://"+u.Host
}
