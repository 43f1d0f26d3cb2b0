package aws

import (
	"fmt"
	"maps"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
)

// What somebody does by hand to the aliases and functions of a release that is under way:
// the release goes on, or ends, with what is left of them.

// edited tells whether the leading alias splits its traffic otherwise than the release has
// it, although nobody has said a word: in AWS's console, for example. Not so if AWS itself
// moves the traffic, which it does where the alias has instances of its own.
func (o *rollout) edited(n *note) bool {
	lead := o.movers()[0]
	return n.at(o.r) && o.i.functions[lead].provisioned.have == nil && !maps.Equal(o.alias(lead).routing(), o.r.Routing(lead))
}

// known is a release without the functions of which there is nothing left.
func (i *inventory) known(r release.Release) release.Release {
	r.Moves = maps.Clone(r.Moves)
	maps.DeleteFunc(r.Moves, func(name string, _ release.Move) bool { return i.functions[name] == nil })
	return r
}

// reachable leaves out of a release what is not there any more to be moved: functions that
// somebody has deleted since, or has made anew. It fails if a function has lost just the
// version that its alias would have to point at.
func (o *rollout) reachable(r release.Release) (release.Release, error) {
	all := r
	r.Moves = map[string]release.Move{}
	for name, move := range all.Moves {
		a, lacks := o.alias(name), 0
		for version := range all.Routing(name) {
			if a.versions().have[version] == nil {
				lacks = version
			}
		}
		switch n := a.note(); {
		case !a.exists():
		case lacks == 0:
			r.Moves[name] = move
		case n != nil && n.id == r.ID && n.began.Equal(r.Began):
			return r, fmt.Errorf("function %q of stack %q has no version %d any more, at which its alias would have to point; nothing was changed", name, o.i.name, lacks)
		}
	}
	if len(r.Moves) == 0 {
		return r, fmt.Errorf("the functions that the release %s moves are gone; deploy the stack anew, or delete it", r.ID)
	}
	return r, nil
}
