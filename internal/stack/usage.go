package stack

import "time"

// Usage is what one version of a function has used since there is usage of it: on one
// node or, added up, on several.
type Usage struct {
	Stack    string `json:"stack"`
	Function string `json:"function"`
	// Version is a number or "$LATEST".
	Version     string `json:"version" doc:"A number or $LATEST."`
	Invocations uint64 `json:"invocations" doc:"Those that were answered, well or not, and those that no instance could be started for."`
	Errors      uint64 `json:"errors" doc:"Those of the invocations that failed."`
	Throttles   uint64 `json:"throttles" doc:"Invocations that were turned away while this version's held the places."`
	// BilledMS are the milliseconds that the REPORT lines of the version's invocations
	// say are billed: each invocation's are rounded up, and the time to initialise an
	// instance is part of those of its first.
	BilledMS uint64 `json:"billed_ms" doc:"Billed milliseconds, as in the log's REPORT lines: each invocation's rounded up, an instance's start included."`
	// BilledMBMS are the same, multiplied by the version's memory in MB.
	BilledMBMS uint64 `json:"billed_mb_ms" doc:"Billed milliseconds times memory in MB."`
	// Last is when the usage last grew, to the second.
	Last time.Time `json:"last" doc:"When the usage last grew. It is forgotten 400 days later."`
}

// Plus adds what was used elsewhere.
func (u Usage) Plus(other Usage) Usage {
	u.Invocations += other.Invocations
	u.Errors += other.Errors
	u.Throttles += other.Throttles
	u.BilledMS += other.BilledMS
	u.BilledMBMS += other.BilledMBMS
	if other.Last.After(u.Last) {
		u.Last = other.Last
	}
	return u
}

// VersionUsage is Usage as the API tells it.
type VersionUsage struct {
	Usage
	GBSeconds float64 `json:"gb_seconds" doc:"The same in GB-seconds."`
}

// Priced adds BilledMBMS as it is priced.
func (u Usage) Priced() VersionUsage {
	return VersionUsage{u, float64(u.BilledMBMS) / 1024 / 1000}
}
