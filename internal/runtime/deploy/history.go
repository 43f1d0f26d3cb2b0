package deploy

import (
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
)

// A record has a limit (8 MB on the embedded store), beyond which no release could take
// another step. So it remembers maxReleases that have ended, and of each a trail of at
// most so many marks of so many bytes; older ones are told more shortly than the last.
const (
	maxReleases        = 20
	maxMarks, oldMarks = 300, 24
	maxWhat, oldWhat   = 4000, 500
	// firstMarks are kept of a trail that is too long, with its last ones.
	firstMarks = 4
)

// remember adds a release that has ended to those of the record.
func remember(next *store.Record, r release.Release) {
	for i := range next.Releases {
		next.Releases[i].Trail = abridged(next.Releases[i].Trail, oldMarks, oldWhat)
	}
	next.Releases = slices.Insert(next.Releases, 0, r)
	next.Releases = next.Releases[:min(len(next.Releases), maxReleases)]
}

// abridged is the trail with at most so many marks of so many bytes.
func abridged(trail []release.Mark, marks, bytes int) []release.Mark {
	if len(trail) > marks {
		trail = slices.Concat(trail[:firstMarks], trail[len(trail)-(marks-firstMarks):])
	}
	long := func(m release.Mark) bool { return len(m.What) > bytes }
	if !slices.ContainsFunc(trail, long) {
		return trail
	}
	trail = slices.Clone(trail)
	for i, m := range trail {
		if long(m) {
			trail[i].What = strings.ToValidUTF8(m.What[:bytes-len("…")], "") + "…"
		}
	}
	return trail
}
