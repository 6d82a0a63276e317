package pipeline

import (
	"strings"
	"testing"
)

// TestWeightsAreRoundedByTheCaller: a run never takes F32 for the bf16 that its recipe wants.
func TestWeightsAreRoundedByTheCaller(t *testing.T) {
	_, err := runTiny(t, tinyProject(t, strings.Replace(tinyRecipe, "model: model\n", "model: model\nweights: bf16\n", 1)), Options{})
	if err == nil || !strings.Contains(err.Error(), "recipe.yaml:4: weights: ") || !strings.Contains(err.Error(), "has weights in F32, which the recipe wants in bf16") {
		t.Errorf("error %v", err)
	}
}
