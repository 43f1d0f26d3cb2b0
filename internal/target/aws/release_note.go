package aws

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A note is what the description of an alias says of the last release that moved it. It
// is written together with the alias's weights, in one call, and so can never disagree
// with them. Of the aliases that one release moves, the first by name leads: what its
// note says is where the release is, and whoever changes that note has taken the step.
//
// People read it in AWS's console, and every plan from the aliases that it reads anyway.
type note struct {
	id      string
	back    bool
	phase   release.Phase
	step    int
	stopped release.Stopped
	// weight of the candidates in percent, which follows from the policy.
	weight    int
	candidate int
	stable    stack.Routing
	// since and began are in whole seconds, as are all times of a release on AWS.
	since, began time.Time
	by           string
	// wants is the digest of the stack that the release makes, driver a mark of the
	// operation that takes its steps.
	wants, driver string
	// aside are provisioned instances that were moved from the alias to its stable
	// version; see release_provisioned.go.
	aside int
	// what happened last, as far as there is room.
	what string
}

const (
	// maxDescription is how long an alias's description may be, by Lambda's API.
	maxDescription = 256
	// maxNoteBy is how much of a name a note has room for.
	maxNoteBy = 64
)

var noteShape = regexp.MustCompile(`^release (\S+) (back )?(before|shifting|after|finished|rolled_back)(?: (\d+))?(?: (paused|held))?: ` +
	`(\d+) % to version (\d+) from ([0-9=,]+) since (\S+Z) \(began (\S+Z) by (.*?), ([0-9a-f]{8})/([0-9a-f]{4})(?:, (\d+) instances aside)?\)(?:; (.*))?$`)

// String is the description.
func (n note) String() string {
	var b strings.Builder
	b.WriteString("release " + n.id + " ")
	if n.back {
		b.WriteString("back ")
	}
	b.WriteString(string(n.phase))
	if n.phase == release.Shifting {
		fmt.Fprintf(&b, " %d", n.step)
	}
	if n.stopped != release.Running {
		b.WriteString(" " + string(n.stopped))
	}
	var from []string
	for _, version := range slices.Sorted(maps.Keys(n.stable)) {
		from = append(from, fmt.Sprintf("%d=%d", version, n.stable[version]))
	}
	fmt.Fprintf(&b, ": %d %% to version %d from %s since %s (began %s by %s, %s/%s", n.weight, n.candidate, strings.Join(from, ","),
		n.since.UTC().Format(time.RFC3339), n.began.UTC().Format(time.RFC3339), oneLine(n.by, maxNoteBy), n.wants, n.driver)
	if n.aside > 0 {
		fmt.Fprintf(&b, ", %d instances aside", n.aside)
	}
	b.WriteString(")")
	if over := b.Len() - maxDescription; over > 0 && n.by != "" { // With versions of very many digits.
		n.by = oneLine(n.by, max(0, min(len(n.by), maxNoteBy)-over))
		return n.String()
	}
	if what := oneLine(n.what, maxDescription-b.Len()-2); what != "" {
		b.WriteString("; " + what)
	}
	return b.String()
}

// oneLine is a text without line breaks, cut to so many bytes.
func oneLine(text string, room int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) <= room {
		return text
	}
	const cut = "..."
	if room <= len(cut) {
		return ""
	}
	text = text[:room-len(cut)]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text + cut
}

// parseNote reads a description; nil if it is none of ours.
func parseNote(description string) *note {
	m := noteShape.FindStringSubmatch(description)
	if m == nil {
		return nil
	}
	number := func(s string) int {
		n, _ := strconv.Atoi(s) // The shape has digits there, or nothing.
		return n
	}
	n := &note{
		id: m[1], back: m[2] != "", phase: release.Phase(m[3]), step: number(m[4]), stopped: release.Stopped(m[5]),
		weight: number(m[6]), candidate: number(m[7]), stable: stack.Routing{}, by: m[11], wants: m[12], driver: m[13], aside: number(m[14]), what: m[15],
	}
	for part := range strings.SplitSeq(m[8], ",") {
		version, percent, _ := strings.Cut(part, "=")
		n.stable[number(version)] = number(percent)
	}
	var errs [2]error
	n.since, errs[0] = time.Parse(time.RFC3339, m[9])
	n.began, errs[1] = time.Parse(time.RFC3339, m[10])
	if errs[0] != nil || errs[1] != nil || n.candidate == 0 || n.stable.Validate() != nil {
		return nil
	}
	return n
}

// noteOn is what the alias of a function is to say of a release that moves it.
func noteOn(r release.Release, function, wants, driver string, aside int) note {
	s := r.Status()
	return note{
		id: r.ID, back: r.Back, phase: r.Phase, step: r.Step, stopped: r.Stopped, weight: s.Weight,
		candidate: r.Moves[function].Candidate, stable: r.Moves[function].Stable, since: r.Since, began: r.Began, by: r.By,
		wants: wants, driver: driver, aside: aside, what: s.What,
	}
}

func (n *note) ended() bool {
	return n.phase == release.Finished || n.phase == release.RolledBack
}

// of tells whether two notes are of one release.
func (n *note) of(m *note) bool { return m != nil && n.id == m.id && n.began.Equal(m.began) }

// at tells whether the release stands where the note says. There may be no note.
func (n *note) at(r release.Release) bool {
	return n != nil && r.ID == n.id && r.Began.Equal(n.began) && r.Phase == n.phase && r.Step == n.step && r.Stopped == n.stopped && r.Since.Equal(n.since)
}

// routing that the alias is to have once the release has ended.
func (n *note) routing() stack.Routing {
	if n.phase == release.Finished {
		return stack.RouteTo(n.candidate)
	}
	return maps.Clone(n.stable)
}

// description of the alias "live"; empty if there is no such alias.
func (a *alias) description() string { return aws.ToString(a.all[stack.AliasLive].Description) }

// note on the alias "live"; nil if there is none.
func (a *alias) note() *note { return parseNote(a.description()) }

// newWith is what an alias says that was made before a release began, for a function that
// is new with it.
func newWith(id string) string { return "new with release " + id }

// leading is the note of the alias that leads the last release, and the names of all
// aliases with a note of it, the leading one first; nil if there was no release. One that
// is under way is the last one, whatever the clocks say of those who began the others.
func (i *inventory) leading() (last *note, names []string) {
	var leads []*note // The first of each release.
	for _, name := range slices.Sorted(maps.Keys(i.functions)) {
		if n := i.functions[name].alias.note(); n != nil && !slices.ContainsFunc(leads, n.of) {
			leads = append(leads, n)
		}
	}
	for _, n := range leads {
		if last == nil || later(n, last) {
			last = n
		}
	}
	for _, name := range slices.Sorted(maps.Keys(i.functions)) {
		if last != nil && last.of(i.functions[name].alias.note()) {
			names = append(names, name)
		}
	}
	return last, names
}

// later tells whether a release, by its leading note, comes after another.
func later(n, than *note) bool {
	if n.ended() != than.ended() {
		return than.ended()
	}
	return cmp.Or(n.began.Compare(than.began), n.since.Compare(than.since)) > 0
}

// underWay is the leading note of the release that is under way; nil if none is.
func (i *inventory) underWay() *note {
	if n, _ := i.leading(); n != nil && !n.ended() {
		return n
	}
	return nil
}

// releaseStatus tells of the last release as far as the aliases do.
func (i *inventory) releaseStatus() *stack.ReleaseStatus {
	n, names := i.leading()
	if n == nil {
		return nil
	}
	s := &stack.ReleaseStatus{
		ID: n.id, State: "running", Weight: n.weight, By: n.by, Began: n.began, Since: n.since, What: n.what, Back: n.back, Candidates: map[string]int{},
	}
	switch {
	case n.ended():
		s.State = string(n.phase)
	case n.stopped != release.Running:
		s.State = string(n.stopped)
	}
	for _, name := range names {
		s.Candidates[name] = i.functions[name].alias.note().candidate
	}
	return s
}

// movingState says how far the release under way has moved an alias; "" if it does not
// move it.
func (a *alias) movingState() string {
	lead, own := a.i.underWay(), a.note()
	if lead == nil || !lead.of(own) {
		return ""
	}
	state := fmt.Sprintf("release %s has moved %d %% to version %d, begun by %s at %s",
		lead.id, lead.weight, own.candidate, cmp.Or(lead.by, "somebody"), minuteOf(lead.began))
	if lead.stopped != release.Running {
		state += ", and is " + string(lead.stopped)
	}
	return state
}

// wentBack tells whether tidegate rollback is what pointed the alias where it is.
func (a *alias) wentBack() bool {
	n := a.note()
	return n != nil && n.back && n.phase == release.Finished && maps.Equal(a.routing(), stack.RouteTo(n.candidate))
}

func minuteOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// digestOf tells stacks apart, whatever their releases' policies and secrets.
func digestOf(s stack.Stack) string {
	sum := sha256.Sum256([]byte(content(s)))
	return hex.EncodeToString(sum[:])[:8]
}
