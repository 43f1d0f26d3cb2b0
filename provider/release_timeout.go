package provider

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// What steps and hooks of a release may take beyond what is configured: CloudWatch's
// metrics are late by a minute or two, and a hook may have to wait for a place to run in,
// and for a cold start.
const (
	stepMargin = 3 * time.Minute
	hookMargin = 4 * time.Minute
)

// releaseTimes are how long a release of the stack takes at least, if nothing goes wrong,
// and at most, unless a person stops it.
func releaseTimes(s stack.Stack) (least, most time.Duration) {
	if s.Release == nil {
		return 0, 0
	}
	r := s.Release.Resolve()
	slowest := time.Duration(0)
	for _, f := range s.Functions {
		slowest = max(slowest, f.Timeout.Std())
	}
	for range r.Steps() {
		step := r.Interval.Std()
		least += step
		if r.Gate != nil {
			// CloudWatch hears of an invocation when it has ended.
			most += min(slowest, step)
		}
		if r.Gate != nil && r.Gate.MinInvocations > 0 {
			step = max(step, r.Gate.Timeout.Std())
		}
		most += step + stepMargin
	}
	return least, most + hookTimes(s)
}

// hookTimes are how long the functions that are run for a release may take.
func hookTimes(s stack.Stack) (most time.Duration) {
	for _, hook := range []string{s.Release.Before, s.Release.After} {
		if f, ok := s.Functions[hook]; ok {
			most += f.Timeout.Std() + hookMargin
		}
	}
	return most
}

// updateTimeout is how long an update may take where `timeouts` does not say: a default
// never cuts a release off. On AWS an apply that does not wait still runs the hooks.
func updateTimeout(s stack.Stack, waits bool) time.Duration {
	switch _, most := releaseTimes(s); {
	case s.Release == nil:
		return writeTimeout
	case !waits:
		return writeTimeout + hookTimes(s)
	default:
		return writeTimeout + most
	}
}

// checkUpdateTimeout finds a timeout that no release can meet.
func checkUpdateTimeout(config tftypes.Value, s stack.Stack) stack.Problems {
	written, ok := text(fields(fields(config)["timeouts"])["update"])
	limit, err := time.ParseDuration(written)
	if !ok || err != nil || !waits(config) || slices.ContainsFunc(s.Validate(), ofRelease) {
		return nil // What is wrong besides is said besides.
	}
	least, _ := releaseTimes(s)
	if least < limit {
		return nil
	}
	return problem(fmt.Sprintf("an update may take %s, and the release (%s) takes at least %s; make the timeout longer, or do not wait (release.wait = false)",
		stack.Duration(limit), s.Release, stack.Duration(least)), "timeouts.update", "release.strategy", "release.weight", "release.interval", "release.wait")
}

func ofRelease(p stack.Problem) bool {
	return len(p.Paths) > 0 && strings.HasPrefix(p.Paths[0], "release.")
}
