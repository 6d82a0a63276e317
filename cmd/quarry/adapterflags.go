package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
)

func (o *FinetuneOptions) addLoRA(cmd *cobra.Command) {
	f, l := cmd.Flags(), &o.Tune.LoRA
	f.IntVar(&l.Rank, "lora-rank", l.Rank, "rank of the adapters")
	f.Float64Var(&l.Alpha, "lora-alpha", l.Alpha, "scale: an adapter's part is multiplied by alpha / rank")
	f.Float64Var(&l.Dropout, "lora-dropout", l.Dropout, "share of an adapter's inputs dropped in training")
	f.StringVar(&o.Targets, "lora-targets", strings.Join(l.TargetModules, ","), "`list` of linear layers that get an adapter")
	f.BoolVar(&l.RSLoRA, "lora-rs", l.RSLoRA, "scale by the root of the rank")
	f.Var((*overrideList)(&l.RankPattern), "lora-rank-pattern", "`list` of other ranks, such as q_proj=8: a regular expression for the end of a module's name, and the rank; the first that matches counts")
	f.Var((*overrideList)(&l.AlphaPattern), "lora-alpha-pattern", "`list` of other alphas, in the same form")
	f.StringSliceVar(&l.ModulesToSave, "lora-modules-to-save", nil, "`list` of modules that are trained whole beside the adapters, by the ends of their names, such as embed_tokens")
	f.StringVar(&o.Adapter, "from-adapter", "", "adapter's `directory`, in PEFT's format, to train on, with its rank, alpha, dropout and layers (a fresh adapter)")
}

// flagsOfLoRA are those that shape an adapter.
var flagsOfLoRA = []string{"lora-rank", "lora-alpha", "lora-dropout", "lora-targets", "lora-rs", "lora-rank-pattern", "lora-alpha-pattern", "lora-modules-to-save"}

// overrideList is a flag that lists overrides of ranks or alphas.
type overrideList []lora.Override

// Set adds those of a list to the ones before.
func (l *overrideList) Set(text string) error {
	for _, part := range strings.Split(text, ",") {
		o, err := lora.ParseOverride(part)
		if err != nil {
			return err
		}
		*l = append(*l, o)
	}
	return nil
}

// String is the list as it is given.
func (l *overrideList) String() string {
	parts := make([]string, len(*l))
	for i, o := range *l {
		parts[i] = o.String()
	}
	return strings.Join(parts, ",")
}

// Type names the flag's value in its help.
func (l *overrideList) Type() string { return "list" }

// takeTokens gives the model the special tokens that the adapter which is trained on was trained with.
func (o *FinetuneOptions) takeTokens(h *host) error {
	if o.Adapter == "" {
		return nil
	}
	if err := refuseNoAdapter(o.Adapter); err != nil {
		return badInputf("--from-adapter: %w", err)
	}
	above, err := o.Model.options()
	if err != nil {
		return err
	}
	found, err := h.findModel(o.Model.Model)
	if err != nil {
		return badInputf("--model: %w", err)
	}
	if above, err = above.WithTokensOf(o.Adapter, found.dir); err != nil {
		return badInputf("--from-adapter: %w", err)
	}
	o.Model.SpecialTokens, o.Model.EOS = above.SpecialTokens, above.EOS
	return nil
}

// openAdapter reads the adapter that is trained on, where one is named.
func (o *FinetuneOptions) openAdapter(ctx context.Context, h *host, m *model.Model) error {
	if o.Adapter == "" {
		return nil
	}
	if err := checkBase(ctx, h, o.Adapter, "model", o.Model.Model, o.Model.found); err != nil {
		return fmt.Errorf("--from-adapter: %w", err)
	}
	a, err := lora.Open(o.Adapter, m.Base())
	if err != nil {
		return badInputf("--from-adapter: %w", err)
	}
	if a.Joined {
		return badInputf("--from-adapter: %s has layers on parts of the model's maps, as transformers 5 takes them apart, and here they are trained whole: merge it into the model first (quarry merge), and train a fresh adapter on that", o.Adapter)
	}
	o.Tune.LoRA = finetune.GoingOn(a)
	h.note("%s is trained on: r %d, alpha %g and dropout %g are its own, and so are its %d layers", o.Adapter, a.Config.Rank, a.Config.Alpha, a.Config.Dropout, len(a.Layers))
	return nil
}
