package telemetry

import (
	"encoding/json"
	"testing"
	"time"
)

func FuzzEntriesAreWrittenAsJSON(f *testing.F) {
	f.Add("orders", "$LATEST", "a line", int64(1))
	for _, b := range "\t\n\"\\<>&~\x7f\x1f é" {
		f.Add("", "", "a\tb"+string(b), int64(0))
	}
	f.Add("", "", "REPORT RequestId: a\tDuration: 1.00 ms\t\"q\" \\ <&> \x00 \u2028 \xff é", int64(1780000000123456789))
	f.Fuzz(func(t *testing.T, stack, version, line string, at int64) {
		e := Entry{Time: time.Unix(0, at).UTC(), Stack: stack, Function: line, Version: version, Instance: stack, RequestID: version, Line: line}
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.appendTo(nil); string(got) != string(want) {
			t.Errorf("it is written %s, want %s", got, want)
		}
	})
}

func TestAnEntryOfAnImpossibleTimeIsWritten(t *testing.T) {
	e := Entry{Time: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), Line: "a line"}
	var got Entry
	if err := json.Unmarshal(e.appendTo(nil), &got); err != nil || got.Line != e.Line || got.Time.Unix() != 0 {
		t.Errorf("it was written as %s (%v)", e.appendTo(nil), err)
	}
}

func BenchmarkWriteEntry(b *testing.B) {
	e := Entry{
		Time: time.Now(), Stack: "orders", Function: "fulfil", Version: "7", Instance: "0123456789abcdef0123456789abcdef",
		RequestID: "e4b8bd9a-0d2d-4bd5-9f0c-2d3f0f3c8f5e",
		Line:      "REPORT RequestId: e4b8bd9a-0d2d-4bd5-9f0c-2d3f0f3c8f5e\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 42 MB\t",
	}
	var text []byte
	b.ReportAllocs()
	for b.Loop() {
		text = e.appendTo(text[:0])
	}
}
