package convert

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/beir"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/trainingset"
)

// form is a format in one of the kinds of file that it is written as.
type form struct {
	Format
	Options
}

// String names the format and the file.
func (f form) String() string { return f.Name + fileName("", f.Options) }

// forms are all formats in every kind of file. Where files may be packed, each in turn is plain, gzip and Zstandard, from turn on.
func forms(turn int) []form {
	packings := []string{"", "gzip", "zstd"}
	var all []form
	for _, f := range Formats() {
		if f.Folder() {
			all = append(all, form{Format: f})
		}
		for _, kind := range f.Kinds {
			o := Options{Kind: kind}
			if kind != table.Parquet {
				o.Packing = packings[turn%len(packings)]
				turn++
			}
			all = append(all, form{f, o})
		}
	}
	return all
}

// TestEveryPair goes from every format in every kind of file to every other one and compares what comes back with what both
// formats say that they hold. What is told to be lost is what the page says, and is lost; where nothing is told, nothing is.
func TestEveryPair(t *testing.T) {
	page := pageTable(t)
	dir, pairs := t.TempDir(), 0
	for name, start := range map[string]*Set{"rich": setOf(rich), "scored": setOf(scored)} {
		given := name == "rich"
		if given {
			start.Corpus = richCorpus(t)
		}
		for i, from := range forms(0) {
			where := fmt.Sprintf("%s, %s", name, from)
			first, s := through(t, dir, start, from.Format, from.Options)
			want := remains(all(t, start), from.Format, from.Options, s)
			first = inMemory(t, first)
			got := read(t, first)
			if diff := cmp.Diff(named(want, given), named(got, given)); diff != "" {
				t.Errorf("%s: %s", where, diff)
				continue
			}
			checkTold(t, where, page, from, s)
			given := given && from.Holds(from.Options, s)&trainingset.PassageIDs != 0
			for _, to := range forms(i) {
				pairs++
				where := fmt.Sprintf("%s, %s to %s", name, from, to)
				second, s := through(t, dir, first, to.Format, to.Options)
				found := read(t, second)
				if diff := cmp.Diff(named(remains(got, to.Format, to.Options, s), given), named(found, given)); diff != "" {
					t.Errorf("%s: %s", where, diff)
				}
				checkTold(t, where, page, to, s)
				losses := to.Losses(s, to.Options)
				if !to.Texts {
					losses = losses[1:] // they stand apart
				}
				same := cmp.Equal(named(got, given), named(found, given)) && unused(second) == s.Unused
				if len(losses) == 0 && !same {
					t.Errorf("%s: nothing is told to be lost, and yet %s", where, cmp.Diff(named(got, given), named(found, given)))
				} else if same && len(losses) > 0 && !aboutIDs(losses) {
					t.Errorf("%s: nothing is lost, and yet told: %v", where, losses)
				}
			}
		}
	}
	if want := 2 * 24 * 24; pairs != want {
		t.Errorf("%d pairs of forms, want %d: has a format come or gone?", pairs, want)
	}
}

// richCorpus is the passages of the rich rows, and one that no row names.
func richCorpus(t *testing.T) *corpus.Corpus {
	t.Helper()
	var passages []corpus.Passage
	known := map[string]bool{}
	for _, row := range rich() {
		for _, p := range row.Passages() {
			if !known[p.ID] {
				passages = append(passages, corpus.Passage{ID: p.ID, Title: p.Title, Text: p.Text})
			}
			known[p.ID] = true
		}
	}
	c, err := corpus.New(append(passages, corpus.Passage{ID: "d9", Title: "T9", Text: "unused"}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inMemory is a set in memory: it is written in many formats.
func inMemory(t *testing.T, set *Set) *Set {
	t.Helper()
	rows := all(t, set)
	copied := setOf(func() []*trainingset.Row {
		var found []*trainingset.Row
		for _, row := range rows {
			r := *row
			r.Positives, r.Negatives = slices.Clone(r.Positives), slices.Clone(r.Negatives)
			found = append(found, &r)
		}
		return found
	})
	copied.Corpus = set.Corpus
	return copied
}

// unused is the number of passages that no row of a set names.
func unused(set *Set) int {
	if set.Corpus == nil {
		return 0
	}
	s, err := set.Look()
	if err != nil {
		return -1
	}
	return s.Unused
}

// pageTable is the table of docs/formats/training-rows.md: by format, what of rows it holds.
func pageTable(t *testing.T) map[string]map[string]bool {
	t.Helper()
	content, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(content), "## What is lost\n\n")
	if !ok {
		t.Fatalf("%s has no table of what is lost", document)
	}
	cells := func(line string) []string {
		parts := strings.Split(strings.Trim(line, "|"), "|")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		return parts
	}
	text, _, _ = strings.Cut(text, "\n\n")
	lines := strings.Split(text, "\n")
	formats := cells(lines[0])[1:]
	held := map[string]map[string]bool{}
	for _, f := range formats {
		held[f] = map[string]bool{}
	}
	for _, line := range lines[2:] {
		row := cells(line)
		for i, f := range formats {
			held[f][row[0]] = row[i+1] == "✓"
		}
	}
	held["mteb"], held["mteb-parquet"] = held["beir"], held["beir"]
	return held
}

// checkTold holds what is told of a set against the page: its table, and of the fine print what some rows make of a tick.
func checkTold(t *testing.T, where string, page map[string]map[string]bool, to form, s Survey) {
	t.Helper()
	losses := to.Losses(s, to.Options)
	told := func(what string) bool {
		return slices.ContainsFunc(losses, func(l Loss) bool { return strings.HasPrefix(l.What, what+": ") })
	}
	held := page[to.Name]
	for _, part := range trainingset.All() {
		kept := held[part.Name]
		switch {
		case part.Part == trainingset.TeacherScores && to.Name != "nemo" && s.Unscored > 0, // where every passage has one
			part.Part == trainingset.Prompts && to.Name == "nemo" && s.Prompts > 1, // one instruction for all queries
			part.Part == trainingset.CarriageReturns && (to.Kind == table.CSV || to.Kind == table.TSV):
			kept = false
		case part.Part == trainingset.Titles && !to.Texts: // the texts, which are told of, have them
			kept = true
		}
		if want := s.Counts[part.Part] > 0 && !kept; told(part.Name) != want {
			t.Errorf("%s: %s: told %t, and the page says %t (%v)", where, part.Name, told(part.Name), want, losses)
		}
	}
	if want := s.Unused > 0 && to.Texts && !held["passages that no row names"]; told("passages of the corpus that no row names") != want {
		t.Errorf("%s: passages that no row names: told %t, and the page says %t", where, !want, want)
	}
	if told("texts of queries and passages") == to.Texts {
		t.Errorf("%s: what is told of texts is not that the format has them: %v", where, losses)
	}
}

// through writes a set in a format into a directory, over what stands there in the same format, and reads it back.
func through(t *testing.T, dir string, set *Set, f Format, o Options) (*Set, Survey) {
	t.Helper()
	s, err := set.Look()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName(f.Name, o))
	o.Split = "test"
	if err := f.Write(set, s, o, toFolder(path)); err != nil {
		t.Fatalf("write %s: %v", f.Name, err)
	}
	if !f.Readable() {
		return besideTexts(t, dir, set, s, filepath.Join(path, "qrels.txt")), s
	}
	if found, err := Detect(path, ReadOptions{}); err != nil || found.Name != f.Name && !strings.HasPrefix(f.Name, "mteb") && (f.Name != "n-tuple" || s.least() != 1) {
		t.Errorf("%s is taken for %s: %v", f.Name, found.Name, err)
	}
	back, err := f.Read(path, ReadOptions{})
	if err != nil {
		t.Fatalf("read %s: %v", f.Name, err)
	}
	return back, s
}

// fileName is the name of a file of rows; a folder's has no ending.
func fileName(stem string, o Options) string {
	if o.Kind == "" {
		return stem
	}
	return stem + "." + string(o.Kind) + map[string]string{"gzip": ".gz", "zstd": ".zst"}[o.Packing]
}

// besideTexts reads qrels with the corpus and the queries that they judge, which stand in files of their own.
func besideTexts(t *testing.T, dir string, set *Set, s Survey, qrels string) *Set {
	t.Helper()
	texts, err := ByName("beir")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "texts")
	if err := texts.Write(set, s, Options{Split: "test"}, toFolder(folder)); err != nil {
		t.Fatal(err)
	}
	d := &beir.Dataset{}
	for _, file := range []struct {
		path string
		read func(f *os.File) error
	}{
		{filepath.Join(folder, "corpus.jsonl"), func(f *os.File) (err error) {
			d.Corpus, _, err = corpus.ReadPassages(f, f.Name(), corpus.ReadOptions{})
			return err
		}},
		{filepath.Join(folder, "queries.jsonl"), func(f *os.File) (err error) {
			d.Queries, _, err = corpus.ReadQueries(f, f.Name(), d.Corpus, corpus.ReadOptions{AllowUnjudged: true})
			return err
		}},
		{qrels, func(f *os.File) error {
			judgments, err := trec.ReadQrels(f, f.Name())
			for _, j := range judgments {
				d.Judgments = append(d.Judgments, beir.Judgment{Query: j.Query, Passage: j.Document, Grade: j.Grade})
			}
			return err
		}},
	} {
		f, err := os.Open(file.path)
		if err != nil {
			t.Fatal(err)
		}
		err = file.read(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return OfJudgments(d)
}

// read is all rows of a set that came from a format, as remains has them.
func read(t *testing.T, set *Set) []*trainingset.Row {
	t.Helper()
	return remains(all(t, set), Format{holds: constant(everything)}, Options{}, Survey{})
}

// remains is what a format keeps of rows, by what it says that it holds.
func remains(rows []*trainingset.Row, f Format, o Options, s Survey) []*trainingset.Row {
	held := f.Holds(o, s)
	if f.Name == "trec" {
		held |= trainingset.Titles // of the texts, which stand apart
	}
	has := func(part trainingset.Parts) bool { return held&part != 0 }
	var kept []*trainingset.Row
	for _, row := range rows {
		if len(row.Positives) == 0 && !has(trainingset.NoPositives) || len(row.Negatives) == 0 && !has(trainingset.NoNegatives) {
			continue
		}
		r := *row
		if f.Name == "n-tuple" {
			if n := s.least(); len(r.Negatives) >= n {
				r.Negatives = r.Negatives[:n]
			} else {
				continue
			}
		}
		if !has(trainingset.QueryIDs) {
			r.ID = ""
		}
		if !has(trainingset.Prompts) {
			r.Prompt = ""
		}
		if !has(trainingset.Types) {
			r.Type = ""
		}
		if !has(trainingset.Fields) {
			r.Fields = nil
		}
		if !has(trainingset.CarriageReturns) {
			r.Query = strings.ReplaceAll(r.Query, "\r\n", "\n")
		}
		for i := range r.Fields { // white space in JSON is none of a row's
			r.Fields[i].Value = []byte(strings.ReplaceAll(string(r.Fields[i].Value), ", ", ","))
		}
		seen := map[string]trainingset.Parts{}
		for i, list := range []*[]trainingset.Passage{&r.Positives, &r.Negatives} {
			var passages []trainingset.Passage
			for _, p := range *list {
				if !has(trainingset.PassageIDs) {
					p.ID = ""
				}
				if !has(trainingset.Titles) {
					p.Title, p.Text = "", p.Plain()
				}
				if !has(trainingset.TeacherScores) {
					p.Score = nil
				}
				if !has(trainingset.Grades) {
					p.Grade = 0
				}
				if !has(trainingset.CarriageReturns) {
					p.Text = strings.ReplaceAll(p.Text, "\r\n", "\n")
				}
				if i == 0 && p.Grade == 1 {
					p.Grade = 0
				}
				place := []trainingset.Parts{trainingset.RepeatedPositives, trainingset.RepeatedNegatives}[i]
				if seen[p.Plain()]&place != 0 && !has(place) || i == 1 && seen[p.Plain()]&trainingset.RepeatedPositives != 0 && !has(trainingset.Contradictions) {
					continue
				}
				seen[p.Plain()] |= place
				passages = append(passages, p)
			}
			*list = passages
		}
		slices.SortStableFunc(r.Positives, func(a, b trainingset.Passage) int { return strings.Compare(a.Text, b.Text) })
		r.Line, r.Key = 0, ""
		kept = append(kept, &r)
	}
	return kept
}

// named are rows whose ids count only where they were given: else a format made them.
func named(rows []*trainingset.Row, given bool) []*trainingset.Row {
	if given {
		return rows
	}
	var found []*trainingset.Row
	for _, row := range rows {
		r := *row
		r.ID = ""
		r.Positives, r.Negatives = slices.Clone(r.Positives), slices.Clone(r.Negatives)
		for _, list := range [][]trainingset.Passage{r.Positives, r.Negatives} {
			for i := range list {
				list[i].ID = ""
			}
		}
		found = append(found, &r)
	}
	return found
}

func aboutIDs(losses []Loss) bool {
	return !slices.ContainsFunc(losses, func(l Loss) bool {
		return !strings.Contains(l.What, "ids of")
	})
}
