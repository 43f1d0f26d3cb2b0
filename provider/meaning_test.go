package provider

import "testing"

func TestJSONIsComparedByWhatItMeans(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`{"a": 1}`, `{"a":1}`, true},
		{`"<aws.scheduler.scheduled-time>"`, `"\u003caws.scheduler.scheduled-time\u003e"`, true}, // jsonencode escapes
		{`"a&b"`, `"a\u0026b"`, true},
		{`"\\u003c"`, `"\\<"`, false}, // the backslash is escaped: these are other texts
		{`{"a":1}`, `{"a":2}`, false},
		{`{`, `{`, false},
	} {
		if got := jsonMeaning.same(c.a, c.b); got != c.same {
			t.Errorf("same(%s, %s) is %v", c.a, c.b, got)
		}
	}
}
