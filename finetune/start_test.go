package finetune_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model/lora"
)

// TestTrainingOnFromAnAdapter begins where the adapter stands: the loss of base and adapter together to the bit, under the options that
// the adapter says; what it was read from does not change.
func TestTrainingOnFromAnAdapter(t *testing.T) {
	x := newTiny(t, 14)
	o := options(finetune.LoRA)
	o.LoRA.TargetModules, o.LoRA.Alpha, o.LoRA.RSLoRA = []string{"query", "value"}, 6, true
	first := x.trainer(t, o, compute.Options{Workers: 2})
	fresh, err := first.EvalLoss(t.Context(), x.data)
	if err != nil {
		t.Fatal(err)
	}
	train(t, first)
	want, err := first.EvalLoss(t.Context(), x.data)
	if err != nil {
		t.Fatal(err)
	}
	adapter, err := first.Adapter()
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(adapter.Layers[0].A)
	o.LoRA = finetune.GoingOn(adapter)
	if o.LoRA.Rank != 4 || o.LoRA.Alpha != 6 || !o.LoRA.RSLoRA || len(o.LoRA.TargetModules) != 4 {
		t.Errorf("options %+v", o.LoRA)
	}
	second := x.trainer(t, o, compute.Options{Workers: 2})
	got, err := second.EvalLoss(t.Context(), x.data)
	if err != nil || got != want || got == fresh {
		t.Errorf("the loss is %v, want %v, which %v of a fresh adapter is not (%v)", got, want, fresh, err)
	}
	train(t, second)
	if after, err := second.Adapter(); err != nil || slices.Equal(after.Layers[0].A, before) || !slices.Equal(adapter.Layers[0].A, before) {
		t.Error("training on changes the adapter that it began with, or nothing")
	}
}

func TestAdaptersThatAreNotTrainedOn(t *testing.T) {
	x := newTiny(t, 4)
	o := options(finetune.LoRA)
	o.LoRA.TargetModules = []string{"query"}
	adapter, err := x.trainer(t, o, compute.Options{Workers: 1}).Adapter()
	if err != nil {
		t.Fatal(err)
	}
	e, err := compute.New(compute.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, tc := range []struct {
		name, want string
		change     func(*finetune.Options)
	}{
		{"other modules", `the adapter has no layer on module "encoder.layer.0.attention.self.value"`, func(o *finetune.Options) { o.LoRA.TargetModules = []string{"value"} }},
		{"fewer modules", "the adapter has layers on modules that are not trained: encoder.layer.1.attention.self.query", func(o *finetune.Options) {
			o.LoRA.TargetModules = []string{"encoder.layer.0.attention.self.query"}
		}},
		{"another rank", "rank 4 and scaling ", func(o *finetune.Options) { o.LoRA.Rank = 2 }},
		{"another scaling", "rank 4 and scaling ", func(o *finetune.Options) { o.LoRA.Alpha = 1 }},
		{"a tensor of its own", `brings the whole tensor "embeddings.LayerNorm.weight", which is not trained`, func(o *finetune.Options) {
			with := *adapter
			with.Saved = map[string]lora.Saved{"embeddings.LayerNorm.weight": {}}
			o.LoRA.Start = &with
		}},
		{"without a tensor", `brings no tensor "embeddings.LayerNorm.bias" of shape [32]`, func(o *finetune.Options) { o.LoRA.ModulesToSave = []string{"embeddings.LayerNorm"} }},
		{"nothing of a name", `modules_to_save: "no_such" ends the name of no module`, func(o *finetune.Options) { o.LoRA.ModulesToSave = []string{"no_such"} }},
		{"whole and adapted", `module "encoder.layer.0.attention.self.query" gets an adapter, too`, func(o *finetune.Options) { o.LoRA.ModulesToSave = []string{"uery"} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changed := o
			changed.LoRA = finetune.GoingOn(adapter)
			tc.change(&changed)
			if _, err := finetune.New(x.model, e, x.data, changed); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
