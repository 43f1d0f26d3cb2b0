// Package telemetry keeps what functions and the runtime say of themselves:
// log lines, in a stream that every node writes and reads, and metrics, per
// node, for Prometheus.
package telemetry

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxLine is the most bytes of one log line; a longer one is cut into several.
const MaxLine = 64 << 10

// An Entry is one line of a function's log.
type Entry struct {
	Time     time.Time `json:"time"`
	Stack    string    `json:"stack"`
	Function string    `json:"function"`
	// Version is a number or "$LATEST".
	Version string `json:"version,omitempty"`
	// Instance that wrote the line.
	Instance string `json:"instance,omitempty"`
	// RequestID of the invocation that was running; empty while an instance
	// initialises.
	RequestID string `json:"request_id,omitempty"`
	// Line is valid UTF-8 without a line break at its end.
	Line string `json:"line"`
}

// entryOverhead is about what an entry takes beside its line, in bytes, in
// memory and in the stream.
const entryOverhead = 256

func (e Entry) size() int { return len(e.Line) + entryOverhead }

// A Group is the log of one function of one incarnation of a stack: what
// Lambda calls a log group.
type Group struct {
	Stack, Incarnation, Function string
	// Retention of lines appended from now on; 0 means for ever. Either way the
	// oldest lines of all functions go first when the stream is full.
	Retention time.Duration
}

// cleanLine makes a line fit for an Entry.
func cleanLine(line string) string {
	if len(line) > MaxLine {
		line = line[:MaxLine]
	}
	if utf8.ValidString(line) {
		return line
	}
	return strings.ToValidUTF8(line, "\uFFFD")
}

// appendTo appends the entry as json.Marshal writes it, without reflection: there are
// three for each invocation.
func (e Entry) appendTo(b []byte) []byte {
	if year := e.Time.Year(); year < 0 || year > 9999 {
		e.Time = time.Unix(0, 0)
	}
	b = append(b, `{"time":"`...)
	b = e.Time.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","stack":`...)
	b = appendString(b, e.Stack)
	b = append(b, `,"function":`...)
	b = appendString(b, e.Function)
	for _, field := range [...]struct{ name, value string }{
		{`,"version":`, e.Version}, {`,"instance":`, e.Instance}, {`,"request_id":`, e.RequestID},
	} {
		if field.value != "" {
			b = appendString(append(b, field.name...), field.value)
		}
	}
	b = append(b, `,"line":`...)
	return append(appendString(b, e.Line), '}')
}

// appendString appends a JSON string.
func appendString(b []byte, s string) []byte {
	plain := 0
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '\t' { // as in REPORT lines
			b = append(append(b, s[plain:i]...), `\t`...)
			plain = i + 1
			continue
		}
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, _ := json.Marshal(s[plain:]) // any string
			return append(b, text[1:]...)
		}
	}
	return append(append(b, s[plain:]...), '"')
}
