package page

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/rundir"
)

// goesInto lists what a round says that something goes into, by what it is.
func goesInto(f Figure, round string) map[string]string {
	into := map[string]string{}
	for _, row := range f.Table.Rows {
		if row[0] == round && row[4] != "" {
			into[row[1]] = row[4]
		}
	}
	return into
}

// Where data goes follows from its role, where models and sets go from the stages that read them.
func TestWhatLineageLinks(t *testing.T) {
	_, d := opened(t, tinyrun.Options{Epochs: 2, Train: 3, Dev: 3, Test: 3, Passages: 8, Also: []string{"general", "trivia"}, Sets: []string{"faq", "law"}, Models: true, Ranked: true})
	f := figure(t, read(t, d), "lineage")
	const run, faq, law, epoch, scores = "negatives of round 1", "round 1, set faq", "round 1, set law", "epoch 2, by rule", "scores: test, also-general, also-trivia"
	want := map[string]string{
		"corpus": run + "; " + faq, "train": run, "dev": epoch, "train of set-faq": faq, "corpus of set-law": law, "train of set-law": law,
		"test": scores, "also-general": scores, "corpus of also-trivia": scores, "also-trivia": scores,
		"miner": run + "; " + faq + "; " + law, "base": epoch, "source": run, "teacher": run, "guide": epoch,
		"negatives": epoch, "negatives of set-faq": epoch, "negatives of set-law": epoch, "chosen epoch": "round-1/merged", "result": scores,
	}
	if diff := cmp.Diff(want, goesInto(f, "1")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var labels []string
	places := map[[2]int]string{}
	for _, n := range f.Drawing.Nodes {
		labels = append(labels, n.Label)
		if there, taken := places[[2]int{n.X, n.Y}]; taken {
			t.Errorf("%q stands where %q does", n.Label, there)
		}
		places[[2]int{n.X, n.Y}] = n.Label
	}
	for _, label := range []string{"test (3)", "base", "teacher teacher", "guide guide", "source further"} {
		if n := len(slices.DeleteFunc(slices.Clone(labels), func(l string) bool { return l != label })); n != 1 {
			t.Errorf("%d boxes %q in %q", n, label, labels)
		}
	}
}

// What decides nothing leads to nothing that decides: over all rounds no way goes from test or another set to what is mined, to a choice or
// to a model.
func TestNothingOfTestLeadsToAChoice(t *testing.T) {
	_, d := opened(t, tinyrun.Options{Rounds: 3, Test: 3, Also: []string{"general", "trivia"}, Sets: []string{"faq"}, Ranked: true})
	drawing := figure(t, read(t, d), "lineage").Drawing
	after := map[int][]int{}
	for _, link := range drawing.Links {
		after[link[0]] = append(after[link[0]], link[1])
	}
	held := 0
	for i, n := range drawing.Nodes {
		if !strings.HasPrefix(n.Label, "test") && !strings.Contains(n.Label, "also-") || n.X != dataColumn {
			continue
		}
		held++
		for reached := []int{i}; len(reached) > 0; reached = reached[1:] {
			at := drawing.Nodes[reached[0]]
			if at.X != dataColumn && !strings.HasPrefix(at.Label, "scores: ") {
				t.Fatalf("a way from %q to %q", n.Label, at.Label)
			}
			reached = append(reached, after[reached[0]]...)
		}
	}
	if held != 4 { // test, two sets, and the second's corpus
		t.Errorf("%d boxes of held-out data", held)
	}
}

// Stages tell of what the manifest has no role for.
func TestInputsOfStages(t *testing.T) {
	stage := func(name string, inputs ...string) rundir.ManifestStage {
		s := rundir.ManifestStage{Stage: name}
		for i := 0; i < len(inputs); i += 2 {
			s.Inputs = append(s.Inputs, rundir.Input{Name: inputs[i], Digest: inputs[i+1]})
		}
		return s
	}
	source := func(name, model, vectors string) rundir.ManifestStage {
		s := stage(name, "corpus", "c", "model", model)
		s.Outputs = []rundir.Output{{Path: "sources/" + vectors + ".npy", SHA256: vectors}}
		return s
	}
	two := `{"mine":{"sources":["dense",{"kind":"model","model":"a/one"},{"kind":"model","model":"b/two"}]}}`
	run, faq, epoch := product{}, product{set: "faq"}, []product{{kind: toEpoch}}
	for _, tc := range []struct {
		name    string
		options string
		sets    []rundir.ManifestSet
		stages  []rundir.ManifestStage
		want    []input
	}{
		{name: "nothing", options: `{}`, stages: []rundir.ManifestStage{stage("embed", "corpus", "c", "miner", "m"), stage("eval-epoch-0", "test", "t")}},
		{name: "a teacher of the run and of a set", options: `{"mine":{"teacher":{"model":"models/t"}}}`, sets: []rundir.ManifestSet{{Name: "faq", Mine: []byte(`{"teacher":{"model":"models/t"}}`)}},
			stages: []rundir.ManifestStage{stage("teach", "teacher", "t"), stage("teach-set-faq", "teacher", "t")},
			want:   []input{{what: "teacher", name: "models/t", digest: "t", label: "teacher t", model: true, into: []product{run, faq}}}},
		{name: "two further models", options: two,
			stages: []rundir.ManifestStage{source("source-1", "m1", "v1"), source("source-2", "m1", "v2"), source("source-3", "m2", "v3"), stage("search", "sources/v3.npy", "v3", "sources/v1.npy", "v1", "sources/v2.npy", "v2")},
			want: []input{
				{what: "source", name: "b/two", digest: "m2", label: "source two", model: true, into: []product{run}},
				{what: "source", name: "a/one", digest: "m1", label: "source one", model: true, into: []product{run, run}},
			}},
		{name: "further models that settings do not tell apart", options: two, stages: []rundir.ManifestStage{source("source-1", "m1", "v1"), stage("search-set-faq", "sources/v1.npy", "v1")},
			want: []input{{what: "source", digest: "m1", label: "source", model: true, into: []product{faq}}}},
		{name: "files", options: `[]`, stages: []rundir.ManifestStage{
			stage("search", "source runs/bm25.trec", "r"), stage("finetune", "teacher_scores", "s", "trainer: train.py", "p"), stage("mine", "last.train", "n", "last.dev", "d"),
		}, want: []input{
			{what: "source of mining", name: "runs/bm25.trec", digest: "r", label: "source bm25.trec", into: []product{run}},
			{what: "teacher's scores", digest: "s", label: "teacher's scores", into: epoch}, {what: "outside trainer", name: "train.py", digest: "p", label: "trainer train.py", into: epoch},
			{what: "kept negatives", digest: "n", earlier: true, into: []product{run}},
		}},
		{name: "guides", options: `{"finetune":{"guide":"models/g"}}`, stages: []rundir.ManifestStage{stage("guide-abc", "corpus", "c", "guide", "g"), stage("guide-abc-set-faq", "guide", "g")},
			want: []input{{what: "guide", name: "models/g", digest: "g", label: "guide g", model: true, into: []product{{kind: toEpoch}, {kind: toEpoch}}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := inputsOfStages(&rundir.Manifest{Options: []byte(tc.options), Sets: tc.sets, Stages: tc.stages, Data: []rundir.ManifestData{{Role: "train of set-faq"}}})
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(input{}, product{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A round that keeps negatives of the one before is linked to them, unless that one has no manifest.
func TestKeptNegatives(t *testing.T) {
	for _, tc := range []struct {
		name string
		gone bool
		want int
	}{{"of the round before", false, 1}, {"of a round without a manifest", true, 0}} {
		t.Run(tc.name, func(t *testing.T) {
			_, d := opened(t, tinyrun.Options{Train: 3, Dev: 3, Passages: 8, Epochs: 1})
			m, err := d.ReadManifest(1)
			if err != nil {
				t.Fatal(err)
			}
			m.Stages[0].Inputs = append(m.Stages[0].Inputs, rundir.Input{Name: "last.train", Digest: "0e9a71fe5"})
			if err := d.WriteManifest(m); err != nil {
				t.Fatal(err)
			}
			if tc.gone {
				if err := os.Remove(d.Round(0).Manifest()); err != nil {
					t.Fatal(err)
				}
			}
			drawing, n := figure(t, read(t, d), "lineage").Drawing, 0
			for _, link := range drawing.Links {
				if drawing.Nodes[link[0]].X == negativesColumn && drawing.Nodes[link[1]].X == negativesColumn {
					n++
				}
			}
			if n != tc.want {
				t.Errorf("%d links from negatives to negatives, want %d", n, tc.want)
			}
		})
	}
}
