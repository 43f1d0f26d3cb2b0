package pack

import "bytes"

// A head keeps the first bytes that are written to it.
type head []byte

func (h *head) Write(b []byte) (int, error) {
	if missing := 4 - len(*h); missing > 0 {
		*h = append(*h, b[:min(missing, len(b))]...)
	}
	return len(b), nil
}

// mode guesses from how a file begins whether it can be executed on Linux: it is
// an ELF program, or names its interpreter.
func (h head) mode() mode {
	if bytes.HasPrefix(h, []byte("\x7fELF")) || bytes.HasPrefix(h, []byte("#!")) {
		return modeExecutable
	}
	return modePlain
}
