package awswire

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// A pattern is a model's regular expression. Those are Java's, and a value must
// match as a whole.
type pattern struct {
	must *regexp.Regexp
	// never is what a look-ahead forbids, nil for nothing.
	never *regexp.Regexp
}

func (p *pattern) matches(text string) bool {
	return p.must.MatchString(text) && (p.never == nil || !p.never.MatchString(text))
}

// translations say in Go's expressions what Go has no syntax for. Where a pattern
// looks ahead or behind there are two: what must match, and what must not.
var translations = map[string][2]string{
	`\p{Print}+`:                   {`[[:print:]]+`},
	`(?!^[0-9]+$)([a-zA-Z0-9-_]+)`: {`[a-zA-Z0-9-_]+`, `[0-9]+`},
	`((?!^\d+$)^[0-9a-zA-Z-_]+$)`:  {`[a-zA-Z0-9-_]+`, `[0-9]+`},
	`(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?`: {
		`(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:([0-9a-zA-Z-_]+))?`,
		`.*[a-zA-Z-_][a-zA-Z0-9-_]*:\d+`,
	},
	`(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)`:                                                  {`[_a-zA-Z0-9][^$]*`, `system\..*`},
	`[0-9A-Za-z\.\-_]*(?<!\.)`:                                                                   {`[0-9A-Za-z\.\-_]*`, `.*\.`},
	`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`:                                                  {`[a-z0-9]([a-z0-9]|-){1,61}[a-z0-9]`, `.*--.*`},
	`^(?=[/\.\-_A-Za-z0-9]+)((?!aws\.).*)|(\$(\.[\w_-]+(\[(\d+|\*)\])*)*)$`:                      {`[/\.\-_A-Za-z0-9].*|\$(\.[\w_-]+(\[(\d+|\*)\])*)*`, `aws\..*`},
	`^(?=.{20,2048}$)arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[a-zA-Z0-9/_+=.@-]+`: {`arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[a-zA-Z0-9/_+=.@-]+`, `.{0,19}`},
	`(?!((^[ ]+.*)|(.*([\u0000-\u001f]|[\u007f-\u009f]|[:/|])+.*)|(.*[ ]+$))).+`:                 {`.+`, ` +.*|.*[\x00-\x1f\x7f-\x{9f}:/|].*|.* +`},
	`^(?!\s*$).+`: {`.+`, `\s*`},
}

var (
	// Java writes characters as UTF-16: a pair of surrogates is one of RE2's.
	surrogates  = strings.NewReplacer(`\uD800\uDC00-\uDBFF\uDFFF`, `\x{10000}-\x{10FFFF}`)
	utf16Escape = regexp.MustCompile(`\\u([0-9a-fA-F]{4})`)
)

// patterns are those that were compiled.
var patterns sync.Map // of *pattern

// compilePattern translates a pattern, and fails on what neither a translation nor
// the table covers.
func compilePattern(java string) (*pattern, error) {
	if p, ok := patterns.Load(java); ok {
		return p.(*pattern), nil
	}
	parts, ok := translations[java]
	if !ok {
		parts[0] = utf16Escape.ReplaceAllString(surrogates.Replace(java), `\x{$1}`)
	}
	p := &pattern{}
	var err error
	if p.must, err = regexp.Compile(`\A(?:` + parts[0] + `)\z`); err != nil {
		return nil, fmt.Errorf("%w; add it to the table in pattern.go", err)
	}
	if parts[1] != "" {
		if p.never, err = regexp.Compile(`\A(?:` + parts[1] + `)\z`); err != nil {
			return nil, err
		}
	}
	patterns.Store(java, p)
	return p, nil
}
