package recipe_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/recipe"
)

// TestReferenceRecipe holds the recipe of the reference pipeline to the flags of its commands, setting by setting, in both rounds.
func TestReferenceRecipe(t *testing.T) {
	path := filepath.Join("..", "examples", "eedi", "bge-en-icl.yaml")
	r, err := recipe.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	reference := func(window recipe.Window) recipe.Stages {
		s := recipe.Default().Stages
		s.Lengths = recipe.Lengths{Query: 1024, Passage: 128} // --query_max_len, --passage_max_len
		s.Examples = recipe.Examples{
			Mine: 0, Eval: 1, Train: 2, By: []string{"construct_id", "subject_id"}, Leaks: recipe.LeaksPassOver,
			QueryLength: 384, ResponseLength: 128,
		}
		s.Mine.Window, s.Mine.Negatives, s.Mine.Depth = window, 15, window.End // --range_for_sampling, --negative_number
		f := &s.Finetune
		f.Method, f.Epochs, f.LearningRate, f.WarmupRatio = recipe.LoRA, 5, 1e-4, 0.1
		f.LoRA.R, f.LoRA.Alpha, f.LoRA.Dropout = 64, 32, 0.1
		f.LoRA.TargetModules = []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj", "up_proj"}
		f.Batch, f.Accumulate, f.GroupSize, f.DropLast = 16, 1, 8, true // 8 on each of two devices, --negatives_cross_device
		f.Temperature, f.MaskKnownPositives, f.Distill = 0.02, false, ""
		f.SaveEvery = 20
		s.Select = eval.SelectRule{Epoch: new(3), Because: r.Select.Because}
		s.MineWith, s.TrainFrom = recipe.Miner{Kind: recipe.Merged}, recipe.Base
		return s
	}
	want := []recipe.Stages{reference(recipe.Window{Start: 2, End: 200}), reference(recipe.Window{Start: 2, End: 100})}
	if diff := cmp.Diff(want, r.Rounds); diff != "" {
		t.Errorf("rounds (-reference +recipe):\n%s", diff)
	}

	const query = "<instruct>Given a multiple choice math question and a student's incorrect answer choice, identify and retrieve the specific mathematical " +
		"misconception or error in the student's thinking that led to this wrong answer.\n<query>x"
	p := r.Prompts
	if got := p.Query.Apply("x"); got != query || *p.Suffix != "\n<response>" || p.Passage == nil || *p.Passage != "" || p.FromRow {
		t.Errorf("prompts are %+v; a query becomes %q", p, got)
	}
	if r.Model.Written != "BAAI/bge-en-icl" || r.Pooling != "lasttoken" || r.Normalize == nil || !*r.Normalize || r.TruncateDim != 0 || r.AdditionalSpecialTokens != nil {
		t.Errorf("the model is %s, pooled by %q, normalised %v, cut to %d, with the tokens %q", r.Model.Written, r.Pooling, r.Normalize, r.TruncateDim, r.AdditionalSpecialTokens)
	}
	if got := fmt.Sprint(r.Eval.Metrics); got != "[map@25 recall@25 recall@50 recall@75 recall@100]" {
		t.Errorf("measures are %s", got)
	}
}

// TestReferenceRecipeWith25Negatives takes the recipe's other number of negatives by taking its comment sign away.
func TestReferenceRecipeWith25Negatives(t *testing.T) {
	path := filepath.Join("..", "examples", "eedi", "bge-en-icl.yaml")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	commented, setting := []byte("      # negatives: 25 "), []byte("      negatives: 25 ")
	if n := bytes.Count(content, commented); n != 1 {
		t.Fatalf("%d commented settings of 25 negatives, want 1", n)
	}
	r, err := recipe.Parse(bytes.Replace(content, commented, setting, 1), path)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := r.Round(0).Mine.Negatives, r.Round(1).Mine.Negatives; a != 15 || b != 25 {
		t.Errorf("negatives of the rounds are %d and %d, want 15 and 25", a, b)
	}
}
