package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// The corpus has one text under two ids (a1, a2), and a passage that only dev asks for (e). One text is asked twice in
// train, with different answers, and once more in dev.
const (
	judgedCorpus = `{"id":"a1","text":"add the fractions"}
{"id":"b","text":"order of digits"}
{"id":"a2","text":"add the fractions"}
{"id":"c","text":"sum to zero"}
{"id":"d","text":"what is the decimal"}
{"id":"e","text":"subtract a digit"}
`
	judgedTrain = `{"id":"t1","query":"which sum","positive_ids":["a1"]}
{"id":"t2","query":"which sum","positive_ids":["b"]}
{"id":"t3","query":"sum to zero","positive_ids":["d"]}
`
	judgedDev = `{"id":"v1","query":"which digit","positive_ids":["a2"]}
{"id":"v2","query":"which order","positive_ids":["e"]}
{"id":"v3","query":"which zero","positive_ids":["e","b"]}
{"id":"v4","query":"which sum","positive_ids":["c"]}
`
	judgedRecipe = `version: 1
name: judged
model: model
data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl, allow_leakage: true}
mine: {source: %s, window: 0-6, negatives: 6, depth: 6}
finetune: {epochs: 1, batch: 3, group_size: 2, learning_rate: 1e-3, block_tokens: 64}
eval: {metrics: [recall@1]}
select: {metric: recall@1}
`
)

func judgedProject(t *testing.T, source string) *recipe.Recipe {
	t.Helper()
	dir := t.TempDir()
	if err := tinymodel.Write(filepath.Join(dir, "model"), tinymodel.Options{}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"corpus.jsonl": judgedCorpus, "train.jsonl": judgedTrain, "dev.jsonl": judgedDev} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return loadRecipe(t, dir, fmt.Sprintf(judgedRecipe, source))
}

func judgedData(t *testing.T) *data {
	t.Helper()
	d, err := readData(context.Background(), judgedProject(t, recipe.Dense), rundir.OS{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// names writes passages by id.
func (d *data) names(passages []int32) string {
	var ids []string
	for _, p := range passages {
		ids = append(ids, d.corpus.ID(p))
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

// TestAQueryIsSeenWhenTrainingHasOneOfItsPositives: a2 has the text of a1, but judging goes by id.
func TestAQueryIsSeenWhenTrainingHasOneOfItsPositives(t *testing.T) {
	want := []eval.Judged{
		{Query: "v1", Grades: []eval.Grade{{Passage: 2, Grade: 1}}},
		{Query: "v2", Grades: []eval.Grade{{Passage: 5, Grade: 1}}},
		{Query: "v3", Grades: []eval.Grade{{Passage: 5, Grade: 1}, {Passage: 1, Grade: 1}}, Seen: true},
		{Query: "v4", Grades: []eval.Grade{{Passage: 3, Grade: 1}}},
	}
	d := judgedData(t)
	for i, got := range d.judged(d.set(rundir.Dev)) {
		slices.SortFunc(got.Grades, func(a, b eval.Grade) int { return int(b.Passage - a.Passage) })
		slices.SortFunc(want[i].Grades, func(a, b eval.Grade) int { return int(b.Passage - a.Passage) })
		if fmt.Sprint(got) != fmt.Sprint(want[i]) {
			t.Errorf("got %+v, want %+v", got, want[i])
		}
	}
}

// TestSlicesOfScores runs the loop: of four dev queries one is seen and three are not, in every row of the table.
func TestSlicesOfScores(t *testing.T) {
	r := judgedProject(t, recipe.Dense)
	mustRun(t, r)
	s, err := look(t, r).ReadScores(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Epochs {
		if e.Dev.Queries != 4 || e.Dev.Seen.Queries != 1 || e.Dev.Unseen.Queries != 3 {
			t.Errorf("epoch %d: %d queries, %d seen, %d unseen; want 4, 1, 3", e.Epoch, e.Dev.Queries, e.Dev.Seen.Queries, e.Dev.Unseen.Queries)
		}
	}
}

// TestKnownPositives: rows of one text share their answers, texts that are equal count as one, and what only dev judges
// is no part of train's mask.
func TestKnownPositives(t *testing.T) {
	r := judgedProject(t, recipe.Dense)
	if notes, err := runTiny(t, r, Options{Until: StageMine}); err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	p, err := Open(context.Background(), r, Options{Path: exactpath.Fastest, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	first, err := p.newRound(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := first.openModel(r.Model.File)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	train, dev, err := first.trainingData(m, first.texts(m))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		split rundir.Split
		got   finetune.Data
		want  map[string]string
	}{
		{rundir.Train, train, map[string]string{"t1": "a1 a2 b", "t2": "a1 a2 b", "t3": "d"}},
		{rundir.Dev, dev, map[string]string{"v1": "a1 a2", "v2": "e", "v3": "b e", "v4": "a1 a2 b c"}},
	} {
		if len(tc.got.Examples) != len(tc.want) {
			t.Errorf("%s: %d queries, want %d", tc.split, len(tc.got.Examples), len(tc.want))
		}
		for _, e := range tc.got.Examples {
			if got := p.data.names(e.Known); got != tc.want[e.Key] {
				t.Errorf("%s query %q: known %q, want %q", tc.split, e.Key, got, tc.want[e.Key])
			}
			if !slices.IsSorted(e.Known) {
				t.Errorf("%s query %q: %v is not sorted", tc.split, e.Key, e.Known)
			}
		}
	}
}

// TestNegativesAreNeitherPositivesNorOfEqualText mines all that may be mined, by search and at random. The query of t3 is
// the text of passage c; a1 and a2 have one text, of which the first is mined.
func TestNegativesAreNeitherPositivesNorOfEqualText(t *testing.T) {
	for _, source := range []string{recipe.Dense, recipe.Random} {
		t.Run(source, func(t *testing.T) {
			r := judgedProject(t, source)
			if notes, err := runTiny(t, r, Options{Until: StageMine}); err != nil {
				t.Fatalf("%v\n%s", err, notes)
			}
			d := judgedData(t)
			reader := &round{Run: &Run{dir: look(t, r), data: d}, data: d, files: rundir.Layout(r.Dir()).Round(0)}
			for _, tc := range []struct {
				split       rundir.Split
				key         string
				never, must string // negatives by id
			}{
				{rundir.Train, "t1", "a1 a2", "c d e"},
				{rundir.Train, "t2", "b", "c d e"},
				{rundir.Train, "t3", "d c a2", "a1 b e"},
				{rundir.Dev, "v1", "a1 a2", "b c d e"},
				{rundir.Dev, "v2", "e a2", "a1 b c d"},
				{rundir.Dev, "v3", "e b a2", "a1 c d"},
				{rundir.Dev, "v4", "c", "d e"},
			} {
				negatives, err := reader.readNegatives(tc.split)
				if err != nil {
					t.Fatal(err)
				}
				got := strings.Fields(d.names(negatives[tc.key]))
				for _, id := range strings.Fields(tc.never) {
					if slices.Contains(got, id) {
						t.Errorf("%s query %q: %s is among the negatives %v", tc.split, tc.key, id, got)
					}
				}
				for _, id := range strings.Fields(tc.must) {
					if !slices.Contains(got, id) {
						t.Errorf("%s query %q: %s is missing from the negatives %v", tc.split, tc.key, id, got)
					}
				}
			}
		})
	}
}

// TestTrainingMasksKnownPositives: t1 and t2 have one text, and each other's positive as a column.
func TestTrainingMasksKnownPositives(t *testing.T) {
	for _, mask := range []bool{true, false} {
		r := judgedProject(t, recipe.Dense)
		r = loadRecipe(t, filepath.Dir(r.File()), strings.Replace(fmt.Sprintf(judgedRecipe, recipe.Dense), "{epochs", fmt.Sprintf("{mask_known_positives: %v, epochs", mask), 1))
		mustRun(t, r)
		raw, err := os.ReadFile(rundir.Layout(r.Dir()).Round(0).Steps())
		if err != nil {
			t.Fatal(err)
		}
		steps, err := rundir.ReadSteps(bytes.NewReader(raw), "steps.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		if len(steps) != 1 || (steps[0].Masked >= 2) != mask {
			t.Errorf("mask_known_positives: %v: steps %+v", mask, steps)
		}
	}
}
