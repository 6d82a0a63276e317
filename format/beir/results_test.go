package beir

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/ranking"
)

func TestReadResults(t *testing.T) {
	want := []QueryResults{{"q2", []Result{{"d", 1.5}, {"c", -2}}}, {"q1", nil}}
	for name, file := range map[string]string{
		"BEIR's":               `{"q2": {"d": 1.5, "c": -2}, "q1": {}}`,
		"MTEB's":               `{"mteb_model_meta": {"name": ["x", {"y": {"z": {}}}]}, "default": {"test": {"q2": {"d": 1.5, "c": -2}, "q1": {}}}}`,
		"with a line an entry": "{\n\"q2\": {\n\"d\": 1.5,\n\"c\": -2e0},\n\"q1\": {}}\n",
	} {
		got, err := ReadResults(strings.NewReader(file), "r.json")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestReadResultsErrors(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"not JSON", "q Q0 d 1 1 t", "r.json: byte 0: invalid character"},
		{"cut off", `{"q": {"d": 1`, "the file ends in the middle of an object"},
		{"NaN", `{"q": {"d": NaN}}`, `query "q", passage "d": the score is NaN, want a finite number`},
		{"NaN under a subset", `{"default": {"test": {"q": {"c": 1, "d":  NaN, "e": 2}}}}`, `query "q", passage "d": the score is NaN, want a finite number`},
		{"infinity", `{"q": {"d": 1}, "r": {"e": -Infinity}}`, `query "r", passage "e": the score is -Infinity, want a finite number`},
		{"NaN for an object", `{"q": NaN}`, "the score is NaN, want a finite number"},
		{"another word", `{"q": {"d": None}}`, "invalid character 'N'"},
		{"huge", `{"q": {"d": 1e999}}`, `query "q", passage "d": the score is 1e999, want a finite number`},
		{"a list", `{"q": [1]}`, "want an object of queries, passages and scores, got ["},
		{"passage twice", `{"q": {"d": 1, "d": 2}}`, `"d" stands twice in one object`},
		{"query twice", `{"q": {}, "q": {}}`, `"q" stands twice in one object`},
		{"no passages", `{"q": 1}`, `query "q": want an object of passages and scores`},
		{"three levels", `{"a": {"q": {"d": 1}}}`, `query "a", passage "q": want a score, got an object`},
		{"two subsets", `{"en": {"test": {"q": {"d": 1}}}, "de": {"test": {"q": {"d": 1}}}}`, "the file holds 2 subsets"},
		{"five levels", `{"a": {"b": {"c": {"d": {"e": 1}}}}}`, "want an object of queries"},
		{"two objects", `{"q": {"d": 1}} {}`, "something follows the object"},
		{"empty", `{}`, "r.json: no queries"},
		{"no file", ``, "the file ends"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ReadResults(strings.NewReader(tc.file), "r.json")
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "r.json") {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func FuzzResults(f *testing.F) {
	for _, seed := range []string{`{"q": {"d": 1.5}}`, `{"default": {"test": {"q": {"d": 1}}}}`, `{"mteb_model_meta": [], "a": {"b": {}}}`, `{"q": {"d": 1}, "q": {}}`, "1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		results, err := ReadResults(strings.NewReader(file), "r.json")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "r.json: ") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		if len(results) == 0 {
			t.Error("no queries and no error")
		}
	})
}

func TestResultsWriter(t *testing.T) {
	ids := []string{"<d>", `"c"`}
	id := func(p int32) string { return ids[p] }
	var file bytes.Buffer
	w := NewResultsWriter(&file)
	for _, q := range []string{"q2", "é"} {
		if err := w.Write(q, ranking.Ranking{{Passage: 1, Score: 0.1}, {Passage: 0, Score: -3}}, id); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Write("q1", nil, id); err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		`query "q1" is in the file already`:                     w.Write("q1", nil, id),
		`query "q3", passage "<d>": ranked twice`:               w.Write("q3", ranking.Ranking{{}, {}}, id),
		`query "q4", passage "<d>": the score is NaN, want a f`: w.Write("q4", ranking.Ranking{{Score: float32(math.NaN())}}, id),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	file.Reset()
	w = NewResultsWriter(&file)
	w.Write("q2", ranking.Ranking{{Passage: 1, Score: 0.1}, {Passage: 0, Score: -3}}, id)
	w.Write("q1", nil, id)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	got, err := ReadResults(&file, "r.json")
	if diff := cmp.Diff([]QueryResults{{"q2", []Result{{`"c"`, 0.1}, {"<d>", -3}}}, {"q1", nil}}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	file.Reset()
	if err := NewResultsWriter(&file).Flush(); err != nil || file.String() != "{\n}\n" {
		t.Errorf("no queries: %q, %v", file.String(), err)
	}
	full := errors.New("no space left on device")
	if err := NewResultsWriter(failing{full}).Flush(); !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
