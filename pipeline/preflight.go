package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/recipe"
)

// InputError is a fault of the recipe or of what it names that only a stage could find.
type InputError struct{ error }

// Unwrap returns what is wrong.
func (e InputError) Unwrap() error { return e.error }

func inputErrorf(format string, args ...any) error { return InputError{fmt.Errorf(format, args...)} }

// preflight finds before the first stage what would end the last one: a model that is broken, a length that it has not, a
// training that the memory does not hold.
func (p *Run) preflight(ctx context.Context) error {
	checked := map[string]bool{} // sources
	if err := p.checkModel(p.recipe.Model.File, "model", func(m *model.Model) error {
		p.modelPrompt = m.Contract.Query.Template
		for i := range p.recipe.Rounds {
			r := p.settings(i)
			found := []error{r.checkLengths(m), r.checkMemory(m), r.checkGuide(), r.checkTeacher(ctx), r.checkSources(checked), r.checkWindow(), r.checkShown(m), r.readVerdicts()}
			for _, one := range r.sets {
				found = append(found, one.checkLengths(m), one.checkSources(checked), one.checkWindow(), one.checkShown(m))
			}
			found = append(found, r.checkMixture()) // of rows as verdicts make them
			if err := errors.Join(found...); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for i := range p.recipe.Rounds {
		with := p.recipe.Round(i).MineWith
		if with.Kind != recipe.Folder {
			continue
		}
		if err := p.checkModel(with.Dir.File, "mine_with", func(*model.Model) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// checkModel opens a model that the recipe names under a key and reads all of its weights.
func (p *Run) checkModel(dir, key string, more func(*model.Model) error) error {
	m, err := p.openModel(dir)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", p.recipe.At(key), key, err)
	}
	defer m.Close()
	if _, err := embedding.New(m, p.engine); err != nil {
		return fmt.Errorf("%s: %s: %w", p.recipe.At(key), key, err)
	}
	return more(m)
}

// checkLengths refuses lengths that the model or the prompt has no room for.
func (r *round) checkLengths(m *model.Model) error {
	t := r.texts(m)
	if err := r.checkExampleRoom(t); err != nil {
		return err
	}
	for _, side := range []struct {
		key    string
		prompt model.Prompt
		length int
	}{{"lengths.query", t.Query, t.QueryLength}, {"lengths.passage", t.Passage, t.PassageLength}} {
		if _, err := m.Sequence("", side.prompt, side.length); err != nil {
			return fmt.Errorf("%s: %s: %w", r.at(side.key), side.key, err)
		}
	}
	return nil
}

// checkMixture refuses sets that cannot be trained on beside each other, or at all. A program outside makes batches of its own.
func (r *round) checkMixture() error {
	if r.trainsOutside() {
		return nil
	}
	if err := r.mixture().Validate(r.finetuneOptions()); err != nil {
		return fmt.Errorf("%s: finetune: round %d: %w", r.recipe.At("finetune"), r.index, err)
	}
	return nil
}

// checkMemory refuses a training that does not fit. A program outside minds its own, but the eval_loss of what it leaves
// is taken here.
func (r *round) checkMemory(m *model.Model) error {
	need, err := r.needMemory(m, 0)
	if err != nil {
		return fmt.Errorf("%s: finetune: %w", r.recipe.At("finetune"), err)
	}
	if err := r.explainMemory(need.Within(r.engine.Memory())); err != nil {
		return fmt.Errorf("round %d: %w", r.index, err)
	}
	return nil
}

// needMemory is what the round's finetuning takes of this process, with a longest text of so many tokens.
func (r *round) needMemory(m *model.Model, longest int) (finetune.Memory, error) {
	if r.trainsOutside() {
		return finetune.NeedEvaluation(m, r.engine, r.finetuneOptions(), longest)
	}
	return finetune.NeedMemory(m, r.engine, r.finetuneOptions(), longest)
}

func (r *round) trainsOutside() bool { return len(r.stages.Finetune.External.Command) > 0 }

// explainMemory adds to an error of memory which keys change what a training, or an embedding, takes.
func (r *round) explainMemory(err error) error {
	if long := (*embedding.MemoryError)(nil); errors.As(err, &long) {
		return r.raiseMemory(err, "lengths.passage", "lengths.passage or lengths.query", memoryWant{long.Least, long.Limit, long.Beside})
	}
	var short *finetune.MemoryError
	if !errors.As(err, &short) {
		return err
	}
	key, less := "finetune.block_tokens", "finetune.block_tokens or finetune.batch"
	if r.stages.Finetune.Method == recipe.LoRA && !r.trainsOutside() {
		key, less = "finetune.lora.r", "finetune.lora.r, finetune.block_tokens or finetune.batch"
	}
	return r.raiseMemory(err, key, less, memoryWant{short.Need.Least(), short.Limit, short.Need.Beside})
}

// memoryWant is what an engine takes at least, what there is for it, and what of the former its workers take, in bytes.
type memoryWant struct{ least, left, workers int64 }

// raiseMemory says what memory would have to be, and which keys may be lowered instead where that helps.
func (r *round) raiseMemory(err error, key, less string, want memoryWant) error {
	up := "raise memory"
	if r.options.Raised != nil { // the limit is the whole program's, and what is left of it is not what anybody wrote
		limit := "what the machine has free"
		if r.recipe.Memory > 0 {
			limit = r.recipe.Memory.String()
		}
		up = fmt.Sprintf("of the limit of memory, %s, the program and its texts take their part: raise it to at least %s", limit, recipe.Size(r.options.Raised(want.least)))
	}
	switch {
	case want.left <= 1: // nor would less work fit
		return inputErrorf("%s: %w: %s", r.recipe.At("memory"), err, up)
	case r.recipe.Workers > 1 && want.workers > want.least/2:
		key, less = "workers", "workers"
	}
	return inputErrorf("%s: %w: %s, or lower %s", r.recipe.At(key), err, up, less)
}
