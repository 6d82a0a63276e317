package main

import (
	"testing"

	"github.com/quarry-ml/quarry/internal/formatpage"
)

// TestThePageNamesEveryKeyOfATraining holds docs/formats/finetune.md to epochs.json and finetune.json.
func TestThePageNamesEveryKeyOfATraining(t *testing.T) {
	formatpage.Check(t, "../../docs/formats/finetune.md", epochsFile{}, trainingRecord{})
}
