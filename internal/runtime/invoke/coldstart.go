package invoke

import (
	"net/http"
	"strconv"
	"time"
)

// An Initialization tells how an instance came to be. It goes with the instance's
// first event, and is zero with every other.
type Initialization struct {
	// Began is when the instance was started, which for a provisioned one may be long
	// before its first event.
	Began time.Time
	// Took is the time from then until it asked for an event, as in Lambda's "Init
	// Duration".
	Took time.Duration
	// Pooled is true if its sandbox, and its language's interpreter, were there before.
	Pooled bool
	// Provisioned is true if nobody waited for it.
	Provisioned bool
}

// The headers of an answer that tell of the instance's initialisation.
const (
	// HeaderInitDuration is Took in milliseconds, as in the log.
	HeaderInitDuration = "X-Tidegate-Init-Duration"
	// HeaderInitType is "on-demand" or "provisioned-concurrency", as in
	// AWS_LAMBDA_INITIALIZATION_TYPE.
	HeaderInitType = "X-Tidegate-Init-Type"
	// HeaderInitPooled is "true" or "false".
	HeaderInitPooled = "X-Tidegate-Init-Pooled"
)

// The types of an initialisation.
const (
	onDemand               = "on-demand"
	provisionedConcurrency = "provisioned-concurrency"
)

// Tell sets the headers, unless the instance was warm.
func (i Initialization) Tell(header http.Header) {
	if i.Took == 0 {
		return
	}
	header.Set(HeaderInitDuration, strconv.FormatFloat(float64(i.Took)/1e6, 'f', 2, 64))
	header.Set(HeaderInitType, i.kind())
	header.Set(HeaderInitPooled, strconv.FormatBool(i.Pooled))
}

func (i Initialization) kind() string {
	if i.Provisioned {
		return provisionedConcurrency
	}
	return onDemand
}
