package flagembedding

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func read(t testing.TB, file string) []*Row {
	t.Helper()
	rows, err := ReadAll(strings.NewReader(file), "rows.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func write(t testing.TB, o WriterOptions, rows ...*Row) string {
	t.Helper()
	var file bytes.Buffer
	w := NewWriter(&file, o)
	for _, r := range rows {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

func fixture(t testing.TB, name string) string {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}

// The fixtures come from Python's json module: see testdata/make.py.
func TestWritesWhatPythonWrites(t *testing.T) {
	rows := read(t, fixture(t, "rows.jsonl"))
	for _, tc := range []struct {
		name    string
		options WriterOptions
	}{
		{"rows.python.jsonl", WriterOptions{}},
		{"rows.ascii.jsonl", WriterOptions{ASCII: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := fixture(t, tc.name)
			if diff := cmp.Diff(want, write(t, tc.options, rows...)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(want, write(t, tc.options, read(t, want)...)); diff != "" {
				t.Errorf("Python's own output does not survive: %s", diff)
			}
		})
	}
}

func TestReadRow(t *testing.T) {
	rows := read(t, "\n"+`{"query":"q","pos":["a","b"],"neg":["c"],"pos_scores":[1,0.5],"neg_scores":[-2],"prompt":"P","type":"normal","extra":{"k":1}}`)
	r := rows[0]
	if r.Line() != 2 || r.Query() != "q" || r.Prompt() != "P" || r.Type() != "normal" {
		t.Errorf("got line %d, query %q, prompt %q, type %q", r.Line(), r.Query(), r.Prompt(), r.Type())
	}
	for name, pair := range map[string][2]any{
		"pos":        {[]string{"a", "b"}, r.Pos()},
		"neg":        {[]string{"c"}, r.Neg()},
		"pos_scores": {[]float64{1, 0.5}, r.PosScores()},
		"neg_scores": {[]float64{-2}, r.NegScores()},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if extra, ok := r.Get("extra"); !ok || string(extra) != `{"k":1}` {
		t.Errorf("extra: got %s, %v", extra, ok)
	}
}

func TestReadErrors(t *testing.T) {
	for _, tc := range []struct{ name, row, want string }{
		{"no query", `{"pos":[]}`, `rows.jsonl:1: "query" is missing or empty`},
		{"empty query", `{"query":" ","pos":[]}`, `rows.jsonl:1: "query" is missing or empty`},
		{"a tuple", `{"anchor":"q","positive":"p","negative_1":"n"}`, `rows.jsonl:1: "query" is missing or empty; these are columns of sentence-transformers: convert them with: quarry convert --input rows.jsonl --to flagembedding --out rows.jsonl`},
		{"a labelled list with scores", `{"anchor":"q","documents":["p"],"scores":[1]}`, `"query" is missing or empty; these are columns`},
		{"no pos", `{"query":"q"}`, `rows.jsonl:1: the row has no "pos"`},
		{"pos of another type", `{"query":"q","pos":"a"}`, `rows.jsonl:1: "pos": want a list of strings, got a string`},
		{"neg of another type", `{"query":"q","pos":[],"neg":[1]}`, `rows.jsonl:1: "neg": [0]: want a string, got a number`},
		{"scores of another type", `{"query":"q","pos":["a"],"pos_scores":["1"]}`, `rows.jsonl:1: "pos_scores": want a list of numbers`},
		{"scores without texts", `{"query":"q","pos":["a"],"pos_scores":[1,2]}`, `rows.jsonl:1: "pos_scores": 2 scores for 1 texts`},
		{"NaN", `{"query":"q","pos":["a"],"pos_scores":[NaN]}`, `(NaN and Infinity are not JSON)`},
		{"prompt of another type", `{"query":"q","pos":[],"prompt":1}`, `rows.jsonl:1: "prompt": want a string, got a number`},
		{"type of another type", `{"query":"q","pos":[],"type":[]}`, `rows.jsonl:1: "type": want a string, got a list`},
		{"key twice", `{"query":"q","pos":[],"pos":[]}`, `rows.jsonl:1: the key "pos" occurs twice`},
		{"cut", `{"query":"q","po`, "rows.jsonl:1: the JSON object is cut off"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ReadAll(strings.NewReader(tc.row), "rows.jsonl")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestSetters(t *testing.T) {
	for _, tc := range []struct {
		name, row string
		change    func(*Row)
		want      string
	}{
		{"neg keeps its place", `{"neg": [], "query": "q", "pos": ["a"]}`, func(r *Row) { r.SetNeg([]string{"x", "é\n"}) }, `{"neg": ["x", "é\n"], "query": "q", "pos": ["a"]}`},
		{"neg is appended", `{"query": "q", "pos": ["a"], "prompt": "P", "k": 1}`, func(r *Row) { r.SetNeg([]string{"x"}) }, `{"query": "q", "pos": ["a"], "prompt": "P", "k": 1, "neg": ["x"]}`},
		{"no negatives", `{"query": "q", "pos": ["a"]}`, func(r *Row) { r.SetNeg(nil) }, `{"query": "q", "pos": ["a"], "neg": []}`},
		{"other negatives lose their scores", `{"query": "q", "pos": ["a"], "neg": ["b"], "neg_scores": [1], "k": 2}`, func(r *Row) { r.SetNeg([]string{"c"}) }, `{"query": "q", "pos": ["a"], "neg": ["c"], "k": 2}`},
		{"the same negatives keep them", `{"query": "q", "pos": ["a"], "neg": ["b"], "neg_scores": [1]}`, func(r *Row) { r.SetNeg([]string{"b"}) }, `{"query": "q", "pos": ["a"], "neg": ["b"], "neg_scores": [1]}`},
		{"scores", `{"query": "q", "pos": ["a"], "neg": ["b", "c"]}`, func(r *Row) { r.SetScores([]float64{3}, []float64{0.1, 1e-5}) }, `{"query": "q", "pos": ["a"], "neg": ["b", "c"], "pos_scores": [3.0], "neg_scores": [0.1, 1e-05]}`},
		{"prompt and type", `{"prompt": "old", "query": "q", "pos": []}`, func(r *Row) { r.SetPrompt("new"); r.SetType("normal") }, `{"prompt": "new", "query": "q", "pos": [], "type": "normal"}`},
		{"a key of one's own", `{"query": "q", "pos": []}`, func(r *Row) { r.Set("source", json.RawMessage(`{"round":1,"ranks":[2,3]}`)) }, `{"query": "q", "pos": [], "source": {"round": 1, "ranks": [2, 3]}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := read(t, tc.row)[0]
			tc.change(r)
			got := write(t, WriterOptions{}, r)
			if diff := cmp.Diff(tc.want+"\n", got); diff != "" {
				t.Error(diff)
			}
			again := read(t, got)[0]
			if diff := cmp.Diff(r, again, cmp.AllowUnexported(Row{}), cmpopts.IgnoreFields(Row{}, "fields", "line"), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("what was set is not what was written: %s", diff)
			}
		})
	}
}

func TestNewRow(t *testing.T) {
	r := NewRow("q", []string{"a"})
	r.SetNeg([]string{"b"})
	if got, want := write(t, WriterOptions{}, r), `{"query": "q", "pos": ["a"], "neg": ["b"]}`+"\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSetErrors(t *testing.T) {
	r := NewRow("q", []string{"a"})
	for name, err := range map[string]error{
		`the key "neg" has a setter of its own`: r.Set("neg", json.RawMessage(`[]`)),
		`the value of "k" is no JSON`:           r.Set("k", json.RawMessage(`{`)),
		`"pos_scores": 2 scores for 1 texts`:    r.SetScores([]float64{1, 2}, nil),
		`"pos_scores"[0] is NaN`:                r.SetScores([]float64{math.NaN()}, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	r := NewRow("q", []string{"a"})
	r.SetNeg([]string{"bad \xff"})
	if err := NewWriter(io.Discard, WriterOptions{}).Write(r); err == nil || !strings.Contains(err.Error(), `"neg": `) || !strings.Contains(err.Error(), "is not UTF-8") {
		t.Errorf("invalid UTF-8: got %v", err)
	}
	r = read(t, `{"query":"q","pos":[],"x":1e999}`)[0]
	if err := NewWriter(io.Discard, WriterOptions{}).Write(r); err == nil || err.Error() != `"x": the number 1e999 is too large` {
		t.Errorf("a number beyond float64: got %v", err)
	}
	full := errors.New("no space left on device")
	w := NewWriter(failing{full}, WriterOptions{})
	w.Write(NewRow("q", nil))
	if err := w.Flush(); !errors.Is(err, full) {
		t.Errorf("a full disk: got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Rows of any texts and numbers come back as they were, and are valid JSON for encoding/json too.
func TestRoundTripOfGeneratedRows(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	alphabet := []rune("ab \n\t\"\\/é😀\u2028\x01\x7f{}[],:")
	text := func() string {
		runes := make([]rune, 1+random.IntN(12))
		for i := range runes {
			runes[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(runes)
	}
	texts := func() []string {
		list := make([]string, random.IntN(4))
		for i := range list {
			list[i] = text()
		}
		return list
	}
	scores := func(n int) []float64 {
		list := make([]float64, n)
		for i := range list {
			list[i] = random.NormFloat64() * math.Pow(10, float64(random.IntN(40)-20))
		}
		return list
	}
	for range 500 {
		query, pos, neg := "q"+text(), texts(), texts()
		row := NewRow(query, pos)
		row.SetNeg(neg)
		posScores, negScores := scores(len(pos)), scores(len(neg))
		if err := row.SetScores(posScores, negScores); err != nil {
			t.Fatal(err)
		}
		for _, o := range []WriterOptions{{}, {ASCII: true}} {
			line := write(t, o, row)
			type plain struct {
				Query     string    `json:"query"`
				Pos       []string  `json:"pos"`
				Neg       []string  `json:"neg"`
				PosScores []float64 `json:"pos_scores"`
				NegScores []float64 `json:"neg_scores"`
			}
			want := plain{query, pos, neg, posScores, negScores}
			var standard plain
			if err := json.Unmarshal([]byte(line), &standard); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			r := read(t, line)[0]
			for _, got := range []plain{standard, {r.Query(), r.Pos(), r.Neg(), r.PosScores(), r.NegScores()}} {
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("%s: %s", strconv.Quote(line), diff)
				}
			}
		}
	}
}

// The rows of the real data were written by json.dumps(row, ensure_ascii=False): reading and writing changes no byte.
func TestEedi(t *testing.T) {
	for name, want := range map[string]int{"hn_mine_input.jsonl": 2801, "hn_mine_dev_input.jsonl": 705} {
		file, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "eedi", name))
		if err != nil {
			t.Skipf("shared data absent: %v", err)
		}
		rows := read(t, string(file))
		if len(rows) != want {
			t.Errorf("%s: got %d rows, want %d", name, len(rows), want)
		}
		if write(t, WriterOptions{}, rows...) != string(file) {
			t.Errorf("%s: writing it again changed it", name)
		}
	}
}

func FuzzRows(f *testing.F) {
	for _, line := range strings.Split(fixture(f, "rows.jsonl"), "\n") {
		f.Add(line)
	}
	f.Add(`{"query":"q","pos":["\ud800"]}`)
	f.Fuzz(func(t *testing.T, file string) {
		rows, err := ReadAll(strings.NewReader(file), "f")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		for _, r := range rows {
			var first bytes.Buffer
			w := NewWriter(&first, WriterOptions{})
			if err := w.Write(r); err != nil {
				continue // a number beyond float64, or half a surrogate pair in an unknown key
			}
			w.Flush()
			again := read(t, first.String())
			if len(again) != 1 || write(t, WriterOptions{}, again[0]) != first.String() {
				t.Fatalf("%q does not come back the same", first.String())
			}
			if diff := cmp.Diff(r, again[0], cmp.AllowUnexported(Row{}), cmpopts.IgnoreFields(Row{}, "fields", "line")); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
