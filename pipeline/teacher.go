package pipeline

import (
	"context"
	"fmt"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/rundir"
)

// distills says whether the round learns from a teacher's scores.
func (r *round) distills() bool { return r.stages.Finetune.Distill != "" && !r.trainsOutside() }

// teacherInput is the file of a teacher's scores as the training's input; none where the mined rows have them.
func (r *round) teacherInput(ctx context.Context) ([]rundir.Input, error) {
	path := r.stages.Finetune.TeacherScores.File
	if !r.distills() || path == "" {
		return nil, nil
	}
	digest, _, err := rundir.DigestFile(ctx, r.dir.FS, path)
	if err != nil {
		return nil, inputErrorf("%s: finetune.teacher_scores: %w", r.recipe.At("finetune.teacher_scores"), err)
	}
	return []rundir.Input{r.outside("teacher_scores", digest)}, nil
}

// teach puts a teacher's scores to the examples that were made of queries, a mined row each.
func (r *round) teach(queries []corpus.Query, examples []finetune.Example) error {
	mined := r.files.Negatives(rundir.Train)
	key, path, name := "finetune.teacher_scores", r.stages.Finetune.TeacherScores.File, r.stages.Finetune.TeacherScores.Written
	if path == "" {
		key, path, name = "finetune.distill", mined, mined
	}
	f, err := r.dir.FS.Open(path)
	if err != nil {
		return inputErrorf("%s: %s: %w", r.recipe.At(key), key, err)
	}
	defer f.Close()
	teacher, err := flagembedding.ReadTeacher(f, name)
	if err != nil {
		if path == mined {
			err = fmt.Errorf("%w; name a file that has them by finetune.teacher_scores, or a teacher by mine.teacher.model", err)
		}
		return inputErrorf("%s: %s: %w", r.recipe.At(key), key, err)
	}
	for i, q := range queries {
		e := &examples[i]
		if e.PositiveScores, err = teacher.Scores(q.Text, r.fullTexts(e.Positives)); err == nil {
			e.NegativeScores, err = teacher.Scores(q.Text, r.fullTexts(e.Negatives))
		}
		if err != nil {
			return inputErrorf("%s: %s: %s:%d: %w", r.recipe.At(key), key, mined, i+1, err)
		}
	}
	return nil
}

func (r *round) fullTexts(passages []int32) []string {
	texts := make([]string, len(passages))
	for i, p := range passages {
		texts[i] = r.data.corpus.Passages[p].Full()
	}
	return texts
}
