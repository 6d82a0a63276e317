package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
)

const tinyCrossEncoder = "../../model/testdata/cross-encoders/bert"

const untaught = `{"id": 7, "query": " add the fractions ", "pos": ["the sum", "a half"], "neg": ["zero", "subtract", "digit order"], "prompt": "p"}
{"query": "digit order", "pos": ["order of digits"], "neg": ["zero"]}
{"query": "digit order", "pos": ["order of digits"]}
`

// teachingProject is a project with rows, a cross-encoder and a cache.
type teachingProject struct{ project }

func newTeachingProject(t *testing.T) teachingProject {
	p := teachingProject{newProject(t, tinymodel.Options{})}
	p.write(t, "rows.jsonl", untaught)
	return p
}

func (p teachingProject) options() TeachOptions {
	return TeachOptions{
		Rows: p.path("rows.jsonl"), Output: p.path("taught.jsonl"), JSON: true,
		Teacher: TeacherOptions{Model: ModelOptions{Model: tinyCrossEncoder}, Kind: crossEncoderKind},
	}
}

func (p teachingProject) host() *testHost {
	h := newTestHost()
	h.environ = []string{"QUARRY_CACHE=" + p.path("cache")}
	return h
}

// teach runs the command and returns what it printed.
func (p teachingProject) teach(t *testing.T, o TeachOptions) (told struct {
	Schema int
	teaching
}) {
	t.Helper()
	h := p.host()
	mustBe(t, runTeach(t.Context(), o, h.host))
	mustBe(t, json.Unmarshal(h.out.Bytes(), &told))
	return told
}

func (p teachingProject) rows(t *testing.T) []*flagembedding.Row {
	t.Helper()
	rows, err := flagembedding.ReadAll(strings.NewReader(p.read(t, "taught.jsonl")), "taught.jsonl")
	mustBe(t, err)
	return rows
}

// TestTeachAsksOnce: the same call again asks for nothing, another row only for its new pairs, and the bytes are the same.
func TestTeachAsksOnce(t *testing.T) {
	p := newTeachingProject(t)
	told := p.teach(t, p.options())
	if told.Schema != 1 || told.Rows != 3 || told.Pairs != 7 || told.Scored != 7 || told.Kept != 0 || told.Saturation.Rows != 2 || told.Saturation.Negatives != 4 {
		t.Errorf("told %+v", told)
	}
	taught := p.read(t, "taught.jsonl")
	rows := p.rows(t)
	if first := lines(taught)[0]; !strings.HasPrefix(first, `{"id": 7, "query": " add the fractions ", "pos": ["the sum", "a half"], "neg": ["zero", "subtract", "digit order"], "prompt": "p", "pos_scores": [`) {
		t.Errorf("a row is %s", first)
	}
	if len(rows[0].PosScores()) != 2 || len(rows[0].NegScores()) != 3 || rows[1].PosScores()[0] != rows[2].PosScores()[0] {
		t.Errorf("scores %v and %v", rows[0].PosScores(), rows[0].NegScores())
	}
	if _, err := flagembedding.ReadTeacher(strings.NewReader(taught), "taught.jsonl"); err != nil {
		t.Errorf("distillation does not take it: %v", err)
	}
	if told := p.teach(t, p.options()); told.Scored != 0 || told.Kept != 7 || p.read(t, "taught.jsonl") != taught {
		t.Errorf("again: %+v", told)
	}
	p.write(t, "rows.jsonl", untaught+`{"query": "digit order", "pos": ["order of digits"], "neg": ["zero", "two"], "neg_scores": [3, 4]}`)
	if told := p.teach(t, p.options()); told.Scored != 1 || told.Kept != 7 || !strings.HasPrefix(p.read(t, "taught.jsonl"), taught) {
		t.Errorf("with one pair more: %+v", told)
	}
}

// TestTeachGoesOn behind a crash that left half a line, and asks for what was not kept.
func TestTeachGoesOn(t *testing.T) {
	p := newTeachingProject(t)
	o := p.options()
	o.Teacher.Cache = p.path("scores/here.jsonl")
	p.teach(t, o)
	taught, kept := p.read(t, "taught.jsonl"), lines(p.read(t, "scores/here.jsonl"))
	if len(kept) != 8 {
		t.Fatalf("kept %q", kept)
	}
	for _, torn := range []struct {
		name, text  string
		keptOfSeven int
	}{
		{"in a line", strings.Join(kept[:4], "\n") + "\n" + kept[4][:20], 3},
		{"in the header", kept[0][:30], 0},
		{"before it began", "", 0},
	} {
		t.Run(torn.name, func(t *testing.T) {
			p.write(t, "scores/here.jsonl", torn.text)
			if told := p.teach(t, o); told.Kept != torn.keptOfSeven || told.Scored != 7-torn.keptOfSeven || p.read(t, "taught.jsonl") != taught {
				t.Errorf("told %+v", told)
			}
			again := lines(p.read(t, "scores/here.jsonl"))
			slices.Sort(again)
			whole := slices.Sorted(slices.Values(kept))
			if !slices.Equal(again, whole) {
				t.Errorf("kept %q, want %q", again, whole)
			}
		})
	}
}

// TestTeachersAreKeptApart: logits, another length and an embedder have files of their own, and scores of their own.
func TestTeachersAreKeptApart(t *testing.T) {
	p := newTeachingProject(t)
	p.teach(t, p.options())
	sigmoid := p.rows(t)[0].NegScores()
	logits := p.options()
	logits.Teacher.Logits = true
	if told := p.teach(t, logits); told.Scored != 7 {
		t.Errorf("logits: %+v", told)
	}
	for i, logit := range p.rows(t)[0].NegScores() {
		if want := 1 / (1 + math.Exp(-logit)); math.Abs(sigmoid[i]-want) > 1e-6 {
			t.Errorf("score %v of the logit %v", sigmoid[i], logit)
		}
	}
	short := p.options()
	short.Teacher.Texts.MaxLength = 7
	h := p.host()
	mustBe(t, runTeach(t.Context(), short, h.host))
	want := regexp.MustCompile(`^\d of the pairs are longer than the teacher reads and were cut, the first at .*rows\.jsonl:1\n$`)
	if said := h.err.String(); !strings.Contains(h.out.String(), `"scored": 7`) || !want.MatchString(said[strings.LastIndex(strings.TrimSpace(said), "\n")+1:]) {
		t.Errorf("short: %s%s", said, h.out.String())
	}
	embedder := p.options()
	embedder.Teacher.Kind, embedder.Teacher.Model.Model = embedderKind, p.path("model")
	if told := p.teach(t, embedder); told.Scored != 7 {
		t.Errorf("embedder: %+v", told)
	}
	cosines := p.rows(t)[0].NegScores()
	prompted := embedder
	query := "what is "
	prompted.Teacher.Texts.QueryPrompt = &query
	if told := p.teach(t, prompted); told.Scored != 7 || slices.Equal(p.rows(t)[0].NegScores(), cosines) {
		t.Errorf("embedder with a prompt: %+v", told)
	}
	for _, c := range cosines {
		if math.Abs(c) > 1 {
			t.Errorf("cosine %v", c)
		}
	}
	files, err := filepath.Glob(p.path("cache/teacher-scores/*.jsonl"))
	if err != nil || len(files) != 5 {
		t.Errorf("files %q (%v)", files, err)
	}
	mixed := p.options()
	mixed.Teacher.Cache = files[0]
	mixed.Teacher.Texts.MaxLength = 9
	refused(t, runTeach(t.Context(), mixed, p.host().host), "these are scores of another teacher")
}

func TestTeachInWords(t *testing.T) {
	p := newTeachingProject(t)
	o := p.options()
	o.JSON = false
	h := p.host()
	mustBe(t, runTeach(t.Context(), o, h.host))
	if out := h.out.String(); !strings.HasPrefix(out, "3 rows, 7 pairs: 7 scored now, 0 kept from earlier\none-hot softmax: 0 of 2 rows (0.0%); a row's largest share is ") ||
		!strings.Contains(out, "\nnegatives above the lowest positive: ") {
		t.Errorf("printed %s", out)
	}
	o.Output = standard
	h = p.host()
	mustBe(t, runTeach(t.Context(), o, h.host))
	if h.out.String() != p.read(t, "taught.jsonl") || !strings.Contains(h.err.String(), "3 rows, 7 pairs: 0 scored now, 7 kept from earlier") {
		t.Errorf("on standard output: %s%s", h.out.String(), h.err.String())
	}
}

func TestTeachRefuses(t *testing.T) {
	p := newTeachingProject(t)
	for _, tc := range []struct {
		name, want string
		change     func(*TeachOptions)
	}{
		{"no rows", "--rows is needed", func(o *TeachOptions) { o.Rows = "" }},
		{"no teacher", "--teacher is needed", func(o *TeachOptions) { o.Teacher.Model.Model = "" }},
		{"no output", "--output is needed", func(o *TeachOptions) { o.Output = "" }},
		{"rows in their place", "is also --rows", func(o *TeachOptions) { o.Output = o.Rows }},
		{"two things on standard output", "both would be standard output", func(o *TeachOptions) { o.Output = standard }},
		{"no such teacher", "--teacher: ", func(o *TeachOptions) { o.Teacher.Model.Model = p.path("nowhere") }},
		{"an embedder as a cross-encoder", "no cross-encoder that is supported; an embedder teaches with --kind embedder", func(o *TeachOptions) { o.Teacher.Model.Model = p.path("model") }},
		{"a cross-encoder as an embedder", "--teacher: ", func(o *TeachOptions) { o.Teacher.Kind = embedderKind }},
		{"another kind", `--kind "oracle": use auto, cross-encoder or embedder`, func(o *TeachOptions) { o.Teacher.Kind = "oracle" }},
		{"logits of an embedder", "--logits has no part", func(o *TeachOptions) { o.Teacher.Kind, o.Teacher.Logits = embedderKind, true }},
		{"a prompt of a cross-encoder", "--query-prompt has no part without --kind embedder", func(o *TeachOptions) { o.Teacher.Texts.set = set{"query-prompt": true} }},
		{"a pooling of a cross-encoder", "--pooling has no part without --kind embedder", func(o *TeachOptions) { o.Teacher.Texts.set = set{"pooling": true} }},
		{"longer than the model", "--teacher: max length 33: the model has 32 positions", func(o *TeachOptions) { o.Teacher.Texts.MaxLength = 33 }},
		{"no room", "max length 4 leaves no room", func(o *TeachOptions) { o.Teacher.Texts.MaxLength = 4 }},
		{"rows without pos", `bad.jsonl:2: the row has no "pos"`, func(o *TeachOptions) {
			o.Rows = p.write(t, "bad.jsonl", "{\"query\":\"a\",\"pos\":[\"b\"]}\n{\"query\":\"a\",\"neg\":[\"b\"]}\n")
		}},
		{"rows with an empty pos", `bad.jsonl:1: "pos" is empty`, func(o *TeachOptions) { o.Rows = p.write(t, "bad.jsonl", `{"query":"a","pos":[],"neg":["b"]}`) }},
		{"an empty file", "bad.jsonl: no rows", func(o *TeachOptions) { o.Rows = p.write(t, "bad.jsonl", "") }},
		{"a cache that is none", "this is no file of a teacher's scores", func(o *TeachOptions) { o.Teacher.Cache = p.write(t, "cache.jsonl", untaught) }},
		{"a cache that is no file", "--cache -: name a file", func(o *TeachOptions) { o.Teacher.Cache = standard }},
		{"a cache that is the rows", "--cache", func(o *TeachOptions) { o.Teacher.Cache = o.Rows }},
		{"too little memory", "raise --memory to at least", func(o *TeachOptions) { o.Teacher.Engine.Memory = 1 << 10 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := p.options()
			tc.change(&o)
			refused(t, runTeach(t.Context(), o, p.host().host), tc.want)
			if _, err := os.Stat(p.path("taught.jsonl")); err == nil {
				t.Error("rows were written")
			}
		})
	}
	if got := p.read(t, "rows.jsonl"); got != untaught {
		t.Errorf("the rows are %s", got)
	}
}

// TestACrossEncoderThatTellsNothingIsNoted: nothing keeps it from what it was trained on.
func TestACrossEncoderThatTellsNothingIsNoted(t *testing.T) {
	for _, tells := range []bool{false, true} {
		p := newTeachingProject(t)
		o := p.options()
		if tells {
			o.Teacher.Model.Model = p.path("tells")
			mustBe(t, os.CopyFS(o.Teacher.Model.Model, os.DirFS(tinyCrossEncoder)))
			trained := model.TrainedQueries{}
			trained.Add("another query")
			p.write(t, "tells/"+model.TrainedQueriesName, string(trained.Encode()))
		}
		h := p.host()
		mustBe(t, runTeach(t.Context(), o, h.host))
		if told := strings.Contains(h.err.String(), "no quarry_trained.json tells which queries it was trained on"); told == tells {
			t.Errorf("of one that tells (%t) is noted %s", tells, h.err.String())
		}
	}
}
