package demo

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/internal/golden"
)

func generate(t *testing.T, change ...func(*Options)) *Dataset {
	t.Helper()
	o := DefaultOptions()
	for _, c := range change {
		c(&o)
	}
	data, err := Generate(o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The golden file shows a question of every kind, for reading.
func TestQuestionsGolden(t *testing.T) {
	data := generate(t)
	var b bytes.Buffer
	shown := map[string]bool{}
	all := append(slices.Clone(data.Train), data.Dev...)
	slices.SortStableFunc(all, func(a, b Query) int { return strings.Compare(a.QuestionID, b.QuestionID) })
	for _, q := range all {
		if shown[q.CorrectID] {
			continue
		}
		shown[q.CorrectID] = true
		m, _ := data.Find(q.CorrectID)
		fmt.Fprintf(&b, "%s\n  = %s: %s\n\n", q.Text, m.ID, m.Text)
	}
	golden.Check(t, "testdata/questions.golden", b.Bytes())
}

func TestSize(t *testing.T) {
	data := generate(t)
	t.Logf("%d misconceptions, %d train and %d dev queries", len(data.Passages), len(data.Train), len(data.Dev))
	if n := len(data.Passages); n < 60 {
		t.Errorf("%d misconceptions, want at least 60", n)
	}
	if n := len(data.Train); n < 1200 || n > 1800 {
		t.Errorf("%d train queries, want about 1,500: the demo ends within two minutes", n)
	}
	if n := len(data.Dev); n < 300 || n > 600 {
		t.Errorf("%d dev queries, want 300 to 600", n)
	}
}

func TestPassages(t *testing.T) {
	data := generate(t)
	ids, texts := map[string]bool{}, map[string]bool{}
	nearDuplicates := 0
	for i, m := range data.Misconceptions {
		if p := data.Passages[i]; p.ID != m.ID || p.Text != m.Text || m.Topic == "" {
			t.Errorf("passage %d is %+v, its misconception %+v", i, p, m)
		}
		if ids[m.ID] || texts[m.Text] {
			t.Errorf("misconception %q is there twice, or its text is", m.ID)
		}
		ids[m.ID], texts[m.Text] = true, true
		if slices.ContainsFunc(data.Misconceptions, func(other Misconception) bool { return other.ID != m.ID && alike(m.Text, other.Text) }) {
			nearDuplicates++
		}
	}
	t.Logf("%d of %d passages have a near-duplicate", nearDuplicates, len(ids))
	if nearDuplicates < 60 {
		t.Errorf("%d passages have a near-duplicate: too few for hard negatives to matter", nearDuplicates)
	}
}

// The table of docs/demo.md is true.
func TestDocsSayTheSize(t *testing.T) {
	docs, err := os.ReadFile("../docs/demo.md")
	if err != nil {
		t.Fatal(err)
	}
	data := generate(t)
	trained, names := map[string]bool{}, map[string]bool{}
	for _, q := range data.Train {
		trained[q.CorrectID] = true
	}
	unseen := 0
	for _, q := range data.Dev {
		if !trained[q.CorrectID] {
			unseen++
		}
	}
	kinds := 0
	for _, topic := range topics() {
		names[topic.name] = true
		kinds += len(topic.kinds)
	}
	for _, want := range []string{
		fmt.Sprintf("| %d, in %d topics; %d of them unseen |", len(data.Passages), len(names), len(data.Passages)-len(trained)),
		fmt.Sprintf("| kinds of questions | %d,", kinds),
		fmt.Sprintf("| train | %d,%03d queries |", len(data.Train)/1000, len(data.Train)%1000),
		fmt.Sprintf("| dev | %d queries, %d of them with an unseen misconception |", len(data.Dev), unseen),
	} {
		if !strings.Contains(string(docs), want) {
			t.Errorf("docs/demo.md does not say %q", want)
		}
	}
}

// alike reports that two texts share more than two thirds of their words.
func alike(a, b string) bool {
	words, shared := map[string]bool{}, 0
	for _, w := range strings.Fields(a) {
		words[w] = true
	}
	other := strings.Fields(b)
	for _, w := range other {
		if words[w] {
			shared++
		}
	}
	return 3*shared > 2*max(len(words), len(other))
}

func TestSplit(t *testing.T) {
	for seed := range uint64(5) {
		data := generate(t, func(o *Options) { o.Seed = seed })
		trained, asked := map[string]int{}, map[string]int{}
		questions := map[string]bool{}
		for _, q := range data.Train {
			trained[q.CorrectID]++
			questions[q.QuestionID] = true
		}
		unseen := 0
		for _, q := range data.Dev {
			asked[q.CorrectID]++
			if questions[q.QuestionID] {
				t.Errorf("seed %d: question %s is in train and dev", seed, q.QuestionID)
			}
			if trained[q.CorrectID] == 0 {
				unseen++
			}
		}
		for _, m := range data.Misconceptions {
			if m.Unseen != (trained[m.ID] == 0) || asked[m.ID] == 0 {
				t.Errorf("seed %d: %s (unseen %v) has %d train and %d dev queries", seed, m.ID, m.Unseen, trained[m.ID], asked[m.ID])
			}
			delete(trained, m.ID)
			delete(asked, m.ID)
		}
		if len(trained)+len(asked) > 0 {
			t.Errorf("seed %d: queries of unknown misconceptions: %v %v", seed, trained, asked)
		}
		if share := float64(unseen) / float64(len(data.Dev)); share < 0.05 || share > 0.15 {
			t.Errorf("seed %d: %.3f of dev is unseen, want about a tenth", seed, share)
		}
	}
}

// Questions share their text among several wrong answers, each its own.
func TestQuestionsHaveSeveralWrongAnswers(t *testing.T) {
	data := generate(t)
	wrong := regexp.MustCompile(`Wrong answer: (.*)`)
	answers := map[string][]string{}
	for _, q := range append(slices.Clone(data.Train), data.Dev...) {
		answers[q.QuestionID] = append(answers[q.QuestionID], wrong.FindStringSubmatch(q.Text)[1])
	}
	several := 0
	for id, given := range answers {
		if len(given) > 1 {
			several++
		}
		slices.Sort(given)
		if len(slices.Compact(slices.Clone(given))) != len(given) {
			t.Errorf("question %s has one wrong answer twice: %v", id, given)
		}
	}
	if 2*several < len(answers) {
		t.Errorf("%d of %d questions have several wrong answers, want more than half", several, len(answers))
	}
}

// Every misconception is met in at least three phrasings: what is left of a question without its numbers and names.
func TestPhrasings(t *testing.T) {
	data := generate(t, func(o *Options) { o.Questions, o.DevShare = 40, 0.5 })
	drawn := regexp.MustCompile(`[0-9./]+|\b[a-z]\b|\b[A-Z][a-z]+\b`)
	phrasings := map[string]map[string]bool{}
	for _, q := range append(slices.Clone(data.Train), data.Dev...) {
		question := strings.Split(q.Text, "\n")[1]
		if phrasings[q.CorrectID] == nil {
			phrasings[q.CorrectID] = map[string]bool{}
		}
		phrasings[q.CorrectID][drawn.ReplaceAllString(question, "#")] = true
	}
	for id, found := range phrasings {
		if len(found) < 3 {
			t.Errorf("%s is asked in %d ways, want at least 3", id, len(found))
		}
	}
}

func TestGenerateIsDeterministic(t *testing.T) {
	write := func(data *Dataset) string {
		var b bytes.Buffer
		for _, err := range []error{WriteCorpus(&b, data.Passages), WriteQueries(&b, data.Train), WriteQueries(&b, data.Dev)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return b.String()
	}
	first := write(generate(t))
	if diff := cmp.Diff(first, write(generate(t))); diff != "" {
		t.Errorf("the same options give other bytes:\n%s", diff)
	}
	if first == write(generate(t, func(o *Options) { o.Seed++ })) {
		t.Error("another seed gives the same data")
	}
}

// The files are what the readers of package corpus want, without a warning or a leak.
func TestFilesReadBack(t *testing.T) {
	data := generate(t)
	var passages, train, dev bytes.Buffer
	for _, err := range []error{WriteCorpus(&passages, data.Passages), WriteQueries(&train, data.Train), WriteQueries(&dev, data.Dev)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c, warnings, err := corpus.ReadPassages(&passages, "corpus.jsonl", corpus.ReadOptions{})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	read := func(b *bytes.Buffer, name string, want []Query) []corpus.Query {
		queries, warnings, err := corpus.ReadQueries(b, name, c, corpus.ReadOptions{GroupField: "question_id"})
		if err != nil || len(warnings) > 0 {
			t.Fatal(err, warnings)
		}
		for i, q := range queries {
			if w := want[i]; q.ID != w.ID || q.Text != w.Text || q.Group != w.QuestionID || c.Passages[q.Positives[0]].ID != w.CorrectID {
				t.Fatalf("%s:%d: got %+v, want %+v", name, i+1, q, w)
			}
		}
		return queries
	}
	if leaks := corpus.Leaks(read(&train, "train.jsonl", data.Train), read(&dev, "dev.jsonl", data.Dev)); len(leaks) > 0 {
		t.Errorf("%d leaks, the first %+v", len(leaks), leaks[0])
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"too few questions", func(o *Options) { o.Questions = 1 }, "questions: 1 is too few to split, give at least 2 a kind"},
		{"no dev", func(o *Options) { o.DevShare = 0 }, "dev share: 0 is not between 0 and 1"},
		{"more than there are", func(o *Options) { o.Questions = 100000 }, `kind "add fractions": question `},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := DefaultOptions()
			tc.change(&o)
			if _, err := Generate(o); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v, want %s…", err, tc.want)
			}
		})
	}
}
