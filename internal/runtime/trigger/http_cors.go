package trigger

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// cors answers cross-origin requests as API Gateway does for an API that is
// configured for it: functions need not, and what they say of it is ignored
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html).
// A nil one leaves everything to the functions.
type cors struct{ config *stack.CORS }

const corsPrefix = "Access-Control-"

// isPreflight tells whether a browser asks what it may send.
func (c cors) isPreflight(r *http.Request) bool {
	return c.config != nil && r.Method == http.MethodOptions &&
		r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// preflight answers a browser that asks. Where its origin is not allowed, the
// answer says nothing of what is.
func (c cors) preflight(w http.ResponseWriter, r *http.Request) {
	if c.annotate(w, r) {
		list(w, "Access-Control-Allow-Methods", c.config.AllowMethods)
		list(w, "Access-Control-Allow-Headers", c.config.AllowHeaders)
		if c.config.MaxAge > 0 {
			w.Header().Set("Access-Control-Max-Age", strconv.Itoa(int(c.config.MaxAge.Std().Seconds())))
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// annotate adds what an actual request's answer has to say, and tells whether
// the request's origin is allowed.
func (c cors) annotate(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if c.config == nil || origin == "" {
		return false
	}
	allowed := ""
	for _, pattern := range c.config.AllowOrigins {
		if pattern == "*" {
			allowed = "*"
			break
		}
		if originMatches(pattern, origin) {
			allowed = origin
		}
	}
	if allowed != "*" {
		w.Header().Add("Vary", "Origin")
	}
	if allowed == "" {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", allowed)
	if c.config.AllowCredentials {
		w.Header().Set("Access-Control-Allow-Credentials", "true")
	}
	list(w, "Access-Control-Expose-Headers", c.config.ExposeHeaders)
	return true
}

// originMatches: "https://*" stands for every origin of that scheme.
func originMatches(pattern, origin string) bool {
	if scheme, ok := strings.CutSuffix(pattern, "://*"); ok {
		return strings.HasPrefix(origin, scheme+"://")
	}
	return strings.EqualFold(pattern, origin)
}

// strip takes out of a function's answer what the configuration decides.
func (c cors) strip(header http.Header) {
	if c.config == nil {
		return
	}
	for name := range header {
		if strings.HasPrefix(name, corsPrefix) {
			delete(header, name)
		}
	}
}

func list(w http.ResponseWriter, name string, values []string) {
	if len(values) > 0 {
		w.Header().Set(name, strings.Join(values, ","))
	}
}
