package prepare

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever the CSV, the reader returns an error or rows that are whole: valid text, known misconceptions, JSON lines.
func FuzzEedi(f *testing.F) {
	f.Add(small, mapping)
	f.Add("\ufeff"+strings.ReplaceAll(small, "\n", "\r\n"), mapping)
	f.Add(header+"1,1,\"a\nb\",1,,A,\"\"\"\",\r,b,c,d,,7.0,nan,1e3\n", "MisconceptionId,MisconceptionName\n7,x\n1000,y\n")
	f.Add(header[:40], "MisconceptionName,MisconceptionId\n\"a\"\"b\",0\n")
	f.Fuzz(func(t *testing.T, train, misconceptions string) {
		written, report, err := eedi(train, misconceptions, Options{Seed: 1, DevShare: 0.4, TestShare: 0.2, UnseenShare: 0.5})
		if err != nil {
			if len(written) > 0 {
				t.Errorf("files were written before the error %v", err)
			}
			return
		}
		rows := 0
		for name, content := range written {
			if !utf8.ValidString(content) {
				t.Errorf("%s is not UTF-8", name)
			}
			for line := range strings.Lines(content) {
				var row map[string]any
				if err := json.Unmarshal([]byte(line), &row); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if _, isQuery := row["correct_id"]; isQuery {
					rows++
				}
			}
		}
		if want := report.Train.Queries + report.Dev.Queries + report.Test.Queries; rows != want {
			t.Errorf("%d query rows, want %d", rows, want)
		}
	})
}
