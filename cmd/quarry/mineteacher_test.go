package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/rerank"
)

// mineTaught mines with a teacher.
func (p teachingProject) mineTaught(t *testing.T, kind, dir string, margin float64) (*testHost, []*flagembedding.Row) {
	t.Helper()
	o := p.mineOptions()
	o.Mine.TeacherMargin = &margin
	o.Teacher = TeacherOptions{Model: ModelOptions{Model: dir}, Kind: kind}
	o.Provenance = p.path("provenance.jsonl")
	h := p.host()
	mustBe(t, runMine(t.Context(), o, h.host))
	rows, err := flagembedding.ReadAll(strings.NewReader(p.read(t, "mined.jsonl")), "mined.jsonl")
	mustBe(t, err)
	return h, rows
}

// TestTheMinerAsItsOwnTeacher: with the model that mines for a teacher the two margins are one rule.
func TestTheMinerAsItsOwnTeacher(t *testing.T) {
	p := newTeachingProject(t)
	h, taught := p.mineTaught(t, embedderKind, p.path("model"), 0.01)
	if err := h.err.String(); !strings.Contains(err, "teacher_margin 0.01") || !strings.Contains(err, "candidates dropped by") || strings.Contains(err, ", 0 scored now") {
		t.Errorf("told %s", err)
	}
	o := p.mineOptions()
	margin := 0.01
	o.Mine.Margin = &margin
	_, own := p.mine(t, o)
	dropped := false
	for i, row := range own {
		if !slices.Equal(row.Neg(), taught[i].Neg()) {
			t.Errorf("row %d: by the teacher %q, by the miner %q", i, taught[i].Neg(), row.Neg())
		}
	}
	_, all := p.mine(t, p.mineOptions())
	for i, row := range all {
		dropped = dropped || !slices.Equal(row.Neg(), taught[i].Neg())
	}
	if !dropped {
		t.Error("the margin changes nothing: the test says nothing")
	}
}

// TestNoNegativeIsAboveTheTeachersMargin: what was mined is scored already, and none of it is above the lowest positive.
func TestNoNegativeIsAboveTheTeachersMargin(t *testing.T) {
	p := newTeachingProject(t)
	h, rows := p.mineTaught(t, crossEncoderKind, tinyCrossEncoder, 0)
	if !strings.Contains(h.err.String(), "teacher_margin ") || !strings.Contains(p.read(t, "provenance.jsonl"), `"teacher_margin 0"`) {
		t.Errorf("told %s", h.err.String())
	}
	negatives := 0
	for _, row := range rows {
		negatives += len(row.Neg())
	}
	o := p.options()
	o.Rows = p.path("mined.jsonl")
	told := p.teach(t, o)
	if told.Scored != 0 || told.Saturation.AbovePositive != 0 || negatives == 0 || told.Saturation.Negatives != negatives {
		t.Errorf("%d negatives: %+v", negatives, told)
	}
	first := p.read(t, "mined.jsonl")
	if h, _ := p.mineTaught(t, crossEncoderKind, tinyCrossEncoder, 0); !strings.Contains(h.err.String(), ", 0 scored now") || p.read(t, "mined.jsonl") != first {
		t.Errorf("again: %s", h.err.String())
	}
}

// TestATeacherWithoutAMarginDropsNothing: the rows are those that are mined without it, random negatives among them, and have the
// scores that quarry teach gives them; what it said may come from a file, as long as that has all of them.
func TestATeacherWithoutAMarginDropsNothing(t *testing.T) {
	p := newTeachingProject(t)
	o := p.mineOptions()
	o.Mine.Random, o.Mine.HubLimit, o.Mine.Reference = 0.25, 8, mine.Each
	_, want := p.mine(t, o)
	o.Output = p.path("taught.jsonl")
	o.Teacher = TeacherOptions{Model: ModelOptions{Model: tinyCrossEncoder}, Kind: crossEncoderKind, Cache: p.path("scores.jsonl"), prefix: "teacher-"}
	h := p.host()
	mustBe(t, runMine(t.Context(), o, h.host))
	rows, err := flagembedding.ReadAll(strings.NewReader(p.read(t, "taught.jsonl")), "taught.jsonl")
	mustBe(t, err)
	for i, row := range rows {
		if !slices.Equal(row.Neg(), want[i].Neg()) || !slices.Equal(row.Pos(), want[i].Pos()) {
			t.Errorf("row %d: %q, without a teacher %q", i, row.Neg(), want[i].Neg())
		}
	}
	teach := p.options()
	teach.Rows, teach.Output, teach.Teacher.Cache = p.path("mined.jsonl"), p.path("taught-rows.jsonl"), p.path("scores.jsonl")
	if told := p.teach(t, teach); told.Scored != 0 || told.Pairs == 0 {
		t.Errorf("quarry teach still asks: %+v", told)
	}
	taught, err := flagembedding.ReadAll(strings.NewReader(p.read(t, "taught-rows.jsonl")), "taught-rows.jsonl")
	mustBe(t, err)
	for i, row := range rows {
		if len(row.NegScores()) != len(row.Neg()) || !slices.Equal(row.PosScores(), taught[i].PosScores()) || !slices.Equal(row.NegScores(), taught[i].NegScores()) {
			t.Errorf("row %d: scores %v, quarry teach gives %v", i, row.NegScores(), taught[i].NegScores())
		}
	}
	short := o
	short.Output, short.Teacher.Cache, short.Teacher.Texts.MaxLength = p.path("short.jsonl"), "", 7
	h = p.host()
	mustBe(t, runMine(t.Context(), short, h.host))
	if cut := regexp.MustCompile(`\d+ of the pairs are longer than the teacher reads and were cut, the first at .*train\.jsonl:1 with .*corpus\.jsonl:\d+\n`); !cut.MatchString(h.err.String()) {
		t.Errorf("what was cut is not named: %s", h.err.String())
	}
	first := p.read(t, "taught.jsonl")
	o.Teacher, o.TeacherScores = TeacherOptions{}, p.path("scores.jsonl")
	mustBe(t, runMine(t.Context(), o, p.host().host))
	if p.read(t, "taught.jsonl") != first {
		t.Error("the teacher's stored scores give other rows than the teacher")
	}
	said := lines(p.read(t, "scores.jsonl"))
	o.TeacherScores = p.write(t, "fewer.jsonl", strings.Join(said[:len(said)-1], "\n")+"\n")
	refused(t, runMine(t.Context(), o, p.host().host), "the teacher has no score of passage")
}

// TestTheTeacherInJSON: --json has what a teacher was asked, what was kept of it, and what its scores have to say, by a golden file; the
// scores of the rows say the same, and so do stored scores, of which nothing was asked.
func TestTheTeacherInJSON(t *testing.T) {
	p := newTeachingProject(t)
	o := p.mineOptions()
	margin := 0.0
	o.Rank.Engine.CPU = "portable"
	o.JSON, o.Mine.TeacherMargin = true, &margin
	o.Teacher = TeacherOptions{Model: ModelOptions{Model: tinyCrossEncoder}, Kind: crossEncoderKind, Cache: p.path("scores.jsonl"), prefix: "teacher-"}
	type printed struct {
		Audit   mine.Audit
		Teacher map[string]any
	}
	run := func() (raw string, got printed) {
		h, rows := p.mine(t, o)
		mustBe(t, json.Unmarshal(h.out.Bytes(), &got))
		want := rerank.Saturation{}
		for _, row := range rows {
			want.Add(row.PosScores(), row.NegScores())
		}
		if s := got.Teacher["saturation"].(map[string]any); s["rows"] != float64(want.Rows) || s["above_positive"] != 0.0 || s["mean_top"] != want.MeanTop {
			t.Errorf("saturation %v, the rows have %+v", s, want)
		}
		if got.Teacher["dropped"] != float64(got.Audit.Dropped.TeacherMargin) || got.Audit.Dropped.TeacherMargin == 0 {
			t.Errorf("dropped %v, the audit has %d", got.Teacher["dropped"], got.Audit.Dropped.TeacherMargin)
		}
		if !strings.Contains(h.err.String(), "the teacher scores positives ") {
			t.Errorf("told %s", h.err.String())
		}
		content, err := json.MarshalIndent(got.Teacher, "", "  ")
		mustBe(t, err)
		return string(content) + "\n", got
	}
	raw, first := run()
	golden.Check(t, filepath.Join("testdata", "mine-teacher.json"), []byte(raw))
	_, again := run()
	if again.Teacher["scored"] != 0.0 || again.Teacher["kept"] != first.Teacher["scored"] {
		t.Errorf("again: %v", again.Teacher)
	}
	o.Teacher, o.TeacherScores = TeacherOptions{}, p.path("scores.jsonl")
	_, stored := run()
	for _, key := range []string{"scored", "kept", "truncated"} {
		delete(first.Teacher, key)
	}
	if diff := cmp.Diff(first.Teacher, stored.Teacher); diff != "" {
		t.Errorf("by stored scores: %s", diff)
	}
	o.TeacherScores, o.Mine.TeacherMargin = "", nil
	if h, _ := p.mine(t, o); strings.Contains(h.out.String(), `"teacher": {`) {
		t.Errorf("without a teacher: %s", h.out.String())
	}
}

// TestMiningRefusesBeforeItRanks what the flags and the data alone show to be of no use.
func TestMiningRefusesBeforeItRanks(t *testing.T) {
	p := newTeachingProject(t)
	for _, tc := range []struct {
		name, want string
		change     func(*MineOptions)
	}{
		{"a teacher that is not there", "--teacher: ", func(o *MineOptions) { o.Teacher.Model.Model = p.path("nowhere") }},
		{"an embedder as a cross-encoder", "no cross-encoder that is supported", func(o *MineOptions) { o.Teacher.Model.Model = p.path("model") }},
		{"a cross-encoder as an embedder", "--teacher: ", func(o *MineOptions) { o.Teacher.Kind = embedderKind }},
		{"logits of what is an embedder", "--teacher-logits has no part", func(o *MineOptions) {
			o.Teacher.Model.Model, o.Teacher.Kind, o.Teacher.Logits = p.path("model"), autoKind, true
		}},
		{"scores that are not there", "nowhere.jsonl", func(o *MineOptions) { o.Teacher.Model.Model, o.TeacherScores = "", p.path("nowhere.jsonl") }},
		{"a window behind the corpus", "--window: no query has a negative left: the window is 1000-1010, the corpus has", func(o *MineOptions) { o.Window = "1000-1010" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := p.mineOptions()
			o.Teacher = TeacherOptions{Model: ModelOptions{Model: tinyCrossEncoder}, Kind: crossEncoderKind, prefix: "teacher-"}
			tc.change(&o)
			o.Rank.Model.Model = p.path("no-miner") // which ranking would complain of
			refused(t, runMine(t.Context(), o, p.host().host), tc.want)
		})
	}
}

// TestTheDirectorySaysWhatATeacherIs, as in a recipe.
func TestTheDirectorySaysWhatATeacherIs(t *testing.T) {
	p := newTeachingProject(t)
	for _, tc := range []struct{ kind, dir string }{{embedderKind, p.path("model")}, {crossEncoderKind, tinyCrossEncoder}} {
		p.mineTaught(t, tc.kind, tc.dir, 0)
		want := p.read(t, "mined.jsonl")
		if h, _ := p.mineTaught(t, autoKind, tc.dir, 0); !strings.Contains(h.err.String(), ", 0 scored now") || p.read(t, "mined.jsonl") != want {
			t.Errorf("%s: %s", tc.kind, h.err.String())
		}
	}
}

func TestMiningRefusesTeachers(t *testing.T) {
	p := newTeachingProject(t)
	zero := 0.0
	for _, tc := range []struct {
		name, want string
		change     func(*MineOptions)
	}{
		{"no teacher", "--teacher-margin needs --teacher", func(o *MineOptions) { o.Teacher.Model.Model = "" }},
		{"a kind of no teacher", "--teacher-kind has no part without --teacher", func(o *MineOptions) {
			o.Teacher.Model.Model, o.Mine.TeacherMargin, o.Rank.Texts.set = "", nil, set{"teacher-kind": true}
		}},
		{"another kind", `--teacher-kind "oracle"`, func(o *MineOptions) { o.Teacher.Kind = "oracle" }},
		{"an embedder as a cross-encoder", "an embedder teaches with --teacher-kind embedder", func(o *MineOptions) { o.Teacher.Model.Model = p.path("model") }},
		{"scores beside it", "--teacher-scores takes the place of --teacher", func(o *MineOptions) { o.TeacherScores = "scores.jsonl" }},
		{"what if of scores without a margin", "--teacher-scores has no part in --what-if without --teacher-margin", func(o *MineOptions) {
			o.Teacher.Model.Model, o.Mine.TeacherMargin, o.TeacherScores = "", nil, "scores.jsonl"
			o.WhatIf.Run, o.Candidates, o.Output, o.Rank.Model.Model = true, p.path("train.cand"), "", ""
		}},
		{"scores that are none", "this is no file of a teacher's scores", func(o *MineOptions) {
			o.Teacher.Model.Model, o.TeacherScores = "", p.path("train.jsonl")
		}},
		{"random negatives", "teacher_margin: negatives that are kept, random or given", func(o *MineOptions) { o.Mine.Random = 0.5 }},
		{"what if", "--teacher has no part in --what-if", func(o *MineOptions) {
			o.WhatIf.Run, o.Candidates, o.Output, o.Rank.Model.Model = true, p.path("train.cand"), "", ""
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := p.mineOptions()
			o.Mine.TeacherMargin = &zero
			o.Teacher = TeacherOptions{Model: ModelOptions{Model: tinyCrossEncoder}, Kind: crossEncoderKind, prefix: "teacher-"}
			tc.change(&o)
			refused(t, runMine(t.Context(), o, p.host().host), tc.want)
		})
	}
}
