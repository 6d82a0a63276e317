package finetune

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/transformer"
)

// TestDecaySparesNormsAndBiases compares with what transformers' Trainer chooses; see parity/encoders_fixture.py.
func TestDecaySparesNormsAndBiases(t *testing.T) {
	dirs, err := filepath.Glob("../model/testdata/encoders/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no encoder: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(dir, "expected/inputs.json"))
			if err != nil {
				t.Fatal(err)
			}
			var want struct{ Decayed []string }
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			m, err := model.Open(dir, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			g, err := m.Graph(transformer.Mode{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, decays := range decays(g) {
				if decays {
					got = append(got, g.Params[i].Name)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want.Decayed) {
				t.Errorf("decays %q, want %q", got, want.Decayed)
			}
		})
	}
}
