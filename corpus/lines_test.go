package corpus

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/quarry-ml/quarry/format/parquet"
)

func TestLines(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		options    LineOptions
		want       []string
		numbers    []int
	}{
		{"plain", "a\nb\n", LineOptions{}, []string{"a", "b"}, []int{1, 2}},
		{"no newline at the end", "a\nb", LineOptions{}, []string{"a", "b"}, []int{1, 2}},
		{"empty file", "", LineOptions{}, nil, nil},
		{"byte order mark", "\xef\xbb\xbfa\nb\n", LineOptions{}, []string{"a", "b"}, []int{1, 2}},
		{"only a byte order mark", "\xef\xbb\xbf", LineOptions{}, nil, nil},
		{"carriage returns", "a\r\nb\r\n", LineOptions{}, []string{"a", "b"}, []int{1, 2}},
		{"blank lines are skipped and counted", "\n a\n \t\r\n\nb", LineOptions{}, []string{" a", "b"}, []int{2, 5}},
		{"blank lines are kept", "a\n\nb\n", LineOptions{KeepBlanks: true}, []string{"a", "", "b"}, []int{1, 2, 3}},
		{"gzip", gzipped("a\nb\n"), LineOptions{}, []string{"a", "b"}, []int{1, 2}},
		{"gzip of a file with a byte order mark", gzipped("\xef\xbb\xbfa"), LineOptions{}, []string{"a"}, []int{1}},
		{"gzip in two members", gzipped("a\n") + gzipped("b\n"), LineOptions{}, []string{"a", "b"}, []int{1, 2}},
		{"zstd", zipped("a\nb\n"), LineOptions{}, []string{"a", "b"}, []int{1, 2}},
		{"zstd in two frames", zipped("\xef\xbb\xbfa\n") + zipped("b"), LineOptions{}, []string{"a", "b"}, []int{1, 2}},
		{"a line of just the cap", "abcd\r\nabcd", LineOptions{MaxLine: 4}, []string{"abcd", "abcd"}, []int{1, 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			lines := NewLines(strings.NewReader(tc.file), "f", tc.options)
			var got []string
			var numbers []int
			for {
				line, err := lines.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got, numbers = append(got, string(line)), append(numbers, lines.Number())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.numbers, numbers); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLinesErrors(t *testing.T) {
	packed := gzipped(strings.Repeat("some text that packs\n", 10000))
	zpacked := zipped(strings.Repeat("some text that packs\n", 100000))
	for _, tc := range []struct {
		name, file string
		options    LineOptions
		want       string
	}{
		{"not UTF-8", "good\nbad \xff here\n", LineOptions{}, "f:2: byte 5 of the line (offset 9 of the file) is 0xff, which is not UTF-8; save the file as UTF-8"},
		{"not UTF-8 behind a byte order mark", "\xef\xbb\xbf\xe9", LineOptions{}, "f:1: byte 1 of the line (offset 3 of the file) is 0xe9"},
		{"a cut multi-byte character", "żó\xc5", LineOptions{}, "f:1: byte 5 of the line (offset 4 of the file) is 0xc5"},
		{"UTF-16", "\xff\xfea\x00", LineOptions{}, "f:1: the file is UTF-16; save it as UTF-8"},
		{"over the cap", "a\nabcdefgh\n", LineOptions{MaxLine: 5}, "f:2: the line is longer than 5 bytes"},
		{"cut gzip", packed[:len(packed)-10], LineOptions{}, "the compressed file ends too early; it looks truncated"},
		{"cut zstd", zpacked[:len(zpacked)-10], LineOptions{}, "the compressed file ends too early; it looks truncated"},
		{"broken zstd", "\x28\xb5\x2f\xfd\xff\xff", LineOptions{}, "f: broken zstd"},
		{"broken gzip header", "\x1f\x8b\x00", LineOptions{}, "f: broken gzip header"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			lines := NewLines(strings.NewReader(tc.file), "f", tc.options)
			var err error
			for err == nil {
				_, err = lines.Next()
			}
			if err == io.EOF || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestLinesPassOnReadErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	lines := NewLines(io.MultiReader(strings.NewReader("a\nb"), errReader{broken}), "f", LineOptions{})
	if line, err := lines.Next(); string(line) != "a" || err != nil {
		t.Fatalf("got %q, %v", line, err)
	}
	if _, err := lines.Next(); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "f:2: ") {
		t.Errorf("got %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestLongLine(t *testing.T) {
	const size = 10 << 20
	long := `{"text": "` + strings.Repeat("long ", size/5) + `"}`
	c, _, err := ReadPassages(strings.NewReader("{\"text\": \"a\"}\n"+long+"\n"), "corpus.jsonl", ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(c.Passages[1].Text); got != size {
		t.Errorf("got %d bytes, want %d", got, size)
	}
	_, _, err = ReadPassages(strings.NewReader("{\"text\": \"a\"}\n"+long), "corpus.jsonl", ReadOptions{MaxLine: 1 << 20})
	if err == nil || !strings.Contains(err.Error(), "corpus.jsonl:2: the line is longer than 1048576 bytes") {
		t.Errorf("got %v", err)
	}
}

func TestParseObject(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		want       Object
	}{
		{"empty", ` { } `, nil},
		{"all kinds", `{"a":1,"b" : "x,}","c":[1,{"d":"]"}],"e":null,"f":true }`, Object{
			{"a", []byte("1")}, {"b", []byte(`"x,}"`)}, {"c", []byte(`[1,{"d":"]"}]`)}, {"e", []byte("null")}, {"f", []byte("true")}}},
		{"escapes", `{"a\"b":"\\","c":"\\\"{"}`, Object{{`a"b`, []byte(`"\\"`)}, {"c", []byte(`"\\\"{"`)}}},
		{"number before the end", `{"a":-1.5e3}`, Object{{"a", []byte("-1.5e3")}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseObject([]byte(tc.line))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseObjectErrors(t *testing.T) {
	for _, tc := range []struct{ name, line, want string }{
		{"list", `[1]`, "the line holds a list, not a JSON object"},
		{"text", ` "a"`, "the line holds a string, not a JSON object"},
		{"cut", `{"a": "b`, "the JSON object is cut off at the end of the line"},
		{"comma at the end", `{"a": 1,}`, "broken JSON at byte 9 of the line: invalid character '}'"},
		{"two values", `{"a": 1} {"b": 2}`, "broken JSON at byte 10 of the line"},
		{"not a number", `{"a": NaN}`, "(NaN and Infinity are not JSON)"},
		{"key twice", `{"a": 1, "b": 2, "a": 3}`, `the key "a" occurs twice`},
		{"half a surrogate pair as key", `{"\ud800": 1}`, `half of a surrogate pair (\ud800)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseObject([]byte(tc.line))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestText(t *testing.T) {
	for _, tc := range []struct{ name, value, want, err string }{
		{"plain", `"a b"`, "a b", ""},
		{"empty", `""`, "", ""},
		{"not of ASCII", `"é 😀"`, "é 😀", ""},
		{"a line end as it is", "\"a\nb\"", "", "invalid character"},
		{"two strings", `"a""b"`, "", "invalid character"},
		{"cut off", `"`, "", "unexpected end"},
		{"backslash before a u", `"\\ud800"`, `\ud800`, ""},
		{"surrogate pair", `"\ud83d\ude00\u00e9"`, "😀é", ""},
		{"upper case digits", `"\uD83D\uDE00"`, "😀", ""},
		{"first half alone", `"a\ud83d b"`, "", `half of a surrogate pair (\ud83d)`},
		{"second half alone", `"\ude00"`, "", `half of a surrogate pair (\ude00)`},
		{"first half at the end", `"\ud83d"`, "", "half of a surrogate pair"},
		{"number", `12`, "", "want a string, got a number"},
		{"boolean", `true`, "", "want a string, got a boolean"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Text([]byte(tc.value))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("got %v, want %s", err, tc.err)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}

func zipped(text string) string {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return string(w.EncodeAll([]byte(text), nil))
}

// parquetOf is a Parquet file of rows.
func parquetOf(t testing.TB, rows ...string) *bytes.Reader {
	t.Helper()
	var schema parquet.Schema
	for _, row := range rows {
		if err := schema.Add([]byte(row)); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	w, err := parquet.NewWriter(&file, schema)
	for _, row := range rows {
		if err == nil {
			err = w.Write([]byte(row))
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(file.Bytes())
}

// TestLinesOfParquet: a row is a line of JSON; passages and queries are read of it as of lines, and errors name row and column.
func TestLinesOfParquet(t *testing.T) {
	c, warnings, err := ReadPassages(parquetOf(t, `{"_id":7,"title":null,"text":"a"}`, `{"_id":8,"title":"T","text":"b"}`), "c.parquet", ReadOptions{})
	if err != nil || len(warnings) != 0 || c.ID(0) != "7" || c.Passages[1].Full() != "T b" {
		t.Errorf("%v, %v, %v", c, warnings, err)
	}
	queries, _, err := ReadQueries(parquetOf(t, `{"query":"q","positive_ids":["8"],"neg":["a"]}`, `{"query":"r","positive_ids":["7","8"],"neg":[]}`), "q.parquet", c, ReadOptions{})
	if err != nil || len(queries) != 2 || queries[1].Line != 2 || len(queries[1].Positives) != 2 || queries[0].Negatives[0] != "a" {
		t.Errorf("%v, %v", queries, err)
	}
	for _, tc := range []struct {
		name string
		file io.Reader
		want string
	}{
		{"a column of another type", parquetOf(t, `{"text":1}`), `c.parquet:1: "text": want a string, got a number`},
		{"a value that is missing", parquetOf(t, `{"text":"a"}`, `{"text":null}`), `c.parquet:2: the passage has no "text" (it has "text")`},
		{"an input that is read once", io.MultiReader(parquetOf(t, `{"text":"a"}`)), "c.parquet: a Parquet file is read at any place, which this input does not allow: name a file"},
		{"packed", strings.NewReader(gzipped("PAR1")), "c.parquet: a Parquet file inside gzip: unpack it"},
		{"cut", strings.NewReader("PAR1"), "c.parquet: broken Parquet: 4 bytes are too few"},
		{"a long row", parquetOf(t, `{"text":"`+strings.Repeat("x", 100)+`"}`), "c.parquet:1: the line is longer than 50 bytes"},
	} {
		if _, _, err := ReadPassages(tc.file, "c.parquet", ReadOptions{MaxLine: 50}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
}

// TestJoin: shards are one table whose lines count on; errors name the shard, and the line in it.
func TestJoin(t *testing.T) {
	shards := func() io.Reader {
		return Join(Shard{Name: "a.jsonl", Content: strings.NewReader(gzipped(`{"text":"a"}` + "\n\n" + `{"text":"b"}`))}, Shard{Name: "b.jsonl", Content: strings.NewReader("")},
			Shard{Name: "c.parquet", Content: parquetOf(t, `{"text":"c"}`, `{"text":"d"}`)}, Shard{Name: "d.jsonl", Content: strings.NewReader("{\"text\":\"e\"}\n{")})
	}
	lines := NewLines(shards(), "all", LineOptions{})
	var got []int
	for range 5 {
		if _, err := lines.NextObject(); err != nil {
			t.Fatal(err)
		}
		got = append(got, lines.Number())
	}
	if diff := cmp.Diff([]int{1, 3, 4, 5, 6}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := lines.NextObject(); err == nil || !strings.HasPrefix(err.Error(), "d.jsonl:2: ") {
		t.Errorf("got %v", err)
	}
	if _, err := NewLines(Join(), "none", LineOptions{}).Next(); err != io.EOF {
		t.Errorf("no shards: %v", err)
	}
	if content, err := io.ReadAll(Join(Shard{Name: "a", Content: strings.NewReader("x")}, Shard{Name: "b", Content: strings.NewReader("yz")})); err != nil || string(content) != "xyz" {
		t.Errorf("the bytes of joined files are %q, %v", content, err)
	}
}
