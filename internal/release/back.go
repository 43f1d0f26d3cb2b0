package release

import (
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Back is the release that returns a stack to earlier versions because a person said
// so (tidegate rollback): it moves all aliases at once, whatever the wish's policy, and
// is finished. What says where to, for people: "went back to release r-1".
func Back(w Wish, what string, now time.Time) Release {
	w.Policy = stack.Release{Strategy: stack.AllAtOnce}
	r := Begin(w, now)
	r.Back = true
	r.Trail[len(r.Trail)-1].What = what
	return r
}
