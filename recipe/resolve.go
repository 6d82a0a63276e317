package recipe

import (
	"path/filepath"
	"slices"
	"strings"
)

// leastDepth is the candidates kept where nobody asks for fewer or more: enough for the usual recall@100.
const leastDepth = 100

// resolve fills in what follows from the rest: paths, the name, depths.
func (r *Recipe) resolve() {
	dir := filepath.Dir(r.file)
	for _, path := range []*Path{&r.Model, &r.Data.Corpus, &r.Data.Train, &r.Data.Dev, &r.Data.Test, &r.Data.Examples, &r.MineWith.Dir, &r.Mine.Verdicts, &r.Mine.Teacher.Model, &r.Finetune.TeacherScores, &r.Finetune.Guide} {
		path.beside(dir)
	}
	for i := range r.Data.Also {
		r.Data.Also[i].Queries.beside(dir)
		r.Data.Also[i].Corpus.beside(dir)
	}
	for i := range r.Data.Sets {
		s := &r.Data.Sets[i]
		for _, path := range []*Path{&s.Train, &s.Corpus, &s.Dev, &s.Examples} {
			path.beside(dir)
		}
	}
	if r.Name == "" {
		base := filepath.Base(r.file)
		r.Name = strings.TrimSuffix(base, filepath.Ext(base))
	}
	if r.Eval.Depth == 0 {
		r.Eval.Depth = max(leastDepth, r.Eval.largestCutoff())
	}
	for i := range r.Mine.Sources {
		for _, path := range r.Mine.Sources[i].paths() {
			path.beside(dir)
		}
	}
	r.Finetune.External.beside(dir)
	if r.Folds.Count > 0 && r.Folds.Metric == "" && len(r.Eval.Metrics) > 0 {
		r.Folds.Metric = r.Eval.Metrics[0].String()
	}
	for _, rounds := range r.allRounds() {
		for i := range rounds {
			rounds[i].MineWith.Dir.beside(dir)
			rounds[i].Finetune.External.beside(dir)
			rounds[i].Mine.Verdicts.beside(dir)
			rounds[i].Mine.Teacher.Model.beside(dir)
			rounds[i].eachSource(func(_ int, s *Source) {
				for _, path := range s.paths() {
					path.beside(dir)
				}
			})
			rounds[i].Finetune.TeacherScores.beside(dir)
			rounds[i].Finetune.Guide.beside(dir)
			rounds[i].resolve()
		}
	}
}

// allRounds is the rounds, and those of each setting.
func (r *Recipe) allRounds() [][]Stages {
	all := [][]Stages{r.Rounds}
	for _, s := range r.Folds.Settings {
		all = append(all, s.Rounds)
	}
	return all
}

func (e External) beside(dir string) {
	for i := range e.Inputs {
		e.Inputs[i].beside(dir)
	}
}

// eachSource visits the sources of a round and those of its sets, whose place is counted from 1.
func (s *Stages) eachSource(visit func(set int, source *Source)) {
	for k := range s.Mine.Sources {
		visit(0, &s.Mine.Sources[k])
	}
	for i := range s.Sets {
		for k := range s.Sets[i].Sources {
			visit(i+1, &s.Sets[i].Sources[k])
		}
	}
}

func (s *Stages) resolve() {
	s.Mine.resolveDepth(leastDepth)
	for i := range s.Sets {
		s.Sets[i].resolveDepth(s.Mine.Depth) // at least what a recipe that is filled in says
	}
	s.Finetune.resolve()
	if s.Mine.Source == None {
		s.Finetune.GroupSize = 1
	}
}

// resolveDepth gives mining the depth that its window needs, where none is given.
func (m *Mine) resolveDepth(least int) {
	if m.Depth > 0 {
		return
	}
	m.Depth = max(least, m.Window.End)
	if m.Survivors {
		m.Depth = max(least, 2*m.Window.End)
	}
}

func (f *Finetune) resolve() {
	if f.Guide.Written != "" && f.GuideMask == "" {
		f.GuideMask = "absolute"
	}
	if f.MatryoshkaWeights == nil {
		for range f.Matryoshka {
			f.MatryoshkaWeights = append(f.MatryoshkaWeights, 1)
		}
	}
}

// largestCutoff is the deepest rank that a measure looks at.
func (e Eval) largestCutoff() int {
	largest := 0
	for _, m := range e.Metrics {
		largest = max(largest, m.K)
	}
	return largest
}

// clone copies the settings so deeply that a round can be decoded over the copy.
func (s Stages) clone() Stages {
	s.Finetune.LoRA.TargetModules = slices.Clone(s.Finetune.LoRA.TargetModules)
	s.Finetune.LoRA.RankPattern, s.Finetune.LoRA.AlphaPattern = slices.Clone(s.Finetune.LoRA.RankPattern), slices.Clone(s.Finetune.LoRA.AlphaPattern)
	s.Finetune.LoRA.ModulesToSave = slices.Clone(s.Finetune.LoRA.ModulesToSave)
	s.Finetune.Matryoshka = slices.Clone(s.Finetune.Matryoshka)
	s.Finetune.MatryoshkaWeights = slices.Clone(s.Finetune.MatryoshkaWeights)
	s.Finetune.External.Command = slices.Clone(s.Finetune.External.Command)
	s.Finetune.External.Inputs = slices.Clone(s.Finetune.External.Inputs)
	s.Mine.MinScore = cloned(s.Mine.MinScore)
	s.Mine.MaxScore = cloned(s.Mine.MaxScore)
	s.Mine.Margin = cloned(s.Mine.Margin)
	s.Mine.RelativeMargin = cloned(s.Mine.RelativeMargin)
	s.Mine.ShareOfPositive = cloned(s.Mine.ShareOfPositive)
	s.Mine.NearText = cloned(s.Mine.NearText)
	s.Mine.FuseWeights = slices.Clone(s.Mine.FuseWeights)
	s.Mine.FuseConstant = cloned(s.Mine.FuseConstant)
	s.Mine.Sources = slices.Clone(s.Mine.Sources)
	for k, one := range s.Mine.Sources {
		s.Mine.Sources[k] = one.clone()
	}
	s.Mine.BM25K1, s.Mine.BM25B = cloned(s.Mine.BM25K1), cloned(s.Mine.BM25B)
	s.Mine.Expect = slices.Clone(s.Mine.Expect)
	s.Mine.Quotas = slices.Clone(s.Mine.Quotas)
	s.Mine.Teacher.Margin, s.Mine.Teacher.Normalize = cloned(s.Mine.Teacher.Margin), cloned(s.Mine.Teacher.Normalize)
	s.Mine.Teacher.QueryPrompt, s.Mine.Teacher.PassagePrompt, s.Mine.Teacher.QuerySuffix = cloned(s.Mine.Teacher.QueryPrompt), cloned(s.Mine.Teacher.PassagePrompt), cloned(s.Mine.Teacher.QuerySuffix)
	s.Select.Epoch = cloned(s.Select.Epoch)
	s.Sets = slices.Clone(s.Sets)
	return s
}

func cloned[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
