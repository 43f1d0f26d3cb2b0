package sandbox

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

// An ordinary user may have user and group ids besides its own, by /etc/subuid and
// /etc/subgid (subuid(5)). Two privileged programs of the host, newuidmap and newgidmap, put
// them into a user namespace of that user's: the shim's, in which each instance then has
// one of them. User ids are the same inside and outside, and the group has the user's
// number inside.

// subordinateBlock is how many of them a runtime takes, so that several of one user can be
// on a host. It is also the least there have to be.
const subordinateBlock = 1 << 12

// subordinates are the ids of one user, and the programs that map them.
type subordinates struct {
	newuidmap, newgidmap       string
	firstUID, firstGID, number int
}

// findSubordinates returns the calling user's. The error says what the host lacks.
func findSubordinates() (*subordinates, error) {
	s := &subordinates{}
	for name, path := range map[string]*string{"newuidmap": &s.newuidmap, "newgidmap": &s.newgidmap} {
		var err error
		if *path, err = exec.LookPath(name); err != nil {
			return nil, fmt.Errorf("%s is not on the PATH", name)
		}
	}
	uids, err := subordinateRange("/etc/subuid")
	if err != nil {
		return nil, err
	}
	gids, err := subordinateRange("/etc/subgid")
	if err != nil {
		return nil, err
	}
	s.firstUID, s.firstGID, s.number = uids.first, gids.first, min(uids.number, gids.number)
	return s, nil
}

type idRange struct{ first, number int }

// subordinateRange returns the largest range that a file gives the calling user.
func subordinateRange(file string) (idRange, error) {
	owners := []string{strconv.Itoa(os.Getuid())}
	if u, err := user.LookupId(owners[0]); err == nil {
		owners = append(owners, u.Username)
	}
	content, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return idRange{}, err
	}
	ranges := parseSubordinates(content, owners)
	if len(ranges) == 0 {
		return idRange{}, fmt.Errorf("%s gives this user no range of %d ids", file, subordinateBlock)
	}
	return slices.MaxFunc(ranges, func(a, b idRange) int { return cmp.Compare(a.number, b.number) }), nil
}

// parseSubordinates returns those ranges of a file that are of use. Its lines are
// owner:first:number.
func parseSubordinates(content []byte, owners []string) []idRange {
	const most = 1<<32 - 2 // the last id means none
	var ranges []idRange
	for line := range bytes.Lines(content) {
		fields := strings.Split(strings.TrimSpace(string(line)), ":")
		if len(fields) != 3 || !slices.Contains(owners, fields[0]) {
			continue
		}
		first, err1 := strconv.ParseUint(fields[1], 10, 32)
		number, err2 := strconv.ParseUint(fields[2], 10, 32)
		if err1 == nil && err2 == nil && first > functionUID && number >= subordinateBlock && first+number <= most {
			ranges = append(ranges, idRange{int(first), int(number)})
		}
	}
	return ranges
}

// users takes a block of them.
func (s *subordinates) users() (*users, error) {
	return newUsers(s.firstUID, subordinateBlock, s.number/subordinateBlock)
}

// mapInto gives a process's user namespace the ids, and the calling user as functionUID.
func (s *subordinates) mapInto(pid int) error {
	for _, m := range []struct {
		program    string
		own, first int
	}{{s.newuidmap, os.Geteuid(), s.firstUID}, {s.newgidmap, os.Getegid(), s.firstGID}} {
		arguments := []string{strconv.Itoa(pid)}
		for _, number := range []int{functionUID, m.own, 1, s.firstUID, m.first, s.number} {
			arguments = append(arguments, strconv.Itoa(number))
		}
		if out, err := exec.Command(m.program, arguments...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s failed (%w): %s", m.program, err, strings.Join(strings.Fields(string(out)), " "))
		}
	}
	return nil
}
