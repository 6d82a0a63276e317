package eval

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/ranking"
)

// drawn makes judgments and whole-corpus rankings of which the first depth hits are kept.
func drawn(seed uint64, queries, passages, depth int) ([]Judged, []ranking.Candidates) {
	var judged []Judged
	var candidates []ranking.Candidates
	for i := range queries {
		source := draw.New(seed, "test", 0, 0, fmt.Sprint(i))
		key := fmt.Sprintf("q%03d", i)
		hits := make(ranking.Ranking, passages)
		for p := range hits {
			hits[p] = ranking.Hit{Passage: int32(p), Score: float32(source.IntN(20))}
		}
		ranking.Order(nil).Sort(hits)
		j := Judged{Query: key, Seen: source.IntN(2) == 0, Group: fmt.Sprint(i / 2)}
		for _, p := range slices.Sorted(slices.Values(source.Sample(passages, 1+source.IntN(5)))) {
			j.Grades = append(j.Grades, Grade{int32(p), float64(1 + source.IntN(3))})
		}
		c := ranking.Candidates{Query: key, Hits: hits[:depth]}
		for rank, h := range hits {
			if j.grade(h.Passage) > 0 {
				c.Positives = append(c.Positives, ranking.Positive{Passage: h.Passage, Score: h.Score, Rank: int32(rank)})
			}
		}
		judged, candidates = append(judged, j), append(candidates, c)
	}
	return judged, candidates
}

func TestEvaluateDoesNotDependOnOrder(t *testing.T) {
	judged, candidates := drawn(1, 31, 40, 25)
	measures, err := ParseMeasures("map@25,map,recall@5,mrr,ndcg@10,precision@3,r-precision,hit@2")
	if err != nil {
		t.Fatal(err)
	}
	for _, convention := range Conventions() {
		o := Options{Measures: measures, Convention: convention, Depth: 25}
		want, err := Evaluate(judged, candidates, o)
		if err != nil {
			t.Fatal(err)
		}
		source := draw.New(2, "test", 0, 0, "")
		var otherJudged []Judged
		var otherCandidates []ranking.Candidates
		for _, i := range source.Sample(len(judged), len(judged)) {
			otherJudged = append(otherJudged, judged[i])
			otherCandidates = append([]ranking.Candidates{candidates[i]}, otherCandidates...)
		}
		otherCandidates = append(otherCandidates, ranking.Candidates{Query: "not judged"})
		got, err := Evaluate(otherJudged, otherCandidates, o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: another order of input changed the scores (-first +second):\n%s", convention, diff)
		}
	}
}

// TestDepthDoesNotChangeScores: with whole-corpus ranks, keeping fewer hits changes nothing.
func TestDepthDoesNotChangeScores(t *testing.T) {
	measures, _ := ParseMeasures("map@5,map,recall@5,mrr,ndcg@5,ndcg,r-precision,hit@2")
	var want Scores
	for _, depth := range []int{40, 12, 5} {
		judged, candidates := drawn(3, 20, 40, depth)
		got, err := Evaluate(judged, candidates, Options{Measures: measures, Depth: depth})
		if err != nil {
			t.Fatal(err)
		}
		if want.Means == nil {
			want = got
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("depth %d (-whole +kept):\n%s", depth, diff)
		}
	}
}

func TestProperties(t *testing.T) {
	judged, candidates := drawn(4, 40, 60, 60)
	measures, _ := ParseMeasures("recall@1,recall@2,recall@10,recall@60,hit@1,hit@10,mrr@10,mrr,map@60,map,ndcg@60,r-precision,precision@1")
	scores, err := Evaluate(judged, candidates, Options{Measures: measures})
	if err != nil {
		t.Fatal(err)
	}
	value := func(q int, name string) float64 {
		m, _ := ParseMeasure(name)
		return scores.PerQuery[q][slices.Index(measures, m)]
	}
	for q := range scores.Queries {
		for m, v := range scores.PerQuery[q] {
			if v < 0 || v > 1 {
				t.Errorf("query %d: %s is %v", q, measures[m], v)
			}
		}
		if r := []float64{value(q, "recall@1"), value(q, "recall@2"), value(q, "recall@10"), value(q, "recall@60")}; !slices.IsSorted(r) || r[3] != 1 {
			t.Errorf("query %d: recall does not grow to 1: %v", q, r)
		}
		if value(q, "mrr@10") > value(q, "mrr") || value(q, "mrr@10") > value(q, "hit@10") || value(q, "precision@1") != value(q, "hit@1") {
			t.Errorf("query %d: mrr, hit and precision contradict each other", q)
		}
		if value(q, "map@60") != value(q, "map") {
			t.Errorf("query %d: a cutoff at the whole corpus changed map", q)
		}
	}
	byHand := 0.0
	for _, v := range scores.Values(Measure{MRR, 0}) {
		byHand += v
	}
	if mean, ok := scores.Mean(Measure{MRR, 0}); !ok || math.Abs(mean-byHand/40) > 1e-15 {
		t.Errorf("mean mrr %v, by hand %v", mean, byHand/40)
	}
	weighted := float64(scores.Slices[0].Queries)*scores.Slices[0].Means[0] + float64(scores.Slices[1].Queries)*scores.Slices[1].Means[0]
	if scores.Slices[0].Queries+scores.Slices[1].Queries != 40 || math.Abs(weighted/40-scores.Means[0]) > 1e-12 {
		t.Errorf("the slices do not add up: %+v against %v", scores.Slices, scores.Means[0])
	}
}

func TestEvaluateErrors(t *testing.T) {
	hit := func(p int32, s float32) ranking.Hit { return ranking.Hit{Passage: p, Score: s} }
	judged := []Judged{{Query: "q", Grades: []Grade{{1, 1}}}}
	ranked := []ranking.Candidates{{Query: "q", Hits: ranking.Ranking{hit(0, 2), hit(1, 1)}}}
	mrr := Options{Measures: []Measure{{MRR, 0}}}
	with := func(positives ...ranking.Positive) []ranking.Candidates {
		return []ranking.Candidates{{Query: "q", Hits: ranked[0].Hits, Positives: positives}}
	}
	nan := float32(math.NaN())
	for _, tc := range []struct {
		name       string
		judged     []Judged
		candidates []ranking.Candidates
		options    Options
		want       string
	}{
		{"no measure", judged, ranked, Options{}, "no measure"},
		{"malformed measure", judged, ranked, Options{Measures: []Measure{{"mpa", 3}}}, `did you mean "map@3"`},
		{"measure without its cutoff", judged, ranked, Options{Measures: []Measure{{Recall, 0}}}, "needs a cutoff"},
		{"twice", judged, ranked, Options{Measures: []Measure{{MRR, 0}, {MRR, 0}}}, "named twice"},
		{"unknown convention", judged, ranked, Options{Measures: mrr.Measures, Convention: "trec"}, `unknown convention "trec"`},
		{"judged twice", append(judged, judged...), ranked, mrr, `query "q" is judged twice`},
		{"ranked twice", judged, append(ranked, ranked...), mrr, `query "q" has two rankings`},
		{"no ranking", judged, nil, mrr, `query "q" is judged but has no ranking`},
		{"nothing to score", nil, ranked, mrr, "no query to score"},
		{"unsorted judgments", []Judged{{Query: "q", Grades: []Grade{{1, 1}, {0, 1}}}}, ranked, mrr, "not sorted by passage"},
		{"bad grade", []Judged{{Query: "q", Grades: []Grade{{1, math.NaN()}}}}, ranked, mrr, "grade NaN"},
		{"unsorted hits", judged, []ranking.Candidates{{Query: "q", Hits: ranking.Ranking{hit(0, 1), hit(1, 2)}}}, mrr, "not sorted by score: rank 1"},
		{"score not a number", judged, []ranking.Candidates{{Query: "q", Hits: ranking.Ranking{hit(0, nan)}}}, mrr, "rank 0 has NaN"},
		{"passage beyond the corpus", judged, ranked, Options{Measures: mrr.Measures, Order: ranking.Order{0}}, "passage 1 is not in the corpus"},
		{"other judgments", judged, with(ranking.Positive{Passage: 0, Rank: 0}, ranking.Positive{Passage: 3, Rank: 7}), mrr, ""},
		{"positive without a rank", []Judged{{Query: "q", Grades: []Grade{{5, 1}}}}, with(ranking.Positive{Passage: 1, Rank: 1}), mrr, "1 of its positives have no rank"},
		{"rank against the hits", judged, with(ranking.Positive{Passage: 1, Rank: 0}), mrr, "said to rank 0"},
		{"deep rank of a hit", judged, with(ranking.Positive{Passage: 1, Rank: 9}), mrr, "said to rank 9"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Evaluate(tc.judged, tc.candidates, tc.options)
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v does not contain %q", err, tc.want)
			}
		})
	}
}

// TestGainsThatNoNumberHolds: nDCG of grades whose gains overflow, or vanish, is an error and not NaN or a wrong zero. Other
// measures do not ask for gains.
func TestGainsThatNoNumberHolds(t *testing.T) {
	ranked := []ranking.Candidates{{Query: "q", Hits: ranking.Ranking{{Passage: 0, Score: 2}, {Passage: 1, Score: 1}}}}
	measures, _ := ParseMeasures("ndcg@10,ndcg,map@10")
	for _, tc := range []struct {
		name       string
		grades     []float64 // of passages 0, 1, …
		convention Convention
		want       string
		mean       float64
	}{
		{"grade 2000, found", []float64{2000}, Kaggle, "larger than a float64 holds", 0},
		{"grade 2000, not found", []float64{0, 1, 2000}, Kaggle, "larger than a float64 holds", 0},
		{"the sum alone", []float64{1023.9, 1023.9, 1023.9}, Kaggle, "larger than a float64 holds", 0},
		{"grade 2000, linear", []float64{2000}, TrecEval, "", 1},
		{"grade 2000, binary", []float64{2000}, SentenceTransformers, "", 1},
		{"grade 1000", []float64{1000}, Kaggle, "", 1},
		{"a grade that vanishes beside 1", []float64{1e-20}, Kaggle, "are zero", 0},
		{"no positive", []float64{0}, Ranx, "", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := Judged{Query: "q"}
			for p, g := range tc.grades {
				j.Grades = append(j.Grades, Grade{int32(p), g})
			}
			got, err := Evaluate([]Judged{j}, ranked, Options{Measures: measures, Convention: tc.convention})
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), `query "q": ndcg@10 as `+string(tc.convention)+" has it: ") || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got %v, want %q", err, tc.want)
				}
				if _, err := Evaluate([]Judged{j}, ranked, Options{Measures: measures[2:], Convention: tc.convention}); err != nil {
					t.Errorf("map: %v", err)
				}
				return
			}
			if err != nil || got.Means[0] != tc.mean {
				t.Errorf("%v, %v; want %v", got.Means, err, tc.mean)
			}
		})
	}
}

func TestParseConvention(t *testing.T) {
	if c, err := ParseConvention(""); err != nil || c != SentenceTransformers {
		t.Errorf("the default is %q, %v", c, err)
	}
	if _, err := ParseConvention("bier"); err == nil || !strings.Contains(err.Error(), "sentence-transformers, trec_eval, kaggle, ranx") {
		t.Errorf("an unknown convention: %v", err)
	}
}
