package stack

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPatternMatches(t *testing.T) {
	tests := []struct{ name, pattern, matches, differs string }{
		{"a string is equal", `{"a":["x"]}`, `{"a":"x","b":1}`, `{"a":"X"}`},
		{"any of several values", `{"a":["x","y"]}`, `{"a":"y"}`, `{"a":"z"}`},
		{"all fields must match", `{"a":["x"],"b":["y"]}`, `{"a":"x","b":"y"}`, `{"a":"x","b":"z"}`},
		{"nested objects", `{"a":{"b":{"c":["x"]}}}`, `{"a":{"b":{"c":"x"}}}`, `{"a":{"b":"x"}}`},
		{"numbers are equal by value", `{"a":[3]}`, `{"a":3.0}`, `{"a":"3"}`},
		{"booleans", `{"a":[true]}`, `{"a":true}`, `{"a":"true"}`},
		{"null is a value", `{"a":[null]}`, `{"a":null}`, `{}`},
		{"the empty string", `{"a":[""]}`, `{"a":""}`, `{"a":null}`},
		{"any element of an array", `{"a":["x"]}`, `{"a":["y","x"]}`, `{"a":["y"]}`},
		{"one object of an array as a whole", `{"a":{"b":[1],"c":[2]}}`, `{"a":[{"b":1,"c":2}]}`, `{"a":[{"b":1},{"c":2}]}`},
		{"a prefix", `{"a":[{"prefix":"us-"}]}`, `{"a":"us-1"}`, `{"a":"eu-us-"}`},
		{"a prefix in any case", `{"a":[{"prefix":{"equals-ignore-case":"US-"}}]}`, `{"a":"us-1"}`, `{"a":"eu-1"}`},
		{"a suffix", `{"a":[{"suffix":".png"}]}`, `{"a":"b.png"}`, `{"a":".png "}`},
		{"a suffix in any case", `{"a":[{"suffix":{"equals-ignore-case":".png"}}]}`, `{"a":"b.PNG"}`, `{"a":"b.gif"}`},
		{"equality in any case", `{"a":[{"equals-ignore-case":"Alice"}]}`, `{"a":"aLICE"}`, `{"a":"Alic"}`},
		{"anything but a string", `{"a":[{"anything-but":"x"}]}`, `{"a":"y"}`, `{"a":"x"}`},
		{"anything but needs the field", `{"a":[{"anything-but":"x"}]}`, `{"a":1}`, `{}`},
		{"anything but a number", `{"a":[{"anything-but":1}]}`, `{"a":2}`, `{"a":1.0}`},
		{"anything but a list", `{"a":[{"anything-but":["x","y"]}]}`, `{"a":"z"}`, `{"a":"y"}`},
		{"anything but a prefix", `{"a":[{"anything-but":{"prefix":"x"}}]}`, `{"a":"yx"}`, `{"a":"xy"}`},
		{"anything but several prefixes", `{"a":[{"anything-but":{"prefix":["x","y"]}}]}`, `{"a":"z"}`, `{"a":"y1"}`},
		{"anything but a suffix", `{"a":[{"anything-but":{"suffix":"x"}}]}`, `{"a":"xy"}`, `{"a":"yx"}`},
		{"anything but in any case", `{"a":[{"anything-but":{"equals-ignore-case":["x"]}}]}`, `{"a":"y"}`, `{"a":"X"}`},
		{"anything but a wildcard", `{"a":[{"anything-but":{"wildcard":"*/lib/*"}}]}`, `{"a":"/lib"}`, `{"a":"/lib/"}`},
		{"a number that is equal", `{"a":[{"numeric":["=",3.018e2]}]}`, `{"a":301.8}`, `{"a":301}`},
		{"a number above", `{"a":[{"numeric":[">",0]}]}`, `{"a":0.1}`, `{"a":0}`},
		{"a number at least", `{"a":[{"numeric":[">=",0]}]}`, `{"a":0}`, `{"a":-1}`},
		{"a number below", `{"a":[{"numeric":["<",10]}]}`, `{"a":9}`, `{"a":"9"}`},
		{"a number in a range", `{"a":[{"numeric":[">",0,"<=",5]}]}`, `{"a":5}`, `{"a":6}`},
		{"a field that exists", `{"a":[{"exists":true}]}`, `{"a":null}`, `{"b":1}`},
		{"an object is no field that exists", `{"a":[{"exists":true}]}`, `{"a":1}`, `{"a":{"b":1}}`},
		{"a field that does not exist", `{"a":[{"exists":false}]}`, `{"a":{"b":1}}`, `{"a":0}`},
		{"an empty array does not exist", `{"a":[{"exists":false}]}`, `{"a":[]}`, `{"a":[1]}`},
		{"a nested field that does not exist", `{"a":{"b":[{"exists":false}]}}`, `{"a":"text"}`, `{"a":{"b":1}}`},
		{"exists beside a value", `{"a":[{"exists":false},"x"]}`, `{}`, `{"a":"y"}`},
		{"a wildcard within", `{"a":[{"wildcard":"dir/*.png"}]}`, `{"a":"dir/.png"}`, `{"a":"dir/a.gif"}`},
		{"wildcards at both ends", `{"a":[{"wildcard":"*b*"}]}`, `{"a":"abc"}`, `{"a":"ac"}`},
		{"wildcards whose parts overlap", `{"a":[{"wildcard":"ab*ba"}]}`, `{"a":"abba"}`, `{"a":"aba"}`},
		{"an escaped star", `{"a":[{"wildcard":"\\*\\\\"}]}`, `{"a":"*\\"}`, `{"a":"x\\"}`},
		{"an IPv4 network", `{"a":[{"cidr":"10.0.0.0/24"}]}`, `{"a":"10.0.0.255"}`, `{"a":"10.0.1.0"}`},
		{"an IPv6 network", `{"a":[{"cidr":"2001:db8::/32"}]}`, `{"a":"2001:db8::1"}`, `{"a":"10.0.0.1"}`},
		{"one of several alternatives", `{"$or":[{"a":[1]},{"b":[2]}]}`, `{"b":2}`, `{"a":2,"b":1}`},
		{"a field and an alternative", `{"c":[3],"$or":[{"a":[1]},{"b":[2]}]}`, `{"b":2,"c":3}`, `{"b":2}`},
		{"alternatives within an object", `{"d":{"$or":[{"a":[1]},{"b":[2]}]}}`, `{"d":{"a":1}}`, `{"a":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pattern := mustParsePattern(t, tt.pattern)
			if !pattern.Match(decode(t, tt.matches)) {
				t.Errorf("%s does not match %s", tt.pattern, tt.matches)
			}
			if pattern.Match(decode(t, tt.differs)) {
				t.Errorf("%s matches %s", tt.pattern, tt.differs)
			}
		})
	}
}

func TestTheEmptyPatternMatchesEverything(t *testing.T) {
	if p := mustParsePattern(t, `{}`); !p.Match(decode(t, `{"a":1}`)) || !p.Match(nil) {
		t.Error("{} does not match")
	}
}

func TestPatternsReadNumbersThatWereNotTurnedIntoFloats(t *testing.T) {
	p := mustParsePattern(t, `{"a":[{"numeric":[">",1]}]}`)
	if !p.Match(map[string]any{"a": json.Number("2")}) {
		t.Error("json.Number 2 is not above 1")
	}
}

func TestPatternAgreesWithWhatSQSFiltersLetThrough(t *testing.T) {
	text, err := os.ReadFile("testdata/sqs_filters.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		Cases []struct {
			Pattern json.RawMessage
			Matches any
		}
	}
	if err := json.Unmarshal(text, &recorded); err != nil || len(recorded.Cases) == 0 {
		t.Fatal("no recorded cases", err)
	}
	for _, c := range recorded.Cases {
		if !mustParsePattern(t, string(c.Pattern)).Match(c.Matches) {
			t.Errorf("%s does not match %v", c.Pattern, c.Matches)
		}
	}
}

func TestMalformedPatternsSayWhatWouldBeRight(t *testing.T) {
	tests := []struct{ pattern, want string }{
		{``, "is a JSON object"},
		{`null`, "is a JSON object, not null"},
		{`"simple string"`, "is a JSON object, not a string"},
		{`{"a":["x"]} {}`, "nothing after it"},
		{`{"a":"x"}`, "a is a string; write the values that match as a list"},
		{`{"a":{"b":1}}`, "a.b is a number; write the values"},
		{`{"a":[]}`, "a is an empty list"},
		{`{"a":{}}`, "a is an empty object"},
		{`{"a":[["x"]]}`, "a: a list of values does not hold another list"},
		{`{"a":[{}]}`, "this one has 0"},
		{`{"a":[{"prefix":"x","suffix":"y"}]}`, "this one has 2"},
		{`{"a":[{"starts-with":"x"}]}`, `"starts-with" is not an operator; there are anything-but, cidr`},
		{`{"a":[{"prefix":1}]}`, "prefix takes a string, not a number"},
		{`{"a":[{"exists":"yes"}]}`, "exists in a is true or false"},
		{`{"a":[{"numeric":[">"]}]}`, "numeric takes a comparison"},
		{`{"a":[{"numeric":["~",1]}]}`, "numeric takes a comparison"},
		{`{"a":[{"numeric":["<",1,">",0]}]}`, "or a range such as"},
		{`{"a":[{"numeric":[">",5,"<",5]}]}`, "lower bound is not below"},
		{`{"a":[{"cidr":"10.0.0.0"}]}`, "cidr takes a range of addresses"},
		{`{"a":[{"wildcard":"a**b"}]}`, "no two * in a row"},
		{`{"a":[{"wildcard":"a\\b"}]}`, "a backslash only before *"},
		{`{"a":[{"wildcard":"a\\"}]}`, "a backslash only before *"},
		{`{"a":[{"anything-but":[]}]}`, "at least one value"},
		{`{"a":[{"anything-but":["x",1]}]}`, "not a mixture"},
		{`{"a":[{"anything-but":null}]}`, "takes strings or numbers, not null"},
		{`{"a":[{"anything-but":{"cidr":"10.0.0.0/8"}}]}`, "prefix, suffix, equals-ignore-case or wildcard"},
		{`{"$or":[{"a":[1]}]}`, "at least two objects"},
		{`{"$or":[{"a":[1]},2]}`, "its element 1 is none"},
		{`{"a":[1e999]}`, "too large"},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			_, err := ParsePattern([]byte(tt.pattern))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

func TestAWildcardMatchesWhatItWasMadeFrom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.StringMatching(`[ab*\\]{1,3}`)
		filler := rapid.StringMatching(`[ab*\\]{0,3}`)
		escape := strings.NewReplacer(`\`, `\\`, `*`, `\*`).Replace
		var text, wildcard string
		for range rapid.IntRange(1, 4).Draw(t, "pieces") {
			p := piece.Draw(t, "piece")
			text += p + filler.Draw(t, "filler")
			wildcard += escape(p) + "*"
		}
		pattern, err := json.Marshal(map[string]any{"a": []any{map[string]any{"wildcard": wildcard}}})
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if !parsed.Match(map[string]any{"a": text}) {
			t.Fatalf("%q does not match %q", wildcard, text)
		}
	})
}

func FuzzPattern(f *testing.F) {
	f.Add(`{"a":["x",{"anything-but":{"prefix":["y"]}}]}`, `{"a":["z",null,{"b":1}]}`)
	f.Add(`{"$or":[{"a":{"b":[{"exists":false}]}},{"c":[{"numeric":[">",0,"<=",5]}]}]}`, `{"a":[{"b":[]}],"c":3}`)
	f.Add(`{"a":[{"wildcard":"*\\**"}],"b":[{"cidr":"::/0"}]}`, `{"a":"*","b":"::1"}`)
	f.Fuzz(func(t *testing.T, pattern, event string) {
		p, err := ParsePattern([]byte(pattern))
		if err != nil {
			return
		}
		var value any
		if json.Unmarshal([]byte(event), &value) == nil {
			p.Match(value)
		}
	})
}

func mustParsePattern(t testing.TB, text string) Pattern {
	t.Helper()
	p, err := ParsePattern([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func decode(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", text, err))
	}
	return v
}
