package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/demo"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/report/page"
	"github.com/quarry-ml/quarry/rundir"
)

// TestDemoInSmall runs the demo on two questions a kind, a smaller encoder and a few steps a round, and again from the recipe that it leaves.
func TestDemoInSmall(t *testing.T) {
	dir := t.TempDir()
	const epochs = "epochs: 2\n"
	if !strings.Contains(demo.Recipe(), epochs) {
		t.Fatalf("the demo's recipe has no %q", epochs)
	}
	o := defaultDemo()
	o.Dir, o.CPU, o.Recipe = dir, string(exactpath.Fastest), strings.Replace(demo.Recipe(), epochs, "epochs: 1\n  max_steps: 3\n", 1)
	o.Data.Questions, o.Data.DevShare = 2, 0.5
	o.Encoder.Layers, o.Encoder.Hidden, o.Encoder.Heads, o.Encoder.Intermediate, o.Encoder.Vocabulary = 1, 8, 2, 8, 300
	data, err := demo.Generate(o.Data)
	mustBe(t, err)
	h := newTestHost()
	if err := runDemo(t.Context(), h.host, o); err != nil {
		t.Fatalf("%v\n%s", err, h.err.String())
	}
	checkShown(t, h.out.String(), data)

	runs := filepath.Join(dir, "runs")
	checkTables(t, h.out.String(), filepath.Join(runs, "demo"))
	want := reproducible(t, filepath.Join(runs, "demo"))
	charts := timeless(t, filepath.Join(runs, "demo"))
	mustBe(t, os.RemoveAll(runs))
	again := newTestHost()
	if code := again.run(t, "run", filepath.Join(dir, demoRecipe)); code != exitDone {
		t.Fatalf("exit code %d\n%s", code, again.err.String())
	}
	if diff := cmp.Diff(charts, timeless(t, filepath.Join(runs, "demo"))); diff != "" {
		t.Errorf("the page with charts differs from the demo's in more than times:\n%s", diff)
	}
	file := rundir.Layout(filepath.Join(runs, "demo")).Page()
	if content, err := os.ReadFile(file); err != nil || !strings.Contains(string(content), "Scores of positives and negatives") {
		t.Errorf("no page with charts: %v", err)
	} else if !strings.Contains(string(content), `id="rank-trained"`) || !strings.Contains(string(content), `id="rank-trained-1"`) { // the base, and what each round came to
		t.Error("the page does not show the ranks before training and after")
	}
	if !strings.Contains(h.out.String(), file) {
		t.Errorf("the demo does not name %s", file)
	}
	got := reproducible(t, filepath.Join(runs, "demo"))
	if len(got) != len(want) || len(want) < 20 {
		t.Errorf("%d files, the demo left %d", len(got), len(want))
	}
	for path, digest := range want {
		if got[path] != digest {
			t.Errorf("%s differs from the demo's or is missing", path)
		}
	}
}

// timeless is the page with charts without the figures of time and memory.
func timeless(t *testing.T, dir string) *page.Page {
	t.Helper()
	d, err := rundir.Open(dir, rundir.OpenOptions{ReadOnly: true})
	mustBe(t, err)
	p, err := page.Read(d)
	mustBe(t, err)
	p.Sections = slices.DeleteFunc(p.Sections, func(s page.Section) bool { return s.ID == "times" })
	return p
}

// checkTables looks for the table of each round, with the row of every epoch and what is in its scores, and for the epoch that
// the round goes on with.
func checkTables(t *testing.T, out, dir string) {
	t.Helper()
	d, err := rundir.Open(dir, rundir.OpenOptions{ReadOnly: true})
	mustBe(t, err)
	defer d.Close()
	tables := regexp.MustCompile(`(?ms)^round (\d), measures as sentence-transformers has them\nepoch +eval_loss +MAP@25 +Recall@1/5/25\n(.*?)^round (\d) goes on with epoch (\d)$`).FindAllStringSubmatch(out, -1)
	if len(tables) != 3 {
		t.Fatalf("%d tables, want one for each of three rounds:\n%s", len(tables), out)
	}
	for round, table := range tables {
		scores, err := d.ReadScores(round)
		mustBe(t, err)
		choice, err := d.ReadChoice(round)
		mustBe(t, err)
		if n := fmt.Sprint(round); table[1] != n || table[3] != n || table[4] != fmt.Sprint(choice.Epoch) {
			t.Errorf("table %d is of round %s and goes on with epoch %s of round %s, and %d was chosen", round, table[1], table[4], table[3], choice.Epoch)
		}
		var want []string
		for _, epoch := range scores.Epochs {
			name := fmt.Sprint(epoch.Epoch)
			if epoch.Epoch == 0 {
				name = "0 (base)"
			}
			value := func(measure string) float64 { return epoch.Dev.All[slices.Index(scores.Measures, measure)] }
			want = append(want, fmt.Sprintf("%s %.4f %.4f %.4f/%.4f/%.4f", name, *epoch.EvalLoss, value("map@25"), value("recall@1"), value("recall@5"), value("recall@25")))
		}
		var got []string
		for _, row := range strings.Split(strings.TrimSuffix(table[2], "\n"), "\n") {
			got = append(got, strings.Join(strings.Fields(row), " "))
		}
		if diff := cmp.Diff(want, got); diff != "" || len(want) != 2 {
			t.Errorf("round %d, %d epochs (-scores +table):\n%s", round, len(want), diff)
		}
	}
}

// checkShown looks for the three questions of the showcase, in order, in both mined rounds: each with its positive and its
// five negatives by rank.
func checkShown(t *testing.T, out string, data *demo.Dataset) {
	t.Helper()
	sections := strings.Split(out, "\nmined for round ")
	if len(sections) != 3 {
		t.Fatalf("%d rounds are shown, want two:\n%s", len(sections)-1, out)
	}
	passage := regexp.MustCompile(`(?m)^    (right|mined)  rank +(\d+)  score +-?\d\.\d{3}  (.+)$`)
	for i, section := range sections[1:] {
		shown := passage.FindAllStringSubmatch(section, -1)
		if len(shown) != 3*6 {
			t.Fatalf("round %d: %d passages are shown, want six for each of three questions:\n%s", i+1, len(shown), section)
		}
		rest := section
		for k, q := range data.Showcase() {
			indented := "  " + strings.ReplaceAll(q.Text, "\n", "\n  ") + "\n"
			at := strings.Index(rest, indented)
			if at < 0 {
				t.Fatalf("round %d: question %s is not shown, or not in its place:\n%s", i+1, q.ID, section)
			}
			rest = rest[at+len(indented):]
			m, _ := data.Find(q.CorrectID)
			rights, last := 0, 0
			for _, line := range shown[6*k : 6*k+6] {
				if line[1] == "right" {
					rights++
					if line[3] != m.Text {
						t.Errorf("round %d: %s: right is %q, want %q", i+1, q.ID, line[3], m.Text)
					}
				} else if line[3] == m.Text {
					t.Errorf("round %d: %s: the positive was mined", i+1, q.ID)
				}
				rank, err := strconv.Atoi(line[2])
				mustBe(t, err)
				if rank <= last {
					t.Errorf("round %d: %s: rank %d stands behind rank %d", i+1, q.ID, rank, last)
				}
				last = rank
			}
			if rights != 1 {
				t.Errorf("round %d: %s: %d passages are right, want one", i+1, q.ID, rights)
			}
		}
	}
}

// TestSamplesText puts the positive where it stands among the mined.
func TestSamplesText(t *testing.T) {
	text := samplesText([]pipeline.Sample{{
		Query:    "Question: What is 3/4 + 1/5?\nWrong answer: 4/9",
		Positive: pipeline.SamplePassage{Text: "When adding fractions, adds the numerators and adds the denominators", Rank: 3, Score: 0.7123},
		Negatives: []pipeline.SamplePassage{
			{Text: "When subtracting fractions, subtracts the numerators and subtracts the denominators", Rank: 1, Score: 0.81},
			{Text: "When adding fractions, adds the numerators and keeps the larger denominator", Rank: 4, Score: 0.7},
		},
	}})
	golden.Check(t, "testdata/samples.golden", []byte(text))
	for i, want := range []string{"mined  rank   1", "right  rank   3", "mined  rank   4"} {
		if line := lines(text)[2+i]; !strings.Contains(line, want) {
			t.Errorf("line %d is %q, want %q in it", 3+i, line, want)
		}
	}
}

// TestSamplesThatAreNotRanked stand behind the others and say so.
func TestSamplesThatAreNotRanked(t *testing.T) {
	text := lines(samplesText([]pipeline.Sample{{
		Query: "q", Positive: pipeline.SamplePassage{Text: "right"}, Negatives: []pipeline.SamplePassage{{Text: "wrong", Rank: 2, Score: 0.5}},
	}}))
	if text[1] != "    mined  rank   2  score  0.500  wrong" || text[2] != "    right  not ranked              right" {
		t.Errorf("%q", text)
	}
}

// demoIn is the demo as it is, in a folder.
func demoIn(dir string) DemoOptions {
	o := defaultDemo()
	o.Dir = dir
	return o
}

// TestDemoKeepsOutOfOtherFolders: a user's files stay alone in their folder, and a user's recipe is not run.
func TestDemoKeepsOutOfOtherFolders(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"a recipe of one's own", demoRecipe, "recipe.yaml is not as the demo writes it"},
		{"other files", "thesis.tex", "is not empty and holds no demo"},
		{"an own corpus", "corpus.jsonl", "corpus.jsonl is not as the demo writes it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := project(t.TempDir())
			p.write(t, tc.file, "mine\n")
			refused(t, runDemo(t.Context(), newTestHost().host, demoIn(string(p))), tc.want)
			entries, err := os.ReadDir(string(p))
			mustBe(t, err)
			if len(entries) != 1 || p.read(t, tc.file) != "mine\n" {
				t.Errorf("the folder holds %v", entries)
			}
		})
	}
	data, err := demo.Generate(demo.DefaultOptions())
	mustBe(t, err)
	p := project(t.TempDir())
	mustBe(t, demoIn(p.path("new")).checkDir(data))
	o := demoIn(string(p))
	mustBe(t, o.write(data))
	mustBe(t, os.MkdirAll(p.path("runs"), 0o755))
	mustBe(t, o.checkDir(data))
}
