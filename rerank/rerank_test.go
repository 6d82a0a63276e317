package rerank_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/format/teacherscores"
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
	if _, counts, err := allScores(t, c, pairs, kept, rerank.Options{}); !errors.As(err, &trained) || trained.Queries != 2 || trained.Of != 3 || counts.Stored != 0 {
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
	if _, _, err := allScores(t, teacher, pairs, store, rerank.Options{}); !errors.Is(err, errStopped) || len(store) < 1000 || len(store) == len(pairs) {
		t.Fatalf("%d scores are kept, %v", len(store), err)
	}
	if err := teacher.Close(); err != nil || open != 0 {
		t.Errorf("%d rows are open still, %v", open, err)
	}
	left = 100
	kept := len(store)
	told := 0
	scores, counts, err := allScores(t, teacher, pairs, store, rerank.Options{Progress: func(_ string, done, total int, _ string) { told = max(told, done*100/total) }})
	if err != nil || counts.Stored != kept || counts.Asked != len(pairs)-kept || told != 100 {
		t.Errorf("%+v, %d%% told, %v", counts, told, err)
	}
	if err := teacher.Close(); err != nil {
		t.Error(err)
	}
	whole, _, err := allScores(t, teacher, pairs, memoryStore{}, rerank.Options{})
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
	most  int // pairs of a call
}

var errStopped = errors.New("stopped")

func (c *counted) Score(_ context.Context, pairs []rerank.Pair, o rerank.Options, sink func(int, []float32) error) (rerank.Stats, error) {
	c.most = max(c.most, len(pairs))
	if o.Progress != nil {
		defer o.Progress("score", len(pairs), len(pairs), "pairs")
		o.Progress("score", 0, len(pairs), "pairs")
	}
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

// byQuery is pairs by runs of one query.
func byQuery(pairs []rerank.Pair) rerank.Asked {
	return func(yield func([]rerank.Pair, error) bool) {
		for first, end := 0, 0; first < len(pairs); first = end {
			for end = first; end < len(pairs) && pairs[end].Query == pairs[first].Query; end++ {
			}
			if !yield(pairs[first:end], nil) {
				return
			}
		}
	}
}

// allScores are the scores of all pairs together.
func allScores(t *testing.T, teacher rerank.Teacher, pairs []rerank.Pair, s rerank.Store, o rerank.Options) (scores []float32, counts rerank.Counts, err error) {
	t.Helper()
	counts, err = rerank.Scores(t.Context(), teacher, byQuery(pairs), s, o, func(said []float32) error {
		scores = append(scores, said...)
		return nil
	})
	return scores, counts, err
}

type memoryStore map[rerank.Digest]float32

func (s memoryStore) Find(wanted func(rerank.Digest) bool) (teacherscores.Scores, error) {
	found := teacherscores.Scores{}
	for d, score := range s {
		if wanted(d) {
			found[d] = score
		}
	}
	return found, nil
}

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
	if _, counts, err := allScores(t, first, pairs, store, rerank.Options{}); !errors.Is(err, errStopped) || counts.Asked != 6 || len(store) != 4 {
		t.Fatalf("interrupted: %v, %+v, %d kept", err, counts, len(store))
	}
	second := &counted{stop: 100}
	scores, counts, err := allScores(t, second, pairs, store, rerank.Options{})
	if err != nil || !slices.Equal(scores, want) {
		t.Fatalf("got %v, want %v: %v", scores, want, err)
	}
	if counts.Pairs != 6 || counts.Asked != 2 || counts.Stored != 4 || !slices.Equal(second.asked, []rerank.Pair{{"abb", ""}, {"a", "bbb"}}) {
		t.Errorf("%+v, asked of %v", counts, second.asked)
	}
	third := &counted{}
	if scores, _, err := allScores(t, third, pairs, store, rerank.Options{}); err != nil || !slices.Equal(scores, want) || third.asked != nil {
		t.Errorf("nothing new: %v, %v, asked of %v", scores, err, third.asked)
	}
}

// TestPairsAreAskedBlockByBlock: of no more than a block at once, once of each pair, wherever queries and pairs come again; scores, counts and what
// is told of the way's end do not depend on the block.
func TestPairsAreAskedBlockByBlock(t *testing.T) {
	var pairs []rerank.Pair
	for i := range 60 {
		query := strings.Repeat("q", 1+i%17) // most come again, in another block
		for k := range 1 + i%4 {
			pairs = append(pairs, rerank.Pair{Query: query, Passage: strings.Repeat("p", 1+(i+k)%5)})
		}
	}
	type outcome struct {
		scores       []float32
		counts       rerank.Counts
		store        memoryStore
		order        []rerank.Pair
		done, total  int
		looks, found int
	}
	ask := func(block int, kept memoryStore) (o outcome) {
		t.Helper()
		teacher := &counted{stop: len(pairs)}
		o.store = maps.Clone(kept)
		store := &lookedAt{memoryStore: o.store}
		var err error
		o.scores, o.counts, err = allScores(t, teacher, pairs, store, rerank.Options{Block: block, Progress: func(_ string, done, total int, unit string) {
			if done < o.done || o.total > 0 && total > o.total || unit != "pairs" {
				t.Errorf("blocks of %d: told %d of %d %s behind %d of %d", block, done, total, unit, o.done, o.total)
			}
			o.done, o.total = done, total
		}})
		if err != nil {
			t.Fatal(err)
		}
		if teacher.most > max(block, 4) || store.most > max(block, 4) {
			t.Errorf("blocks of %d: the teacher is asked of %d at once, the store of %d", block, teacher.most, store.most)
		}
		o.order = teacher.asked
		o.looks = store.looks
		o.found, err = rerank.Find(t.Context(), byQuery(pairs), rerank.Options{Block: block}, o.store.Find, func(scores []float32, known []bool) error {
			if slices.Contains(known, false) {
				t.Errorf("blocks of %d: a score that was put is not found", block)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	half := memoryStore{}
	for i, p := range pairs {
		if i%3 == 0 {
			half[p.Digest()] = float32(10*len(p.Query) + len(p.Passage))
		}
	}
	for name, kept := range map[string]memoryStore{"nothing kept": {}, "some kept": half} {
		want := ask(1<<20, kept)
		if want.looks != 1 || want.counts.Pairs != want.counts.Asked+want.counts.Stored || want.counts.Pairs != len(want.store) || want.done != want.counts.Asked || want.found != want.counts.Pairs {
			t.Fatalf("%s: %+v", name, want)
		}
		for _, block := range []int{1, 7, 30} {
			got := ask(block, kept)
			if got.looks < len(pairs)/max(block, 4) {
				t.Errorf("%s, blocks of %d: %d blocks", name, block, got.looks)
			}
			got.looks, got.total = want.looks, want.total
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("%s, blocks of %d, -whole +blocks:\n%s", name, block, diff)
			}
		}
	}
}

// lookedAt counts how often a store is looked into, and for how many pairs at most.
type lookedAt struct {
	memoryStore
	looks, most int
}

func (l *lookedAt) Find(wanted func(rerank.Digest) bool) (teacherscores.Scores, error) {
	found, err := l.memoryStore.Find(wanted)
	l.looks++
	l.most = max(l.most, len(found))
	return found, err
}

// TestBlocksEndWithTheContext between two of them.
func TestBlocksEndWithTheContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	teacher := &counted{stop: 100}
	_, err := rerank.Scores(ctx, teacher, byQuery(somePairs(40)), memoryStore{}, rerank.Options{Block: 4}, func([]float32) error { stop(); return nil })
	if !errors.Is(err, context.Canceled) || len(teacher.asked) > 4 {
		t.Errorf("%v behind %d pairs", err, len(teacher.asked))
	}
}

// TestProgressOfAnEmbedderIsOfAllBlocks: texts of later blocks count from the start, each once.
func TestProgressOfAnEmbedderIsOfAllBlocks(t *testing.T) {
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
	open := 0
	ask := func(block int) (scores []float32, first, done, total int) {
		t.Helper()
		teacher := rerank.NewEmbedder(x, rerank.EmbedderOptions{Keep: func(_, dim int, fill func(func([]float32) error) error) (rerank.Kept, error) {
			open++
			r := &rowsInMemory{dim: dim, open: &open}
			return r, fill(func(rows []float32) error { r.values = append(r.values, rows...); return nil })
		}})
		scores, _, err := allScores(t, teacher, somePairs(90), memoryStore{}, rerank.Options{Block: block, Progress: func(_ string, d, n int, _ string) {
			if first == 0 {
				first = n
			}
			done, total = d, n
		}})
		if err := errors.Join(err, teacher.Close()); err != nil {
			t.Fatal(err)
		}
		return scores, first, done, total
	}
	want, texts, done, total := ask(0)
	if texts != total || done != total {
		t.Fatalf("%d, then %d of %d", texts, done, total)
	}
	got, first, done, total := ask(20)
	if !slices.Equal(got, want) {
		t.Error("scores depend on the block")
	}
	if first != texts || done != total || total < texts { // a query of several blocks is embedded in each
		t.Errorf("in blocks %d texts, then %d of %d; in one %d", first, done, total, texts)
	}
	if open != 0 {
		t.Errorf("%d rows are open still", open)
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
