package rerank_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rerank"
)

func somePairs(n int) []rerank.Pair {
	words := strings.Fields("the adds subtracts fraction numerator digit order zero answer wrong half")
	pairs := make([]rerank.Pair, n)
	for i := range pairs {
		pairs[i] = rerank.Pair{
			Query:   strings.Join(words[i%3:i%len(words)/2+3+i%3], " "),
			Passage: strings.Repeat(words[i%len(words)]+" ", i%29) + fmt.Sprint(i),
		}
	}
	return pairs
}

// scoresOf is what a teacher says, with a check that scores come in order.
func scoresOf(t *testing.T, teacher rerank.Teacher, pairs []rerank.Pair) []float32 {
	t.Helper()
	var scores []float32
	stats, err := teacher.Score(t.Context(), pairs, rerank.Options{}, func(first int, some []float32) error {
		if first != len(scores) {
			t.Fatalf("scores from %d on, want %d", first, len(scores))
		}
		scores = append(scores, some...)
		return nil
	})
	if err != nil || stats.Pairs != len(pairs) || len(scores) != len(pairs) {
		t.Fatalf("%d scores, %+v for %d pairs: %v", len(scores), stats, len(pairs), err)
	}
	return scores
}

func engine(t *testing.T, path kernel.Path, workers int, memory int64) *compute.Engine {
	t.Helper()
	e, err := compute.New(compute.Options{Path: path, Precision: compute.F32, Workers: workers, Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func crossEncoder(t *testing.T, e *compute.Engine, o rerank.CrossEncoderOptions) *rerank.CrossEncoder {
	t.Helper()
	m, err := model.OpenCrossEncoder("../model/testdata/cross-encoders/bert")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	c, err := rerank.NewCrossEncoder(m, e, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestScoresDoNotDependOnCompany: order, workers and memory change no bit of a pair's score.
func TestScoresDoNotDependOnCompany(t *testing.T) {
	pairs := somePairs(1200) // more than a chunk
	for _, path := range kernel.Available() {
		t.Run(string(path), func(t *testing.T) {
			want := scoresOf(t, crossEncoder(t, engine(t, path, 1, 0), rerank.CrossEncoderOptions{}), pairs)
			turned := slices.Clone(pairs)
			slices.Reverse(turned)
			got := scoresOf(t, crossEncoder(t, engine(t, path, 3, 1<<19), rerank.CrossEncoderOptions{}), turned[100:])
			slices.Reverse(got)
			if !slices.Equal(got, want[:1100]) {
				t.Error("scores differ in another order, with other workers and memory")
			}
		})
	}
}

func TestLogitsAndLengthsStandAboveTheModel(t *testing.T) {
	e := engine(t, kernel.Portable, 1, 0)
	pairs := somePairs(40)
	scores := scoresOf(t, crossEncoder(t, e, rerank.CrossEncoderOptions{}), pairs)
	logits := scoresOf(t, crossEncoder(t, e, rerank.CrossEncoderOptions{Logits: true}), pairs)
	for i := range scores {
		if want := float32(1 / (1 + math.Exp(-float64(logits[i])))); scores[i] != want {
			t.Fatalf("pair %d: score %v of the logit %v, want %v", i, scores[i], logits[i], want)
		}
	}
	short := crossEncoder(t, e, rerank.CrossEncoderOptions{MaxLength: 8})
	stats, err := short.Score(t.Context(), pairs, rerank.Options{}, func(int, []float32) error { return nil })
	if err != nil || stats.Truncated == 0 || stats.First.Part != rerank.BothTexts {
		t.Errorf("%+v, %v", stats, err)
	}
	for _, p := range pairs { // up to the first that is said to be cut, none is
		alone, err := short.Score(t.Context(), []rerank.Pair{p}, rerank.Options{}, func(int, []float32) error { return nil })
		if err != nil || (alone.Truncated > 0) != (p == stats.First.Pair) {
			t.Errorf("%+v is cut by itself: %+v, %v; the first was %+v", p, alone, err, stats.First)
		}
		if p == stats.First.Pair {
			break
		}
	}
	m, err := model.OpenCrossEncoder("../model/testdata/cross-encoders/bert")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := rerank.NewCrossEncoder(m, e, rerank.CrossEncoderOptions{MaxLength: 33}); err == nil || !strings.Contains(err.Error(), "32 positions") {
		t.Errorf("longer than the positions: %v", err)
	}
}

// TestWhatAnEmbedderCuts is told by the part that it read: queries before passages.
func TestWhatAnEmbedderCuts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	if err := tinymodel.Write(dir, tinymodel.Options{}); err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(dir, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	x, err := embedding.New(m, engine(t, kernel.Portable, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	place := func(c rerank.Cut) string {
		return c.Place(func(q string) string { return "the query " + q }, func(p string) string { return "the passage " + p })
	}
	pairs := []rerank.Pair{{Query: "zero", Passage: "zero"}, {Query: "zero", Passage: "digit order digit order"}, {Query: "half the digit order", Passage: "zero"}}
	for _, tc := range []struct {
		name           string
		query, passage int
		want           string
	}{
		{"nothing", 32, 32, ""},
		{"passages", 32, 4, "1 of the texts is longer than the teacher reads and was cut, at the passage digit order digit order"},
		{"both", 4, 4, "2 of the texts are longer than the teacher reads and were cut, the first at the query half the digit order"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			open := 0
			teacher := rerank.NewEmbedder(x, rerank.EmbedderOptions{
				Query: rerank.Side{MaxLength: tc.query}, Passage: rerank.Side{MaxLength: tc.passage},
				Keep: func(_, dim int, fill func(func([]float32) error) error) (rerank.Kept, error) {
					open++
					r := &rowsInMemory{dim: dim, open: &open}
					return r, fill(func(rows []float32) error { r.values = append(r.values, rows...); return nil })
				},
			})
			stats, err := teacher.Score(t.Context(), pairs, rerank.Options{}, func(int, []float32) error { return nil })
			if note := stats.CutNote(place); err != nil || note != tc.want {
				t.Errorf("%q, want %q; %v", note, tc.want, err)
			}
		})
	}
}

// TestACrossEncoderDoesNotJudgeItsTraining: pairs of queries that its directory says it was trained on are refused before any is
// scored, those of others are not.
func TestACrossEncoderDoesNotJudgeItsTraining(t *testing.T) {
	m, err := model.OpenCrossEncoder("../model/testdata/cross-encoders/bert")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.Trained = model.TrainedQueries{}
	m.Trained.Add("half")
	m.Trained.Add("zero")
	c, err := rerank.NewCrossEncoder(m, engine(t, kernel.Portable, 1, 0), rerank.CrossEncoderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pairs := []rerank.Pair{{"the sum", "a"}, {" half ", "a"}, {" half ", "b"}, {"zero", "a"}}
	asked := 0
	_, err = c.Score(t.Context(), pairs, rerank.Options{}, func(int, []float32) error { asked++; return nil })
	var trained *rerank.TrainedError
	if !errors.As(err, &trained) || trained.Queries != 2 || trained.Of != 3 || trained.First != " half " || asked > 0 {
		t.Errorf("%v, %d asked", err, asked)
	}
	// What is kept from before the model knew them is as little to be had.
	kept := memoryStore{}
	for _, p := range pairs {
		kept[p.Digest()] = 1
	}
	if _, counts, err := rerank.Scores(t.Context(), c, pairs, kept, rerank.Options{}); !errors.As(err, &trained) || trained.Queries != 2 || trained.Of != 3 || counts.Stored != 0 {
		t.Errorf("of scores that are kept: %v, %+v", err, counts)
	}
	if got := scoresOf(t, c, pairs[:1]); len(got) != 1 {
		t.Errorf("of another query: %v", got)
	}
}

// rowsInMemory keeps rows where a test can see them.
type rowsInMemory struct {
	values []float32
	dim    int
	open   *int
}

func (r *rowsInMemory) Row(i int) []float32 { return r.values[i*r.dim : (i+1)*r.dim] }
func (r *rowsInMemory) Close() error        { *r.open--; return nil }

func TestEmbedderComparesAsItsContractSays(t *testing.T) {
	for _, tc := range []struct {
		name  string
		score model.Score
	}{{"cosine", model.Cosine}, {"dot", model.Dot}} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "model")
			if err := tinymodel.Write(dir, tinymodel.Options{NoNormalize: true}); err != nil {
				t.Fatal(err)
			}
			m, err := model.Open(dir, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			x, err := embedding.New(m, engine(t, kernel.Portable, 1, 0))
			if err != nil {
				t.Fatal(err)
			}
			open, kept := 0, []int{}
			teacher := rerank.NewEmbedder(x, rerank.EmbedderOptions{Score: tc.score, Keep: func(rows, dim int, fill func(func([]float32) error) error) (rerank.Kept, error) {
				open++
				kept = append(kept, rows)
				r := &rowsInMemory{dim: dim, open: &open}
				return r, fill(func(rows []float32) error { r.values = append(r.values, rows...); return nil })
			}})
			pairs := append(somePairs(30), somePairs(30)...)
			got := scoresOf(t, teacher, pairs)
			if open != 1 || !slices.Equal(kept, []int{17, 30}) {
				t.Errorf("%d of %v rows are open, want those of passages", open, kept)
			}
			again := scoresOf(t, teacher, somePairs(40)[20:]) // of which 10 passages are new
			if open != 2 || !slices.Equal(kept, []int{17, 30, 17, 10}) || !slices.Equal(again[:10], got[20:30]) {
				t.Errorf("%d of %v rows are open; scores %v, at first %v", open, kept, again[:10], got[20:30])
			}
			if err := teacher.Close(); err != nil || open != 0 {
				t.Errorf("%d rows are open still, %v", open, err)
			}
			for i := range pairs {
				query, passage := vector(t, x, pairs[i].Query), vector(t, x, pairs[i].Passage)
				want := dot(query, passage)
				if tc.score == model.Cosine {
					want /= math.Sqrt(dot(query, query) * dot(passage, passage))
				}
				if math.Abs(float64(got[i])-want) > 1e-5*(1+math.Abs(want)) {
					t.Fatalf("pair %d has the score %v, want %v", i, got[i], want)
				}
			}
		})
	}
}

// TestAnInterruptedEmbedderGoesOn: what it has said before it stops is kept, and is what one that does not stop says.
func TestAnInterruptedEmbedderGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	if err := tinymodel.Write(dir, tinymodel.Options{}); err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(dir, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	x, err := embedding.New(m, engine(t, kernel.Portable, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	open, left := 0, 0
	teacher := rerank.NewEmbedder(x, rerank.EmbedderOptions{Keep: func(_, dim int, fill func(func([]float32) error) error) (rerank.Kept, error) {
		if left--; left < 0 {
			return nil, errStopped
		}
		open++
		r := &rowsInMemory{dim: dim, open: &open}
		return r, fill(func(rows []float32) error { r.values = append(r.values, rows...); return nil })
	}})
	pairs, store := somePairs(1100), memoryStore{}
	left = 2 // the queries and passages of the first part
	if _, _, err := rerank.Scores(t.Context(), teacher, pairs, store, rerank.Options{}); !errors.Is(err, errStopped) || len(store) < 1000 || len(store) == len(pairs) {
		t.Fatalf("%d scores are kept, %v", len(store), err)
	}
	if err := teacher.Close(); err != nil || open != 0 {
		t.Errorf("%d rows are open still, %v", open, err)
	}
	left = 100
	kept := len(store)
	told := 0
	scores, counts, err := rerank.Scores(t.Context(), teacher, pairs, store, rerank.Options{Progress: func(_ string, done, total int, _ string) { told = max(told, done*100/total) }})
	if err != nil || counts.Stored != kept || counts.Asked != len(pairs)-kept || told != 100 {
		t.Errorf("%+v, %d%% told, %v", counts, told, err)
	}
	if err := teacher.Close(); err != nil {
		t.Error(err)
	}
	whole, _, err := rerank.Scores(t.Context(), teacher, pairs, memoryStore{}, rerank.Options{})
	if err != nil || !slices.Equal(scores, whole) {
		t.Errorf("the scores are others than those of a teacher that was not stopped; %v", err)
	}
}

func vector(t *testing.T, x *embedding.Embedder, text string) (v []float32) {
	t.Helper()
	_, err := x.Embed(t.Context(), func(yield func(embedding.Text, error) bool) { yield(embedding.Text{Text: text}, nil) }, embedding.Options{}, func(_ int, rows []float32) error {
		v = slices.Clone(rows)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// counted is a teacher that scores by length, two pairs at a time, and stops behind so many.
type counted struct {
	asked []rerank.Pair
	stop  int
}

var errStopped = errors.New("stopped")

func (c *counted) Score(_ context.Context, pairs []rerank.Pair, _ rerank.Options, sink func(int, []float32) error) (rerank.Stats, error) {
	for first := 0; first < len(pairs); first += 2 {
		if first >= c.stop {
			return rerank.Stats{Pairs: first}, errStopped
		}
		some := pairs[first:min(first+2, len(pairs))]
		c.asked = append(c.asked, some...)
		scores := make([]float32, len(some))
		for i, p := range some {
			scores[i] = float32(10*len(p.Query) + len(p.Passage))
		}
		if err := sink(first, scores); err != nil {
			return rerank.Stats{}, err
		}
	}
	return rerank.Stats{Pairs: len(pairs)}, nil
}

type memoryStore map[rerank.Digest]float32

func (s memoryStore) Get(d rerank.Digest) (float32, bool) { v, ok := s[d]; return v, ok }
func (s memoryStore) Put(digests []rerank.Digest, scores []float32) error {
	for i, d := range digests {
		s[d] = scores[i]
	}
	return nil
}

// TestATeacherIsAskedOnce of each pair, whatever was asked before and wherever a call ended.
func TestATeacherIsAskedOnce(t *testing.T) {
	pairs := []rerank.Pair{{"a", "b"}, {"a", "bb"}, {"a", "b"}, {"ab", "b"}, {"", "abb"}, {"abb", ""}, {"a", "bbb"}}
	want := []float32{11, 12, 11, 21, 3, 30, 13}
	store := memoryStore{}
	first := &counted{stop: 4}
	if _, counts, err := rerank.Scores(t.Context(), first, pairs, store, rerank.Options{}); !errors.Is(err, errStopped) || counts.Asked != 6 || len(store) != 4 {
		t.Fatalf("interrupted: %v, %+v, %d kept", err, counts, len(store))
	}
	second := &counted{stop: 100}
	scores, counts, err := rerank.Scores(t.Context(), second, pairs, store, rerank.Options{})
	if err != nil || !slices.Equal(scores, want) {
		t.Fatalf("got %v, want %v: %v", scores, want, err)
	}
	if counts.Pairs != 6 || counts.Asked != 2 || counts.Stored != 4 || !slices.Equal(second.asked, []rerank.Pair{{"abb", ""}, {"a", "bbb"}}) {
		t.Errorf("%+v, asked of %v", counts, second.asked)
	}
	third := &counted{}
	if scores, _, err := rerank.Scores(t.Context(), third, pairs, store, rerank.Options{}); err != nil || !slices.Equal(scores, want) || third.asked != nil {
		t.Errorf("nothing new: %v, %v, asked of %v", scores, err, third.asked)
	}
}

func TestSaturation(t *testing.T) {
	var s rerank.Saturation
	// softmax(5, 0, 0) = 148.41/150.41 = 0.98670; softmax(6, 0) = 403.43/404.43 = 0.99753;
	// of two positives 1 and 3 with 2: e^3/(e^1+e^3+e^2) = 20.086/30.193 = 0.66524, and 2 is above the lowest.
	s.Add([]float64{5}, []float64{0, 0})
	s.Add([]float64{0}, []float64{6})
	s.Add([]float64{1, 3}, []float64{2})
	s.Add([]float64{1}, nil)
	s.Add(nil, []float64{1})
	if s.Rows != 3 || s.OneHot != 1 || s.Negatives != 4 || s.AbovePositive != 2 || math.Abs(s.MeanTop-(0.98670+0.99753+0.66524)/3) > 1e-5 {
		t.Errorf("%+v", s)
	}
	var large rerank.Saturation
	large.Add([]float64{1e308}, []float64{-1e308})
	if large.OneHot != 1 || large.MeanTop != 1 {
		t.Errorf("of large scores: %+v", large)
	}
}
