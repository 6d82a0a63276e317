package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/rundir"
)

// writeManifest traces the round from its sources to its result.
func (r *round) writeManifest(ctx context.Context) error {
	options, err := json.Marshal(r.stages)
	if err != nil {
		return err
	}
	choice, err := r.dir.ReadChoice(r.index)
	if err != nil {
		return err
	}
	m, err := r.openModel(r.base.path)
	if err != nil {
		return err
	}
	t := r.texts(m)
	if err := m.Close(); err != nil {
		return err
	}
	name, err := r.dir.Relative(r.files.Merged())
	if err != nil {
		return err
	}
	result, err := rundir.ModelDigest(ctx, r.dir.FS, r.files.Merged())
	if err != nil {
		return err
	}
	manifest := &rundir.Manifest{
		Version: rundir.ManifestVersion, Recipe: r.recipe.Name, Round: r.index, Seed: r.recipe.Seed, Identity: r.engine.Identity(),
		Data: r.data.files, Miner: manifestModel(r.miner), Base: manifestModel(r.base),
		Prompts:  rundir.ManifestPrompts{Query: string(t.Query.Template), Suffix: t.Query.Suffix, Passage: string(t.Passage.Template)},
		Examples: r.manifestExamples(),
		Options:  options,
		Choice:   rundir.ManifestChoice{Epoch: choice.Epoch, By: choice.By, Because: choice.Because},
		Result:   rundir.ManifestModel{Name: name, Digest: result},
	}
	// The order of the loop, not of the moment: a resumed run scores epochs after the training that it skips.
	stamps := slices.Clone(r.stamps)
	slices.SortStableFunc(stamps, func(a, b *rundir.Stamp) int { return cmp.Compare(place(a.Stage), place(b.Stage)) })
	for _, s := range stamps {
		manifest.Stages = append(manifest.Stages, s.ManifestStage())
	}
	return r.dir.WriteManifest(manifest)
}

// place is a stage's place in the loop; epochs are scored after the finetuning, in order, first on dev and then on other sets.
func place(stage string) int {
	const betweenStages = 1 << 20
	var epoch int
	if n, err := fmt.Sscanf(stage, "eval-epoch-%d", &epoch); n == 1 && err == nil {
		return slices.Index(Stages(), StageFinetune)*betweenStages + 1 + epoch
	}
	if n, err := fmt.Sscanf(stage, "also-epoch-%d-", &epoch); n == 1 && err == nil {
		return slices.Index(Stages(), StageFinetune)*betweenStages + betweenStages/2 + epoch
	}
	if strings.HasPrefix(stage, stageGuide) {
		return slices.Index(Stages(), StageFinetune)*betweenStages - 1
	}
	if stage == stageTeach {
		return slices.Index(Stages(), StageMine)*betweenStages - 1
	}
	if stage == stageCard {
		return slices.Index(Stages(), StageMerge)*betweenStages + 1
	}
	if stage == stageTest {
		return slices.Index(Stages(), StageSelect)*betweenStages + 1
	}
	return slices.Index(Stages(), stage) * betweenStages
}

func manifestModel(s source) rundir.ManifestModel {
	return rundir.ManifestModel{Name: s.name, Revision: s.revision, Digest: s.digest}
}
