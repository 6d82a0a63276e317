package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/rundir"
)

// takeEpochs moves what an outside trainer left, epoch-1 to the last, into the round: checked, under the round's
// contract, and with the eval_loss that Quarry's own trainer would have taken, the base's included.
func (r *round) takeEpochs(ctx context.Context, out string) error {
	if err := r.checkLeft(out); err != nil {
		return fmt.Errorf("%s: the outside trainer %w", r.recipe.At("finetune.external"), err)
	}
	base, err := r.openModel(r.base.path)
	if err != nil {
		return err
	}
	defer base.Close()
	t := r.texts(base)
	for epoch := range r.stages.Finetune.Epochs + 1 {
		err := rundir.WriteDir(r.dir.FS, r.files.Epoch(epoch), func(dir string) error {
			if epoch > 0 {
				if err := r.adopt(ctx, base, t, filepath.Join(out, epochName(epoch)), dir); err != nil {
					return err
				}
			}
			return r.noteEpoch(ctx, t, epoch, dir)
		})
		if err != nil {
			return fmt.Errorf("%s: the outside trainer's epoch %d: %w", r.recipe.At("finetune.external"), epoch, err)
		}
	}
	return nil
}

func epochName(epoch int) string { return fmt.Sprintf("epoch-%d", epoch) }

// checkLeft sees that the trainer left the epochs that the recipe counts, and no others: one that is passed over in
// silence would be neither judged nor chosen.
func (r *round) checkLeft(out string) error {
	entries, err := r.dir.FS.ReadDir(out)
	if err != nil {
		return err
	}
	var left, want []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "epoch-") {
			left = append(left, entry.Name())
		}
	}
	for epoch := 1; epoch <= r.stages.Finetune.Epochs; epoch++ {
		want = append(want, epochName(epoch))
	}
	found := "nothing of that name"
	if len(left) > 0 {
		found = strings.Join(left, ", ")
	}
	for _, name := range want {
		if !slices.Contains(left, name) {
			return fmt.Errorf("left no %s in QUARRY_OUTPUT, but %s: finetune.epochs is %d", name, found, len(want))
		}
	}
	for _, name := range left {
		if !slices.Contains(want, name) {
			return fmt.Errorf("left %s in QUARRY_OUTPUT: finetune.epochs is %d, which wants epoch-1 to %s and no others", name, len(want), want[len(want)-1])
		}
	}
	return nil
}

// adopt writes a checkpoint of an outside trainer: an adapter as it is, a model as Quarry's own trainer writes one.
func (r *round) adopt(ctx context.Context, base *model.Model, t texts, from, dir string) error {
	adapter, err := r.isAdapter(from)
	if err != nil {
		return err
	}
	if adapter {
		return r.copyTree(ctx, from, dir)
	}
	d, err := model.ReadDirectory(from, model.Options{})
	if err != nil {
		return err
	}
	contract := t.contract(base.Contract)
	if err := r.checkContract(d, contract, base); err != nil {
		return err
	}
	weights, err := d.OpenWeights()
	if err != nil {
		return err
	}
	defer weights.Close()
	var entries []safetensors.Entry
	for _, tensor := range weights.Tensors() {
		entries = append(entries, safetensors.Copy(tensor))
	}
	o := model.WriteOptions{Contract: &contract}
	// transformers saves a model without its tokenizer; it is the one that the mined texts were measured with.
	has, err := d.HasTokenizer()
	if err != nil {
		return err
	}
	if !has {
		o.Tokenizer = base.Directory
	}
	return model.WriteDirectory(rundir.Sink(r.dir.FS, dir), d, entries, o)
}

// checkContract refuses a model that says other things about its texts than the round, which embeds them for all of its
// epochs alike. A trainer that hands on what the base's own directory says has said nothing of its own: there, as for
// the base, the recipe goes before.
func (r *round) checkContract(d *model.Directory, contract model.Contract, base *model.Model) error {
	if len(d.Assumed) > 0 && slices.ContainsFunc(base.Modules, func(m model.Module) bool { return m.Kind == model.KindDense }) {
		return fmt.Errorf("the model has no modules.json, but the base %s has Dense modules, which belong to its vectors: save them too", r.base.name)
	}
	differences, err := d.Unlike(contract)
	if err != nil || len(differences) == 0 {
		return err
	}
	stored, err := model.ReadDirectory(r.base.path, model.Options{})
	if err != nil {
		return err
	}
	if len(stored.Assumed) == 0 {
		if handedOn, err := d.Unlike(stored.Contract); err != nil || len(handedOn) == 0 {
			return err
		}
	}
	return fmt.Errorf("the model says otherwise than the round, whose base is %s: %s: train with the base's modules and the recipe's prompts, or set the recipe's to the trainer's", r.base.name, strings.Join(differences, "; "))
}

// noteEpoch writes what is known of an epoch beside its checkpoint in dir.
func (r *round) noteEpoch(ctx context.Context, t texts, epoch int, dir string) error {
	open := func() (*model.Model, error) { return r.openModel(r.base.path) }
	if epoch > 0 {
		open = func() (*model.Model, error) { return r.openCheckpoint(dir) }
	}
	m, err := open()
	if err != nil {
		return err
	}
	defer m.Close()
	loss, err := r.evalLoss(ctx, m, t)
	if err != nil {
		return fmt.Errorf("eval_loss: %w", err)
	}
	return rundir.WriteJSON(r.dir.FS, filepath.Join(dir, epochInfoName), epochInfo{Version: 1, Epoch: epoch, EvalLoss: &loss})
}

// evalLoss is the loss of a model on dev as the round's own trainer would take it.
func (r *round) evalLoss(ctx context.Context, m *model.Model, t texts) (float64, error) {
	evaluator, err := r.evaluator(m, t)
	if err != nil {
		return 0, err
	}
	loss, err := evaluator.Loss(ctx)
	return loss, r.explainMemory(err)
}

// checkEvalLoss finds before an outside trainer's hours what would make them worthless: a dev split whose eval_loss
// cannot be taken, or does not fit the memory with its longest text.
func (r *round) checkEvalLoss() error {
	base, err := r.openModel(r.base.path)
	if err != nil {
		return err
	}
	_, err = r.evaluator(base, r.texts(base))
	return errors.Join(err, base.Close())
}

// evaluator tokenizes dev and the passages that it names with the model's own tokenizer, and nothing else.
func (r *round) evaluator(m *model.Model, t texts) (*finetune.Evaluator, error) {
	dev, err := r.devData(m, t)
	if err != nil {
		return nil, err
	}
	evaluator, err := finetune.NewEvaluator(m, r.engine, dev, r.finetuneOptions())
	return evaluator, r.explainMemory(err)
}
