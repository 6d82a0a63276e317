package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// opened is a tiny run's directory.
func opened(t *testing.T, o tinyrun.Options) (*tinyrun.Run, *rundir.Dir) {
	t.Helper()
	run, err := tinyrun.Write(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := rundir.Open(run.Dir, rundir.OpenOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	return run, d
}

func read(t *testing.T, d *rundir.Dir) *Page {
	t.Helper()
	p, err := Read(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t *testing.T, p *Page) string {
	t.Helper()
	var out bytes.Buffer
	if err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// figure finds a figure by its id.
func figure(t *testing.T, p *Page, id string) Figure {
	t.Helper()
	for _, s := range p.Sections {
		for _, f := range s.Figures {
			if f.ID == id {
				return f
			}
		}
	}
	t.Fatalf("no figure %s", id)
	return Figure{}
}

// The golden file is all tables and sentences of a page, for reading in review.
func TestGolden(t *testing.T) {
	_, d := opened(t, tinyrun.Options{Train: 6, Dev: 4, Epochs: 2, Ranked: true})
	p := read(t, d)
	var out strings.Builder
	for _, line := range p.Summary {
		fmt.Fprintln(&out, line)
	}
	for _, s := range p.Sections {
		fmt.Fprintf(&out, "\n# %s\n", s.Title)
		for _, f := range s.Figures {
			fmt.Fprintf(&out, "\n## %s (%s, %d points, %d cells)\n%s\n", f.Title, f.Drawing.Kind, len(f.Drawing.Points), len(f.Drawing.Cells), strings.Join(f.Table.Head, " | "))
			for _, row := range f.Table.Rows {
				fmt.Fprintln(&out, strings.Join(row, " | "))
			}
		}
	}
	golden.Check(t, "testdata/two-rounds.golden", []byte(out.String()))
}

// Every figure has a table as wide as its heading and a drawing of numbers that JSON knows, and ids are told once.
func TestFiguresAreWhole(t *testing.T) {
	for _, o := range []tinyrun.Options{{}, {Rounds: 1}, {Rounds: 3, Epochs: 1}, {Unmined: true}, {Also: []string{"general", "trivia"}}, {Sets: []string{"faq", "law"}, Test: 3, Ranked: true, Models: true}} {
		_, d := opened(t, o)
		p := read(t, d)
		ids := map[string]bool{}
		for _, s := range p.Sections {
			if ids[s.ID] || len(s.Figures) == 0 {
				t.Errorf("%+v: section %s twice or empty", o, s.ID)
			}
			ids[s.ID] = true
			for _, f := range s.Figures {
				if ids[f.ID] {
					t.Errorf("%+v: %s twice", o, f.ID)
				}
				ids[f.ID] = true
				if len(f.Table.Rows) == 0 || f.About == "" {
					t.Errorf("%+v: %s has no table, or does not say what it is", o, f.ID)
				}
				for _, row := range f.Table.Rows {
					if len(row) != len(f.Table.Head) {
						t.Errorf("%+v: %s: %d cells under %d headings", o, f.ID, len(row), len(f.Table.Head))
					}
				}
			}
		}
		if _, err := json.Marshal(p.Drawings()); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// Each measure is drawn on all sets of data.also together, and the page of a run without them has no such section.
func TestOtherSets(t *testing.T) {
	_, d := opened(t, tinyrun.Options{Rounds: 1, Epochs: 1, Also: []string{"general", "trivia"}})
	f := figure(t, read(t, d), "also-recall-at-25")
	want := Table{Head: []string{"round", "epoch", "general", "trivia"}, Rows: [][]string{{"0", "0 (base)", "0.9000", "0.8000"}, {"0", "1 ★ chosen", "0.8500", "0.7500"}}}
	if diff := cmp.Diff(want, f.Table); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(f.Drawing.Points) != 4 || len(f.Drawing.Series) != 2 || !f.Drawing.Points[3].Chosen {
		t.Errorf("drawing %+v", f.Drawing)
	}
	_, d = opened(t, tinyrun.Options{})
	for _, s := range read(t, d).Sections {
		if s.ID == "also" {
			t.Error("a section of sets that are not there")
		}
	}
}

// Test is a series of its own, which has the base and the epoch that the round goes on with, and no more.
func TestMeasuresOnTest(t *testing.T) {
	_, d := opened(t, tinyrun.Options{Rounds: 1, Epochs: 3, Test: 4, Ranked: true})
	f := figure(t, read(t, d), "measure-map-at-25")
	want := Table{Head: []string{"round", "epoch", "map@25", "on test"}, Rows: [][]string{
		{"0", "0 (base)", "0.2000", "0.1500"}, {"0", "1", "0.2500", "–"}, {"0", "2", "0.3000", "–"}, {"0", "3 ★ chosen", "0.3500", "0.3000"},
	}}
	if diff := cmp.Diff(want, f.Table); diff != "" || !strings.Contains(f.About, "Test is scored for the base and the chosen epoch alone.") {
		t.Errorf("%s (-want +got):\n%s", f.About, diff)
	}
	var tested []Point
	for _, p := range f.Drawing.Points {
		if p.Series == 1 {
			p.Y = math.Round(1e6*p.Y) / 1e6
			tested = append(tested, p)
		}
	}
	if diff := cmp.Diff([]Point{{X: 0, Y: 0.15, Series: 1}, {X: 3, Y: 0.3, Series: 1}}, tested); diff != "" || !slices.Equal(f.Drawing.Series, []string{"dev", "test"}) {
		t.Errorf("series %q (-want +got):\n%s", f.Drawing.Series, diff)
	}
	_, d = opened(t, tinyrun.Options{Rounds: 1, Epochs: 1, Dev: 6, Test: 4, Ranked: true, ByQuery: true})
	for _, p := range figure(t, read(t, d), "measure-map-at-25").Drawing.Points {
		if p.Low == nil || p.High == nil {
			t.Errorf("no interval of %+v", p)
		}
	}
	_, d = opened(t, tinyrun.Options{Rounds: 1, Epochs: 1})
	if f := figure(t, read(t, d), "measure-map-at-25"); len(f.Drawing.Series) != 1 || len(f.Table.Head) != 3 {
		t.Errorf("a run without test has %q, %q", f.Drawing.Series, f.Table.Head)
	}
}

// Every measure whose scores are kept by query has its intervals, in the drawing and in the table; large sets say that they
// have none.
func TestIntervals(t *testing.T) {
	_, d := opened(t, tinyrun.Options{Rounds: 1, Epochs: 1, ByQuery: true, Also: []string{"general"}})
	p := read(t, d)
	for id, head := range map[string][]string{
		"measure-map-at-25": {"round", "epoch", "map@25", "95 % interval"},
		"seen-map-at-25":    {"round", "epoch", "seen", "95 % interval", "queries", "unseen", "95 % interval", "queries"},
		"also-map-at-25":    {"round", "epoch", "general", "95 % interval"},
	} {
		f := figure(t, p, id)
		if diff := cmp.Diff(head, f.Table.Head); diff != "" || !strings.Contains(f.About, "95 % bootstrap intervals") {
			t.Errorf("%s: %s (-want +got):\n%s", id, f.About, diff)
		}
		for _, point := range f.Drawing.Points {
			if point.Low == nil || point.High == nil || *point.Low > *point.High {
				t.Errorf("%s: no interval of %+v", id, point)
			}
		}
		for _, row := range f.Table.Rows {
			if !regexp.MustCompile(`^0\.\d{4} to 0\.\d{4}$`).MatchString(row[3]) {
				t.Errorf("%s: %q", id, row)
			}
		}
	}
	said := "Sets of more than 10000 queries (here up to 10001) have no intervals on this page"
	if strings.Contains(strings.Join(p.Missing, "\n"), "queries (here") {
		t.Errorf("%q", p.Missing)
	}
	_, d = opened(t, tinyrun.Options{Rounds: 1, Epochs: 1, ByQuery: true, Unmined: true, Dev: mostResampled + 1})
	p = read(t, d)
	if f := figure(t, p, "measure-map-at-25"); len(f.Table.Head) != 3 || !strings.Contains(strings.Join(p.Missing, "\n"), said) {
		t.Errorf("%q, %q", f.Table.Head, p.Missing)
	}
}

func TestSharesOfAHistogramAddUp(t *testing.T) {
	_, d := opened(t, tinyrun.Options{})
	sums := map[[2]int]float64{}
	for _, p := range figure(t, read(t, d), "scores").Drawing.Points {
		sums[[2]int{p.Facet, p.Series}] += p.Y
	}
	if len(sums) != 4 {
		t.Errorf("%d histograms, want positives and negatives of two rounds", len(sums))
	}
	for which, sum := range sums {
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("histogram %v adds up to %v", which, sum)
		}
	}
}

// What is mined of each set of data.sets is drawn beside the run's own; what of them is not drawn is said.
func TestSetsAreDrawn(t *testing.T) {
	_, d := opened(t, tinyrun.Options{Train: 5, Dev: 4, Sets: []string{"faq", "law"}})
	p := read(t, d)
	numbers := func(id string, column int) (n int) {
		for _, row := range figure(t, p, id).Table.Rows {
			one, err := strconv.Atoi(row[column])
			if err != nil {
				t.Fatal(err)
			}
			n += one
		}
		return n
	}
	for id, title := range map[string]string{"scores": "", "scores-set-0": ", set faq", "scores-set-1": ", set law"} {
		if f := figure(t, p, id); f.Title != "Scores of positives and negatives"+title || len(f.Drawing.Facets) != 2 {
			t.Errorf("%s: %q with %q", id, f.Title, f.Drawing.Facets)
		}
		if positives, negatives := numbers(id, 3), numbers(id, 4); positives != 2*5 || negatives != 2*5*tinyrun.Negatives {
			t.Errorf("%s: %d positives, %d negatives", id, positives, negatives)
		}
	}
	if cmp.Equal(figure(t, p, "scores").Table, figure(t, p, "scores-set-0").Table) {
		t.Error("the set's histogram is the run's")
	}
	if of := numbers("overlap-set-1", 3); of != 2*5*tinyrun.Negatives {
		t.Errorf("overlap of %d negatives", of)
	}
	if said := strings.Join(p.Missing, "\n"); !strings.Contains(said, "queries of the sets that training takes turns with (faq, law)") {
		t.Errorf("missing: %q", said)
	}
	if err := os.Remove(d.Round(1).Set("law").Negatives(rundir.Train)); err != nil {
		t.Fatal(err)
	}
	p = read(t, d)
	if said := strings.Join(p.Missing, "\n"); !strings.Contains(said, "Round 1 has no mined negatives of the set law yet.") {
		t.Errorf("missing: %q", said)
	}
	if _, there := p.Drawings()["overlap-set-1"]; there {
		t.Error("an overlap of one round")
	}
	_, d = opened(t, tinyrun.Options{Train: 3, Dev: 3, Rounds: 1})
	if said := strings.Join(read(t, d).Missing, "\n"); strings.Contains(said, "sets") {
		t.Errorf("sets that are not there: %q", said)
	}
}

func TestBeforeAndAfterCountsEveryQueryOnce(t *testing.T) {
	_, d := opened(t, tinyrun.Options{Dev: 8})
	sum := 0.0
	for _, c := range figure(t, read(t, d), "rank-before-after").Drawing.Cells {
		sum += c.Value
	}
	if sum != 8 {
		t.Errorf("%v queries of 8", sum)
	}
}

func TestOverlap(t *testing.T) {
	a := mined{round: 0, count: 4, sets: map[string][]int32{"q": {1, 2}, "r": {3, 4}}}
	b := mined{round: 1, count: 5, sets: map[string][]int32{"q": {2, 3}, "r": {1, 3, 4}}}
	// q shares 2, r shares 3 and 4: 3 of the 4 of round 0, 3 of the 5 of round 1.
	want := []Cell{{Row: 0, Column: 1, Value: 0.75, Text: "75.0 %"}, {Row: 1, Column: 0, Value: 0.6, Text: "60.0 %"}}
	if diff := cmp.Diff(want, overlap([]mined{a, b}).Drawing.Cells); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestManyStepsShareAPoint(t *testing.T) {
	steps := make([]rundir.Step, 1001)
	for i := range steps {
		steps[i] = rundir.Step{Step: i + 1, Epoch: 1, Loss: float64(i % 6)}
	}
	var f Figure
	f.addSteps(0, steps, -1)
	if n := len(f.Drawing.Points); n > curvePoints || n < curvePoints/2 {
		t.Errorf("%d points", n)
	}
	// Six steps a point: losses 0 to 5, whose mean is 2.5.
	if p := f.Drawing.Points[0]; p.X != 6 || p.Y != 2.5 || *p.Low != 0 || *p.High != 5 {
		t.Errorf("the first point is %v %v, %v to %v", p.X, p.Y, *p.Low, *p.High)
	}
	if last := f.Drawing.Points[len(f.Drawing.Points)-1]; last.X != 1001 {
		t.Errorf("the last point is of step %v", last.X)
	}
}

// Curves by step have the last step of the chosen epoch marked, however many steps share a point, and lines between epochs.
func TestCurvesMarkTheChoice(t *testing.T) {
	steps := make([]rundir.Step, 1001)
	for i := range steps {
		steps[i] = rundir.Step{Step: i + 1, Epoch: 1 + i/334, LearningRate: 1}
	}
	many := make([]rundir.Step, 2*mostEpochs)
	for i := range many {
		many[i] = rundir.Step{Step: i + 1, Epoch: i + 1}
	}
	for _, tc := range []struct {
		name   string
		steps  []rundir.Step
		chosen int // epoch; -1 is none
		marked float64
		edges  []float64
	}{
		{"the second of three", steps, 2, 668, []float64{334.5, 668.5}},
		{"the last", steps, 3, 1001, []float64{334.5, 668.5}},
		{"the model before any step", steps, 0, 0, []float64{334.5, 668.5}},
		{"none yet", steps[:400], -1, 0, []float64{334.5}},
		{"one whose steps are not here", steps[:400], 3, 0, []float64{334.5}},
		{"one of many", many, 7, 7, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var round report.Round
			for epoch := range 8 {
				round.Epochs = append(round.Epochs, report.Epoch{EpochScores: rundir.EpochScores{Epoch: epoch}, Chosen: epoch == tc.chosen})
			}
			var loss, rate Figure
			chosen := chosenStep(round, tc.steps)
			loss.addSteps(0, tc.steps, chosen)
			rate.addRates(0, tc.steps, chosen)
			for what, f := range map[string]Figure{"loss": loss, "rate": rate} {
				if n := len(f.Drawing.Points); n > curvePoints+2 || n != len(f.Table.Rows) {
					t.Errorf("%s: %d points, %d rows", what, n, len(f.Table.Rows))
				}
				marked, edges := 0.0, []float64(nil)
				for i, p := range f.Drawing.Points {
					if i > 0 && p.X <= f.Drawing.Points[i-1].X {
						t.Errorf("%s: step %v behind %v", what, p.X, f.Drawing.Points[i-1].X)
					}
					if p.Chosen {
						marked += p.X
					}
					if p.Chosen != strings.HasSuffix(f.Table.Rows[i][2], "★ chosen") {
						t.Errorf("%s: the row %q of %+v", what, f.Table.Rows[i], p)
					}
				}
				for _, e := range f.Drawing.Edges {
					edges = append(edges, e.X)
				}
				if marked != tc.marked || !slices.Equal(edges, tc.edges) {
					t.Errorf("%s: step %v is marked, want %v; edges %v, want %v", what, marked, tc.marked, edges, tc.edges)
				}
			}
		})
	}
}

// What an older or younger run directory does not have is left out and said.
func TestWhatIsMissingIsSaid(t *testing.T) {
	for _, tc := range []struct {
		name   string
		remove func(d *rundir.Dir) string
		gone   string // a figure
		said   string
	}{
		{"steps", func(d *rundir.Dir) string { return d.Round(1).Steps() }, "", "Round 1 has no steps"},
		{"negatives", func(d *rundir.Dir) string { return d.Round(1).Negatives(rundir.Train) }, "overlap", "Round 1 has no mined negatives yet"},
		{"candidates", func(d *rundir.Dir) string { return d.Round(0).Candidates(rundir.Dev) }, "rank-before-after", "Round 0 has no candidates of dev"},
		{"times", func(d *rundir.Dir) string { return d.Times() }, "seconds", "No stage has ended yet"},
		{"manifest", func(d *rundir.Dir) string { return d.Round(1).Manifest() }, "", "Round 1 has no manifest yet"},
		{"scores", func(d *rundir.Dir) string { return d.Round(1).Scores() }, "", "Round 1: the choice of epoch 3 was made on other scores"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, d := opened(t, tinyrun.Options{})
			if err := os.Remove(tc.remove(d)); err != nil {
				t.Fatal(err)
			}
			p := read(t, d)
			if _, there := p.Drawings()[tc.gone]; there {
				t.Errorf("%s is still drawn", tc.gone)
			}
			if page := write(t, p); !strings.Contains(page, tc.said) {
				t.Errorf("the page does not say %q", tc.said)
			}
		})
	}
}

func TestARunThatHasJustBegun(t *testing.T) {
	run, err := tinyrun.Begin(t.TempDir(), tinyrun.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := rundir.Open(run.Dir, rundir.OpenOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if page := write(t, read(t, d)); !strings.Contains(page, "Nothing is scored yet.") {
		t.Error("the page does not say that nothing is scored")
	}
}

// A round that somebody removed is no round that has yet to begin.
func TestARoundThatIsGone(t *testing.T) {
	_, d := opened(t, tinyrun.Options{})
	if err := os.RemoveAll(d.Round(0).Dir()); err != nil {
		t.Fatal(err)
	}
	if page := write(t, read(t, d)); !strings.Contains(page, "Round 0 is missing: the run has worked in it") || strings.Contains(page, "Nothing is scored yet.") {
		t.Error("the page does not say what is gone")
	}
}

// A line that a run is writing while the page is read does not count, and is no error.
func TestHalfALineIsNoError(t *testing.T) {
	_, d := opened(t, tinyrun.Options{})
	want := write(t, read(t, d))
	for _, file := range []string{d.Round(1).Steps(), d.Times()} {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(`{"round":1,"st`); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	if write(t, read(t, d)) != want {
		t.Error("half a line changes the page")
	}
}

// A reader that keeps what it has drawn shows what one without memory shows, whatever changes between.
func TestAReaderThatKeepsShowsTheSame(t *testing.T) {
	run, err := tinyrun.Begin(t.TempDir(), tinyrun.Options{Train: 4, Dev: 3, Ranked: true})
	if err != nil {
		t.Fatal(err)
	}
	d, err := rundir.Open(run.Dir, rundir.OpenOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	var r Reader
	for round := range 2 {
		for _, step := range []func(int) error{run.Mine, run.Train, run.Score, run.Finish} {
			if err := step(round); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				got, err := r.Read(d)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(read(t, d), got); diff != "" {
					t.Fatalf("round %d (-fresh +kept):\n%s", round, diff)
				}
			}
		}
	}
}

func TestEqualDirectoriesGiveEqualBytes(t *testing.T) {
	_, a := opened(t, tinyrun.Options{})
	_, b := opened(t, tinyrun.Options{})
	first := write(t, read(t, a))
	if first != write(t, read(t, a)) || first != write(t, read(t, b)) {
		t.Error("two pages of the same content differ")
	}
}

// The page asks nobody for anything: no address but names of XML in the scripts, and a policy that lets nothing through
// but its own scripts, by their digests.
func TestThePageStandsAlone(t *testing.T) {
	_, d := opened(t, tinyrun.Options{})
	page := write(t, read(t, d))
	if found := regexp.MustCompile(`(?i)<(script|link|img|iframe|object)[^>]*\b(src|href)="[^"]*"`).FindAllString(page, -1); len(found) != 1 || found[0] != `<link rel="icon" href="data:,"` {
		t.Errorf("the page loads %q", found)
	}
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if policy == nil || !strings.HasPrefix(policy[1], "default-src &#39;none&#39;;") || strings.Count(policy[1], "sha256-") != len(Scripts()) {
		t.Errorf("policy %q", policy)
	}
	if n := strings.Count(page, "<script"); n != strings.Count(page, "</script>") || n != 1+len(Scripts()) {
		t.Errorf("%d scripts begin, %d end", n, strings.Count(page, "</script>"))
	}
}

// Texts of the run's owner come in as names, reasons and notes, and as names of files and models in the lineage.
func TestTextsAreEscaped(t *testing.T) {
	const hostile = `</script><img src=x onerror=alert(1)>` + "\u202e"
	_, d := opened(t, tinyrun.Options{Hostile: []string{hostile}, Name: `<img src=x onerror=alert(2)>`, Ranked: true, ByQuery: true})
	p := read(t, d)
	for what, there := range map[string]bool{
		"a reason": strings.Contains(strings.Join(p.Summary, "\n"), hostile),
		"a cell":   slices.ContainsFunc(figure(t, p, "lineage").Table.Rows, func(row []string) bool { return row[1] == "corpus" && strings.Contains(row[2], hostile) }),
		"a box":    slices.ContainsFunc(figure(t, p, "lineage").Drawing.Nodes, func(n Node) bool { return strings.Contains(n.Label, "<img") || strings.Contains(n.Label, "onerror") }),
	} {
		if !there {
			t.Errorf("no text of the owner as %s", what)
		}
	}
	p.Missing = []string{hostile}
	f := &p.Sections[0].Figures[0]
	f.Title, f.About, f.Table.Head[0], f.Table.Rows[0][0], f.Drawing.X = hostile, hostile, hostile, hostile, hostile
	f.Drawing.Series[0], f.Drawing.Facets[0] = hostile, hostile
	l := &p.Sections[len(p.Sections)-1].Figures[0]
	l.Drawing.Nodes[0].Label, l.Drawing.Nodes[0].Detail = hostile, hostile
	page := write(t, p)
	if strings.Contains(page, "<img") || strings.Count(page, "</script>") != 1+len(Scripts()) {
		t.Error("a text is part of the page's code")
	}
	if !strings.Contains(page, `\u003c/script\u003e`) || !strings.Contains(page, "&lt;/script&gt;") {
		t.Error("the text is not on the page")
	}
}

// The committed scripts are those that lib/fetch brings, and none of them would end the element that it stands in.
func TestScriptsAreThoseOfTheList(t *testing.T) {
	list, err := os.ReadFile("lib/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	listed := 0
	for line := range strings.Lines(string(list)) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		content, ok := Asset("lib/" + name)
		sum := sha256.Sum256(content)
		if !ok || hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s has another digest than the list", name)
		}
		listed++
	}
	if listed != len(Scripts())-1 {
		t.Errorf("%d scripts listed", listed)
	}
	for _, name := range Scripts() {
		content, ok := Asset(name)
		if lower := strings.ToLower(string(content)); !ok || strings.Contains(lower, "</script") || strings.Contains(lower, "<!--") {
			t.Errorf("%s is missing or would end its element", name)
		}
	}
}

func TestADamagedFileIsAnErrorThatNamesIt(t *testing.T) {
	_, d := opened(t, tinyrun.Options{})
	for _, file := range []string{d.Round(0).Steps(), d.Times(), d.Round(0).Candidates(rundir.Dev), d.Round(0).Negatives(rundir.Train), d.Round(0).Manifest()} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append([]byte("x\n"), content...), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(d); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
