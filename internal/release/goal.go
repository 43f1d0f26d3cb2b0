package release

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Goal returns the versions that functions are to have after going back to something
// earlier, and says what that is: "went back to release r-1". All are the stack's
// releases, newest first, and functions the names of those that it has now. To is the id
// of a release that was finished, or, in a stack with one function, a version's number;
// empty means what was before the last release that was finished.
//
// Of functions that are newer than the goal nothing is said.
func Goal(name string, all []Release, functions []string, to string) (versions map[string]int, what string, err error) {
	if to == "" {
		for _, past := range all {
			if past.Phase != Finished {
				continue
			}
			versions := maps.Clone(past.Versions)
			for function, move := range past.Moves {
				versions[function] = move.Stable.Main()
			}
			return versions, "went back to what was before release " + past.ID, nil
		}
		return nil, "", fmt.Errorf("stack %q has had no release that could be undone; nothing was changed", name)
	}
	if number, err := strconv.Atoi(to); err == nil {
		if len(functions) != 1 {
			return nil, "", fmt.Errorf("stack %q has %d functions, so the number %s does not say which versions to go back to%s",
				name, len(functions), to, finished("name a release", all))
		}
		return map[string]int{functions[0]: number}, "went back to version " + to, nil
	}
	rolledBack := false
	for _, past := range all {
		if past.ID == to && past.Phase == Finished {
			return past.Versions, "went back to release " + to, nil
		}
		rolledBack = rolledBack || past.ID == to
	}
	if rolledBack {
		return nil, "", fmt.Errorf("the release %s of stack %q was rolled back, so there is nothing to go back to%s", to, name, finished("name another", all))
	}
	return nil, "", fmt.Errorf("stack %q knows of no release %q to go back to%s", name, to, finished("name another", all))
}

// finished tells to name one of the releases that can be gone back to, as the end of a
// sentence.
func finished(tell string, all []Release) string {
	var ids []string
	for _, past := range all {
		if past.Phase == Finished && !slices.Contains(ids, past.ID) {
			ids = append(ids, past.ID)
		}
	}
	if len(ids) == 0 {
		return ", and no release of it was finished"
	}
	return "; " + tell + ": " + strings.Join(ids, ", ")
}
