package invoke

// maxNesting is how deep encoding/json lets arrays and objects be in each other.
const maxNesting = 10000

// validJSON is json.Valid, which takes longer for an event of megabytes than all else that
// the runtime does with it.
func validJSON(text []byte) bool {
	var few [32]byte
	within := few[:0] // the arrays and objects that a value is in, by how they begin
	at := 0
	for {
		at = skipSpace(text, at)
		if at == len(text) {
			return false
		}
		switch first := text[at]; first {
		case '"':
			at = stringEnd(text, at)
		case 't':
			at = wordEnd(text, at, "true")
		case 'f':
			at = wordEnd(text, at, "false")
		case 'n':
			at = wordEnd(text, at, "null")
		case '[', '{':
			if len(within) == maxNesting {
				return false
			}
			at = skipSpace(text, at+1)
			if at == len(text) {
				return false
			}
			if text[at] == first+2 { // ] comes two after [, and } after {
				at++
				break
			}
			within = append(within, first)
			if first == '{' {
				at = keyEnd(text, at)
			}
			if at < 0 {
				return false
			}
			continue
		default:
			at = numberEnd(text, at)
		}
		if at < 0 {
			return false
		}
		if at, within = valueEnd(text, at, within); len(within) == 0 || at < 0 {
			return at == len(text)
		}
	}
}

// valueEnd goes on after a value, to where the next one begins, and leaves the arrays and
// objects that end. It returns -1 if that is not JSON.
func valueEnd(text []byte, at int, within []byte) (int, []byte) {
	for {
		at = skipSpace(text, at)
		if len(within) == 0 {
			return at, within
		}
		if at == len(text) {
			return -1, within
		}
		in := within[len(within)-1]
		switch text[at] {
		case in + 2:
			within = within[:len(within)-1]
			at++
		case ',':
			at++
			if in == '{' {
				at = keyEnd(text, skipSpace(text, at))
			}
			return at, within
		default:
			return -1, within
		}
	}
}

// The following return where what begins at a place ends, or -1 if it is not there.

func skipSpace(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r') {
		at++
	}
	return at
}

// keyEnd is after the colon.
func keyEnd(text []byte, at int) int {
	if at == len(text) || text[at] != '"' {
		return -1
	}
	if at = stringEnd(text, at); at < 0 {
		return -1
	}
	at = skipSpace(text, at)
	if at == len(text) || text[at] != ':' {
		return -1
	}
	return at + 1
}

func wordEnd(text []byte, at int, word string) int {
	if len(text)-at < len(word) || string(text[at:at+len(word)]) != word {
		return -1
	}
	return at + len(word)
}

// plainInString are the bytes that stand for themselves in a string.
var plainInString = func() (set [256]bool) {
	for b := range set {
		set[b] = b >= ' ' && b != '"' && b != '\\'
	}
	return set
}()

func stringEnd(text []byte, at int) int {
	for at++; ; at++ {
		for at < len(text) && plainInString[text[at]] {
			at++
		}
		if at == len(text) || text[at] < ' ' {
			return -1
		}
		if text[at] == '"' {
			return at + 1
		}
		at++ // behind the backslash
		if at == len(text) {
			return -1
		}
		switch text[at] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			if len(text)-at <= 4 {
				return -1
			}
			for range 4 {
				if at++; !isHexDigit(text[at]) {
					return -1
				}
			}
		default:
			return -1
		}
	}
}

func isHexDigit(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'f'
}

func numberEnd(text []byte, at int) int {
	if text[at] == '-' {
		at++
	}
	if at < len(text) && text[at] == '0' {
		at++
	} else if at = digitsEnd(text, at); at < 0 {
		return -1
	}
	if at < len(text) && text[at] == '.' {
		if at = digitsEnd(text, at+1); at < 0 {
			return -1
		}
	}
	if at < len(text) && text[at]|0x20 == 'e' {
		if at++; at < len(text) && (text[at] == '+' || text[at] == '-') {
			at++
		}
		at = digitsEnd(text, at)
	}
	return at
}

// digitsEnd is after at least one digit.
func digitsEnd(text []byte, at int) int {
	begin := at
	for at < len(text) && '0' <= text[at] && text[at] <= '9' {
		at++
	}
	if at == begin {
		return -1
	}
	return at
}
