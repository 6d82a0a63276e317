package pipeline

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rundir"
)

// algorithmGuide is raised when the same texts and guide give other vectors.
const algorithmGuide = 1

// stageGuide begins the names of stages that embed with a guide. Rounds share what a guide made: its stage is round 0's.
const stageGuide = "guide-"

// guided says whether a guide masks columns in this round.
func (r *round) guided() bool { return r.stages.Finetune.Guide.File != "" && !r.trainsOutside() }

// guide makes a guide's vectors of the corpus and of train and dev queries, unless an earlier round or run has, and returns
// where they are and what they depend on.
func (r *round) guide(ctx context.Context) (path string, made rundir.Input, err error) {
	named := r.stages.Finetune.Guide
	digest, err := rundir.ModelDigest(ctx, r.dir.FS, named.File)
	if err != nil {
		return "", made, fmt.Errorf("%s: finetune.guide: %w", r.recipe.At("finetune.guide"), err)
	}
	name := fmt.Sprintf("%x", sha256.Sum256([]byte(digest)))[:12]
	path = r.dir.Guide(r.stageName(name))
	stage := r.stage(stageGuide+name, algorithmGuide, nil, append(r.minedInputs(), r.outside("guide", digest))...)
	stage.Round = 0
	err = r.do(ctx, work{Stage: stage, outputs: []string{path}, run: func(ctx context.Context) error { return r.embedForGuide(ctx, stage, path) }})
	return path, r.made(path), err
}

// openGuide opens the guide of a round.
func (r *round) openGuide() (*model.Model, error) {
	m, err := model.Open(r.stages.Finetune.Guide.File, model.Options{})
	if errors.Is(err, model.ErrNoPooling) {
		err = fmt.Errorf("%w in its own directory", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: finetune.guide: %w", r.recipe.At("finetune.guide"), err)
	}
	return m, nil
}

// guidesFootprint is the most that the weights of a guide take.
func (p *Run) guidesFootprint() (model.Footprint, error) {
	var most model.Footprint
	for i := range p.recipe.Rounds {
		r := p.settings(i)
		if !r.guided() {
			continue
		}
		m, err := r.openGuide()
		if err != nil {
			return most, err
		}
		f := m.Footprint()
		most.Held, most.Mapped = max(most.Held, f.Held), max(most.Mapped, f.Mapped)
		if err := m.Close(); err != nil {
			return most, err
		}
	}
	return most, nil
}

// embedForGuide writes the guide's vectors, brought to length 1: of the corpus, then of train and of dev queries, each
// under the guide's own prompts and length.
func (r *round) embedForGuide(ctx context.Context, of rundir.Stage, path string) error {
	m, err := r.openGuide()
	if err != nil {
		return err
	}
	defer m.Close()
	c := m.Contract
	x, err := newEncoder(r, m, texts{Query: c.Query, Passage: c.Passage, QueryLength: c.MaxLength, PassageLength: c.MaxLength})
	if err != nil {
		return err
	}
	x.limit = ownLimit
	all := []embedFunc{x.passagesOf(x.data.corpus)}
	ends := []int{r.data.corpus.Len()} // rows of the file behind those of each
	for _, s := range r.mined() {
		queries := r.data.queries[s]
		all, ends = append(all, x.queriesOf(queries)), append(ends, ends[len(ends)-1]+len(queries))
	}
	rows := ends[len(ends)-1]
	return x.write(ctx, of, path, r.label("embed with the guide"), rows, func(ctx context.Context, label string, skip int, sink vectorSink) error {
		unit := func(first int, v []float32) error {
			toUnitLength(v, m.Dimension())
			return sink(first, v)
		}
		first := 0
		for i, embed := range all {
			if err := embed(ctx, label, max(skip-first, 0), unit); err != nil {
				return err
			}
			first = ends[i]
		}
		return nil
	})
}

// toUnitLength scales rows of so many numbers; a row of zeros stays.
func toUnitLength(rows []float32, dim int) {
	for ; len(rows) > 0; rows = rows[dim:] {
		var square float64
		for _, v := range rows[:dim] {
			square += float64(float64(v) * float64(v))
		}
		if square == 0 {
			continue
		}
		length := math.Sqrt(square)
		for k, v := range rows[:dim] {
			rows[k] = float32(float64(v) / length)
		}
	}
}

// guideOf finds the vectors of a split's queries, by their texts, and of passages in what embedForGuide wrote; none outside
// a training with a guide.
func (r *round) guideOf(split rundir.Split, queries []corpus.Query) finetune.Guide {
	if r.guideRows == nil {
		return finetune.Guide{}
	}
	rows := r.guideRows
	place := map[string]int{}
	at := r.data.corpus.Len()
	for _, s := range r.mined() {
		for _, q := range r.data.queries[s] {
			if s == split {
				place[q.Text] = at
			}
			at++
		}
	}
	of := make([]int, len(queries))
	for i, q := range queries {
		of[i] = place[q.Text]
	}
	return finetune.Guide{
		Query:   func(example int) []float32 { return rows.Row(of[example]) },
		Passage: func(p int32) []float32 { return rows.Row(int(p)) },
	}
}

// checkGuide refuses before the first stage a guide that cannot be opened.
func (r *round) checkGuide() error {
	if !r.guided() {
		return nil
	}
	m, err := r.openGuide()
	if err != nil {
		return err
	}
	defer m.Close()
	if _, err := embedding.New(m, r.engine); err != nil {
		return fmt.Errorf("%s: finetune.guide: %w", r.recipe.At("finetune.guide"), err)
	}
	return nil
}
