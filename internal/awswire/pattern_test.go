package awswire

import (
	"strings"
	"testing"
)

func TestPatternsThatGoHasNoSyntaxFor(t *testing.T) {
	for java, texts := range map[string]struct{ match, fail []string }{
		`(?!^[0-9]+$)([a-zA-Z0-9-_]+)`: {[]string{"live", "v1", "1v"}, []string{"1", "12", "a b", ""}},
		`((?!^\d+$)^[0-9a-zA-Z-_]+$)`:  {[]string{"live"}, []string{"7", "a:b"}},
		`(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?`: {
			[]string{"f", "f:live", "arn:aws:lambda:us-east-1:123456789012:function:f", "arn:aws:lambda:us-east-1:123456789012:function:f:live"},
			[]string{"f:1", "arn:aws:lambda:us-east-1:123456789012:function:f:12", "f g", strings.Repeat("f", 65)},
		},
		`[0-9A-Za-z\.\-_]*(?<!\.)`:                                                   {[]string{"", "a.b"}, []string{"a.", "a/b"}},
		`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`:                                  {[]string{"a-b-c"}, []string{"a--b", "-ab"}},
		`^(?=[/\.\-_A-Za-z0-9]+)((?!aws\.).*)|(\$(\.[\w_-]+(\[(\d+|\*)\])*)*)$`:      {[]string{"shop", "$.source"}, []string{"aws.s3", " shop"}},
		`(?!((^[ ]+.*)|(.*([\u0000-\u001f]|[\u007f-\u009f]|[:/|])+.*)|(.*[ ]+$))).+`: {[]string{"a b"}, []string{" a", "a ", "a:b", "a\u0080"}},
		`^(?!\s*$).+`:                        {[]string{"a", " a"}, []string{"", "  "}},
		`\p{Print}+`:                         {[]string{"a b"}, []string{"a\tb"}},
		`[\u0009\u000A\u000D\u0020-\u00FF]+`: {[]string{"a\nbé"}, []string{"Ā", "\x01"}},
		`[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*`: {[]string{"", "aé漢😀\n"}, []string{"\x00", "\uFFFE"}},
		// The whole value must match, though the pattern does not say so.
		`[a-z]+`: {[]string{"abc"}, []string{"abc1", "1abc", "abc\n"}},
		`a|bc`:   {[]string{"a", "bc"}, []string{"ac", "abc"}},
	} {
		p, err := compilePattern(java)
		if err != nil {
			t.Errorf("%s: %v", java, err)
			continue
		}
		for _, text := range texts.match {
			if !p.matches(text) {
				t.Errorf("%s does not match %q", java, text)
			}
		}
		for _, text := range texts.fail {
			if p.matches(text) {
				t.Errorf("%s matches %q", java, text)
			}
		}
	}
	if _, err := compilePattern(`(?=x)y`); err == nil || !strings.Contains(err.Error(), "table in pattern.go") {
		t.Errorf("a pattern that cannot be checked gives the error %v", err)
	}
}
