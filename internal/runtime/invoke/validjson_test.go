package invoke

import (
	"encoding/json"
	"strings"
	"testing"
)

var jsonTexts = []string{
	``, ` `, `1`, `-0`, `01`, `-`, `1.`, `1.5e+3`, `1e`, `.5`, `+1`, `1 2`, `true`, `tru`, `truex`, `null `, `nul`, `false,`,
	`""`, `"`, `"\u12aF"`, `"\u12a"`, `"\u12ag"`, `"\x"`, `"\`, `"\"`, "\"\n\"", "\"\x7f\xff\"", `"a\\\"b\/\b\f\n\r\t"`,
	`[]`, `[ ]`, `[`, `]`, `[1,]`, `[,1]`, `[1 2]`, `[1,[2,{"a":[]}]]`, `[1}`, `{]`, `{"a":1]`,
	`{}`, `{ }`, `{`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1,"b":{}}`, `{1:2}`, `{"a" : 1 , "b":2}`, `{"a":1 "b":2}`, `{"a",1}`,
	"\u00a01", "\v1", `[1]x`, `{}{}`, "\xef\xbb\xbf1", `[-]`, `[1e5,2E-7,0.0]`, `0x1`, `Infinity`, `'a'`, `[1,
	2]`,
}

func TestWhatIsJSON(t *testing.T) {
	texts := jsonTexts
	for _, depth := range []int{31, 32, 33, maxNesting - 1, maxNesting, maxNesting + 1} {
		texts = append(texts, strings.Repeat("[", depth)+strings.Repeat("]", depth), strings.Repeat(`{"a":`, depth)+"1"+strings.Repeat("}", depth))
	}
	for _, text := range texts {
		if got, want := validJSON([]byte(text)), json.Valid([]byte(text)); got != want {
			t.Errorf("%.80q is JSON: %v", text, got)
		}
	}
}

func FuzzValidJSON(f *testing.F) {
	for _, text := range jsonTexts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, want := validJSON(text), json.Valid(text); got != want {
			t.Errorf("%q is JSON: %v", text, got)
		}
	})
}

func BenchmarkValidJSON(b *testing.B) {
	texts := map[string][]byte{
		"small":  []byte(`{"id":"7f0c9a52","detail":{"customer":"c-1042","items":[{"sku":"a-1","count":2},{"sku":"b-7","count":1}]}}`),
		"large":  []byte("[" + strings.Repeat(`{"id":1,"name":"abcdefghij","on":true},`, 160000) + "1]"),
		"string": []byte(`"` + strings.Repeat("x", 6<<20) + `"`),
	}
	for name, text := range texts {
		for how, valid := range map[string]func([]byte) bool{"ours": validJSON, "json.Valid": json.Valid} {
			b.Run(name+"/"+how, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					valid(text)
				}
			})
		}
	}
}
