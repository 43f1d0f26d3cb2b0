package target

import (
	"cmp"
	"os"
	"os/user"
	"strings"
	"unicode"
)

// maxWho is the most bytes of a name that others are shown; records of releases on AWS
// have little room.
const maxWho = 64

// Who is the person or machine that runs this program, for other people: "ada@laptop".
// It proves nothing.
func Who() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		// On Windows the name has the domain before it.
		name = u.Username[strings.LastIndexByte(u.Username, '\\')+1:]
	}
	host, _ := os.Hostname()
	return who(name, host)
}

func who(name, host string) string {
	host, _, _ = strings.Cut(host, ".")
	text := cmp.Or(name, "somebody")
	if host != "" {
		text += "@" + host
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	return strings.ToValidUTF8(text[:min(maxWho, len(text))], "")
}
