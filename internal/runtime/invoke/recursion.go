package invoke

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// maxRecursion is how often a function runs in one chain of events, as on Lambda: the
// next time is a loop's.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
const maxRecursion = 16

// What a chain of events has come through is in its trace header, as on Lambda:
//
//	X-Amzn-Trace-Id: Root=1-…;Parent=…;Sampled=0;Lineage=4f8b6e2c:3|a87bd80c:1
//
// The lineage counts the invocations of each function. It goes on by itself with what
// an instance does on its own ingress listener, with messages and with asynchronous
// events; from elsewhere it comes with the header, which AWS's SDKs pass on.
const lineageField = "Lineage="

// maxLineage is how many functions a lineage counts at most; of more the least
// frequent are forgotten, which are the last to be found in a loop.
const maxLineage = 16

// An ancestor is a function in a lineage.
type ancestor struct {
	key   string
	count int
}

// lineageKey stands for a function in lineages.
func lineageKey(arn string) string {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(arn)) // never fails
	return fmt.Sprintf("%08x", hash.Sum32())
}

// cutLineage takes the lineage off a trace header. Whatever is not of its form is
// ignored: anyone may have written the header.
func cutLineage(header string) (rest string, lineage []ancestor) {
	if !strings.Contains(header, lineageField) {
		return header, nil
	}
	var others []string
	for field := range strings.SplitSeq(header, ";") {
		text, ok := strings.CutPrefix(strings.TrimSpace(field), lineageField)
		if !ok {
			others = append(others, field)
			continue
		}
		for entry := range strings.SplitSeq(text, "|") {
			key, number, _ := strings.Cut(entry, ":")
			count, err := strconv.Atoi(number)
			if err == nil && count > 0 && count <= maxRecursion+1 && len(key) == 8 && isHex(key) {
				lineage = addAncestor(lineage, ancestor{key, count})
			}
		}
	}
	return strings.Join(others, ";"), lineage
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

// addAncestor adds a function, or raises its count.
func addAncestor(lineage []ancestor, a ancestor) []ancestor {
	for i := range lineage {
		if lineage[i].key == a.key {
			lineage[i].count = max(lineage[i].count, a.count)
			return lineage
		}
	}
	if len(lineage) < maxLineage {
		return append(lineage, a)
	}
	least := 0
	for i := range lineage {
		if lineage[i].count < lineage[least].count {
			least = i
		}
	}
	lineage[least] = a
	return lineage
}

// joinLineage is the opposite of cutLineage.
func joinLineage(header string, lineage []ancestor) string {
	if len(lineage) == 0 {
		return header
	}
	var b strings.Builder
	b.Grow(len(header) + 1 + len(lineageField) + len(lineage)*12)
	b.WriteString(header)
	if header != "" {
		b.WriteByte(';')
	}
	b.WriteString(lineageField)
	for i, a := range lineage {
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(a.key)
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(a.count))
	}
	return b.String()
}

// MergeTraces returns the first trace header with the lineage of all of them: of what
// several events have led to, and of what one event's function does under another
// trace. If the first is empty, the result has no trace of its own.
func MergeTraces(header string, others ...string) string {
	rest, lineage := cutLineage(header)
	for _, other := range others {
		_, more := cutLineage(other)
		for _, a := range more {
			lineage = addAncestor(lineage, a)
		}
	}
	return joinLineage(rest, lineage)
}

// depth is how often the function has run in the chain that led to the header.
func (f *function) depth(header string) int {
	_, lineage := cutLineage(header)
	for _, a := range lineage {
		if a.key == f.lineage {
			return a.count
		}
	}
	return 0
}

// loops tells whether running the function once more would be once too often.
func (f *function) loops(header string) bool {
	return strings.Contains(header, lineageField) && f.depth(header) >= maxRecursion
}

// descend returns the header with this invocation of the function in it.
func (f *function) descend(header string) string {
	if !strings.Contains(header, lineageField) {
		return header + ";" + lineageField + f.lineage + ":1"
	}
	rest, lineage := cutLineage(header)
	return joinLineage(rest, addAncestor(lineage, ancestor{f.lineage, f.depth(header) + 1}))
}

// recursive is the error of an invocation that would be a loop's.
func recursive(f *function) *Error {
	return &Error{
		Status: http.StatusBadRequest, Type: typeRecursive,
		Message: fmt.Sprintf("Lambda has detected your function %s being invoked in a recursive loop and stopped its invocation.", f.full),
	}
}

// ingress is what the instance reaches of the node, which knows by it who calls.
func (i *instance) ingress(to *sandbox.Ingress) *sandbox.Ingress {
	if to == nil {
		return nil
	}
	own := *to
	own.Handler = i.tracing(to.Handler)
	return &own
}

// tracing returns a handler for what the instance sends to its ingress listener: it
// says of each request what led to it, without the function's help.
func (i *instance) tracing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		trace := i.trace
		i.mu.Unlock()
		header := MergeTraces(r.Header.Get("X-Amzn-Trace-Id"), trace)
		if trace != "" && !strings.Contains(header, "Root=") {
			header = trace
		}
		if header != "" {
			r.Header.Set("X-Amzn-Trace-Id", header)
		}
		next.ServeHTTP(w, r)
	})
}
