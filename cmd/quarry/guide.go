package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/vectors"
)

// guideName is the file of a guide's vectors in the output directory, which is one training's own.
const guideName = "guide.npy"

// guide is a guide model's vectors of what is trained on and measured: of the passages in use, in the corpus's order, then
// of train and of dev queries.
type guide struct {
	rows     *vectors.Mapped
	passages []int32       // in use
	place    map[int32]int // of a passage, its row
}

// findGuide is where the guide lies, with its weights as those of the model are taken.
func (o FinetuneOptions) findGuide(ctx context.Context, h *host) (string, error) {
	found, err := o.Model.locate(ctx, h, o.Guide)
	if err != nil {
		return "", fmt.Errorf("--guide: %w", err)
	}
	return found.dir, nil
}

// planGuide lays out the rows. They are there from openGuide on.
func (t *training) planGuide() {
	if t.options.Guide == "" {
		return
	}
	g := &guide{place: map[int32]int{}}
	for p, s := range t.passages {
		if s.IDs != nil {
			g.place[int32(p)] = len(g.passages)
			g.passages = append(g.passages, int32(p))
		}
	}
	of := func(first int) finetune.Guide {
		return finetune.Guide{
			Query:   func(example int) []float32 { return g.rows.Row(first + example) },
			Passage: func(p int32) []float32 { return g.rows.Row(g.place[p]) },
		}
	}
	t.guide = g
	t.train.Guide = of(len(g.passages))
	t.dev.Guide = of(len(g.passages) + len(t.set.train))
}

// guideFootprint is what a guide's weights take; a guide that cannot be opened ends here.
func guideFootprint(dir string) (model.Footprint, error) {
	m, err := model.Open(dir, model.Options{})
	if err != nil {
		return model.Footprint{}, badInputf("--guide: %w", err)
	}
	return m.Footprint(), m.Close()
}

// openGuide maps the guide's vectors, made now unless an interrupted training has left them.
func (t *training) openGuide(ctx context.Context) error {
	if t.guide == nil {
		return nil
	}
	_, err := rundir.OS{}.Stat(t.file(guideName))
	if errors.Is(err, fs.ErrNotExist) {
		err = t.embedForGuide(ctx)
	}
	if err != nil {
		return err
	}
	t.guide.rows, err = vectors.OpenNPY(t.file(guideName))
	if err == nil {
		err = t.guide.rows.CheckRows(t.file(guideName), t.guideTexts())
	}
	return err
}

func (t *training) guideTexts() int {
	return len(t.guide.passages) + len(t.set.train) + len(t.set.dev)
}

// closeGuide unmaps the vectors.
func (t *training) closeGuide() error {
	if t.guide == nil || t.guide.rows == nil {
		return nil
	}
	return t.guide.rows.Close()
}

// embedForGuide writes the guide's vectors, brought to length 1.
func (t *training) embedForGuide(ctx context.Context) error {
	m, err := model.Open(t.options.Guide, model.Options{})
	if err != nil {
		return badInputf("--guide: %w", err)
	}
	defer m.Close()
	x, err := embedding.New(m, t.engine)
	if err != nil {
		return badInputf("--guide: %w", err)
	}
	query, passage, err := TextOptions{}.sides(m)
	if err != nil {
		return err
	}
	place := func(i int) string { return t.set.corpus.Place(t.guide.passages[i]) }
	jobs := []job{{side: passage, total: len(t.guide.passages), place: place, texts: func(yield func(embedding.Text, error) bool) {
		for _, p := range t.guide.passages {
			if !yield(embedding.Text{Text: t.set.corpus.Passages[p].Full()}, nil) {
				return
			}
		}
	}}}
	for _, queries := range [][]corpus.Query{t.set.train, t.set.dev} {
		jobs = append(jobs, job{side: query, total: len(queries), place: queryPlace(queries), texts: func(yield func(embedding.Text, error) bool) {
			for _, q := range queries {
				if !yield(embedding.Text{Text: q.Text}, nil) {
					return
				}
			}
		}})
	}
	return rundir.WriteFile(rundir.OS{}, t.file(guideName), func(w io.Writer) error {
		out, err := vectors.NewNPYWriter(w, t.guideTexts(), x.Dimension())
		if err != nil {
			return err
		}
		for _, j := range jobs {
			j.label, j.taken = "embed with the guide", t.trainer.Rest()
			_, err := embedTo(ctx, t.host, x, j, func(rows []float32) error {
				normalize(rows, x.Dimension())
				return out.Write(rows)
			})
			if err != nil {
				return t.raise(err, "--block-tokens")
			}
		}
		return out.Close()
	})
}
