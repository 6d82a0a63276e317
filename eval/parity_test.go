package eval

import (
	"bufio"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/ranking"
)

var parityFile = flag.String("parity", "testdata/parity.json", "rankings and the oracles' values, from parity/measures_fixture.py")

// oracle is one set of rankings with what ranx, pytrec_eval, sentence-transformers and Kaggle's definition make of it.
type oracle struct {
	Name     string                                   `json:"name"`
	Judged   map[string]map[string]float64            `json:"judged"`
	Run      map[string][][2]any                      `json:"run"`
	Expected map[string]map[string]map[string]float64 `json:"expected"` // convention, query, measure
}

// TestParity compares every measure of every query. The tolerance covers the order of summation alone.
func TestParity(t *testing.T) {
	text, err := os.ReadFile(*parityFile)
	if err != nil {
		t.Fatal(err)
	}
	var fixture struct {
		MadeBy map[string]string `json:"made_by"`
		Cases  []oracle          `json:"cases"`
	}
	if err := json.Unmarshal(text, &fixture); err != nil {
		t.Fatal(err)
	}
	t.Log(fixture.MadeBy)
	for _, o := range fixture.Cases {
		judged, candidates := o.nouns()
		for convention, queries := range o.Expected {
			t.Run(o.Name+"/"+convention, func(t *testing.T) {
				compareOracle(t, judged, candidates, Convention(convention), queries)
			})
		}
	}
}

func compareOracle(t *testing.T, judged []Judged, candidates []ranking.Candidates, convention Convention, queries map[string]map[string]float64) {
	var measures []Measure
	for _, values := range queries {
		for name := range values {
			m, err := ParseMeasure(name)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(measures, m) {
				measures = append(measures, m)
			}
		}
	}
	scores, err := Evaluate(judged, candidates, Options{Measures: measures, Convention: convention})
	if err != nil {
		t.Fatal(err)
	}
	if len(scores.Queries) != len(queries) {
		t.Fatalf("%d queries scored, the oracle has %d", len(scores.Queries), len(queries))
	}
	compared := 0
	for i, q := range scores.Queries {
		for j, m := range measures {
			want, ok := queries[q][m.String()]
			if got := scores.PerQuery[i][j]; !ok || math.Abs(got-want) > 1e-12 {
				t.Errorf("query %s, %s: got %v, want %v", q, m, got, want)
			}
			compared++
		}
	}
	t.Logf("%d values agree", compared)
}

// nouns numbers passages in the order of their ids, so that a nil ranking.Order is the order of ids.
func (o oracle) nouns() ([]Judged, []ranking.Candidates) {
	var ids []string
	for q, grades := range o.Judged {
		for id := range grades {
			ids = append(ids, id)
		}
		for _, hit := range o.Run[q] {
			ids = append(ids, hit[0].(string))
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	number := func(id string) int32 { i, _ := slices.BinarySearch(ids, id); return int32(i) }
	var judged []Judged
	var candidates []ranking.Candidates
	for q, grades := range o.Judged {
		j := Judged{Query: q}
		if slices.Contains(ids, q) {
			j.OwnID = []int32{number(q)}
		}
		for id, grade := range grades {
			j.Grades = append(j.Grades, Grade{number(id), grade})
		}
		slices.SortFunc(j.Grades, func(a, b Grade) int { return int(a.Passage - b.Passage) })
		judged = append(judged, j)
	}
	for q, hits := range o.Run {
		c := ranking.Candidates{Query: q}
		for _, hit := range hits {
			c.Hits = append(c.Hits, ranking.Hit{Passage: number(hit[0].(string)), Score: float32(hit[1].(float64))})
		}
		candidates = append(candidates, c)
	}
	return judged, candidates
}

// TestTrecEvalPrinted compares means with what trec_eval printed for its own test data, digit by digit.
func TestTrecEvalPrinted(t *testing.T) {
	folder := filepath.Join("..", "..", "shared", "data", "trec-eval")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("shared data absent: " + folder)
	}
	o := oracle{Judged: map[string]map[string]float64{}, Run: map[string][][2]any{}}
	for _, f := range fields(t, filepath.Join(folder, "qrels.test")) {
		if o.Judged[f[0]] == nil {
			o.Judged[f[0]] = map[string]float64{}
		}
		o.Judged[f[0]][f[2]] = number(t, f[3])
	}
	for _, f := range fields(t, filepath.Join(folder, "results.test")) {
		o.Run[f[0]] = append(o.Run[f[0]], [2]any{f[2], number(t, f[4])})
	}
	judged, candidates := o.nouns()
	for _, c := range candidates {
		ranking.Order(nil).Sort(c.Hits)
	}
	whole := map[string]string{"map": "map", "recip_rank": "mrr", "Rprec": "r-precision", "ndcg": "ndcg"}
	cut := map[string]string{"P": "precision", "recall": "recall", "map_cut": "map", "ndcg_cut": "ndcg", "success": "hit"}
	compared := 0
	for _, f := range fields(t, filepath.Join(folder, "out.test.a")) {
		name, ok := whole[f[0]]
		if i := strings.LastIndexByte(f[0], '_'); !ok && i > 0 && cut[f[0][:i]] != "" {
			name, ok = cut[f[0][:i]]+"@"+f[0][i+1:], true
		}
		if !ok {
			continue
		}
		m, err := ParseMeasure(name)
		if err != nil {
			t.Fatal(err)
		}
		scores, err := Evaluate(judged, candidates, Options{Measures: []Measure{m}, Convention: TrecEval})
		if err != nil {
			t.Fatal(err)
		}
		if got := strconv.FormatFloat(scores.Means[0], 'f', 4, 64); got != f[2] {
			t.Errorf("%s (trec_eval's %s): got %s, want %s", m, f[0], got, f[2])
		}
		compared++
	}
	if compared < 40 {
		t.Errorf("only %d measures were compared", compared)
	}
	t.Logf("%d means agree", compared)
}

// fields splits a file into lines and words.
func fields(t *testing.T, path string) [][]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var lines [][]string
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		lines = append(lines, strings.Fields(scanner.Text()))
	}
	return lines
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
